#!/usr/bin/env bash
# ClickHouse 26.7.2.1 (npm @chdb/lib-linux-x64-gnu 26.7.3-stable.1), asked over HTTP.
#
# The setting enable_shared_storage_snapshot_in_query, on by default, lets all parts of a query read
# a MergeTree table as it was at one moment. A plain count() does not take part in it: the engine
# answers it from the table's live bookkeeping (optimize_trivial_count_query, on by default). So one
# query that asks a table for its number of rows twice can get two numbers, and a count that does not
# fit the sum beside it; with any condition, count(n) or countIf() the numbers are of one moment.
#
# Seen: count() 1 and 2, max(n) 1 and 1 (a row comes in between the two).
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
for measure in "count()" "max(n)"; do
	ask "TRUNCATE TABLE d.t SYNC"
	ask "INSERT INTO d.t VALUES (1)"
	# The pause between the two takes two seconds.
	ask "SELECT (SELECT $measure FROM d.t), (SELECT sum(sleepEachRow(0.5)) FROM numbers(4)), (SELECT $measure + 0 FROM d.t)" >answer &
	query=$!
	sleep 1
	ask "INSERT INTO d.t VALUES (2)"
	wait $query
	seen="${seen:-}$measure $(cut -f1 answer) $(cut -f3 answer); "
done
echo "$seen"
[ "$seen" = "count() 1 2; max(n) 1 1; " ]
