#!/usr/bin/env bash
# ClickHouse 26.7.2.1 (npm @chdb/lib-linux-x64-gnu 26.7.3-stable.1), asked over HTTP.
#
# The setting enable_shared_storage_snapshot_in_query, on by default, lets all parts of a query read
# a table as it was at one moment. One would expect that of views over the table too. It holds for
# views with the reader's rights (SQL SECURITY INVOKER). Views with the definer's rights (SQL
# SECURITY DEFINER, the usual way to show a view and hide its table) each read the table at a moment
# of their own: a row that comes in while the query is under way is in one view and not in the other.
#
# Seen: invoker 1 1, definer 2 3 (the greatest number in the table; a greater one comes in during
# each query).
# Exits 1 if that has changed.
set -euo pipefail

work=$(mktemp -d)
trap 'exec 9>&- || true; wait || true; rm -rf "$work"' EXIT
cd "$work"
npm pack --silent @chdb/lib-linux-x64-gnu@26.7.3-stable.1 >/dev/null
tar -xzf ./*.tgz
library=$(find . -name libchdb.so)

cat >go.mod <<'MOD'
module finding
go 1.26
MOD
cat >main.go <<'GO'
package main

import (
	"os"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

func main() {
	library, err := purego.Dlopen(os.Args[1], purego.RTLD_NOW)
	if err != nil {
		panic(err)
	}
	run, err := purego.Dlsym(library, "chdb_query_cmdline")
	if err != nil {
		panic(err)
	}
	var pin runtime.Pinner
	var argv []*byte
	for _, a := range append([]string{"clickhouse-local"}, os.Args[2:]...) {
		text := append([]byte(a), 0)
		pin.Pin(&text[0])
		argv = append(argv, &text[0])
	}
	argv = append(argv, nil)
	pin.Pin(&argv[0])
	purego.SyscallN(run, uintptr(len(argv)-1), uintptr(unsafe.Pointer(&argv[0])))
	pin.Unpin()
	os.Exit(0)
}
GO
go get github.com/ebitengine/purego@v0.11.3 2>/dev/null
go build -o engine .

mkfifo hold
cat >start.sql <<SQL
SYSTEM START LISTEN HTTP;
SELECT getServerPort('http_port') INTO OUTFILE '$work/port' FORMAT TSV;
SELECT * FROM file('$work/hold', LineAsString);
SQL
GODEBUG=asyncpreemptoff=1 ./engine "$library" --path="$work/data" --listen_host=127.0.0.1 --http_port=0 --queries-file start.sql >engine.log 2>&1 &
exec 9<>hold
for _ in $(seq 300); do
	[ -s port ] && break
	sleep 0.1
done
ask() { curl -sS --fail-with-body "http://127.0.0.1:$(cat port)/" --data-binary "$1"; }

ask "CREATE DATABASE d ENGINE = Atomic"
ask "CREATE TABLE d.t (n UInt32) ENGINE = MergeTree ORDER BY n"
ask "INSERT INTO d.t VALUES (1)"
for security in invoker definer; do
	rights="SQL SECURITY INVOKER"
	[ $security = definer ] && rights="DEFINER = CURRENT_USER SQL SECURITY DEFINER"
	ask "CREATE VIEW d.first_$security $rights AS SELECT max(n) AS n FROM d.t"
	ask "CREATE VIEW d.second_$security $rights AS SELECT max(n) AS n FROM d.t"
done
rows=0
for security in invoker definer; do
	rows=$((rows + 1))
	# The pause between the two views takes two seconds.
	ask "SELECT (SELECT n FROM d.first_$security), (SELECT sum(sleepEachRow(0.5)) FROM numbers(4)), (SELECT n FROM d.second_$security)" >"$security" &
	query=$!
	sleep 1
	ask "INSERT INTO d.t VALUES ($((rows + 1)))"
	wait $query
done
echo "settings: $(ask "SELECT value FROM system.settings WHERE name = 'enable_shared_storage_snapshot_in_query'")"
echo "invoker:  $(cut -f1,3 invoker)"
echo "definer:  $(cut -f1,3 definer)"
[ "$(cut -f1,3 invoker)" = $'1\t1' ] && [ "$(cut -f1,3 definer)" = $'2\t3' ]
