#!/usr/bin/env bash
# ClickHouse 26.7.2.1 (npm @chdb/lib-linux-x64-gnu 26.7.3-stable.1), asked over HTTP.
#
# CREATE VIEW stores the names of tables and views with the current database in front, so that the
# view means the same from everywhere. The name of a parametrised view, which is called like a
# function, is stored as it was written. A view that calls one without its database is created
# without a word, works for whoever has that database as the current one, and for anybody else fails
# with an unknown table function; with the definer's rights it fails for all.
#
# Seen: the table is stored as d.t, the call as p(least = 0); in database d: 1, in default: UNKNOWN_FUNCTION.
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
in_d() { curl -sS "http://127.0.0.1:$(cat port)/?database=d" --data-binary "$1"; }
in_default() { curl -sS "http://127.0.0.1:$(cat port)/?database=default" --data-binary "$1"; }
in_d "CREATE TABLE t (n UInt32) ENGINE = MergeTree ORDER BY n"
in_d "INSERT INTO t VALUES (1)"
in_d "CREATE VIEW p AS SELECT n FROM t WHERE n > {least:UInt32}"
in_d "CREATE VIEW v AS SELECT n FROM p(least = 0) WHERE n IN (SELECT n FROM t)"
in_d "SHOW CREATE VIEW v FORMAT TSVRaw"
here=$(in_d "SELECT n FROM d.v")
there=$(in_default "SELECT n FROM d.v" | grep -o 'UNKNOWN_FUNCTION' | head -1 || true)
echo "in database d: $here, in default: $there"
in_d "SHOW CREATE VIEW v FORMAT TSVRaw" | grep -q 'FROM d\.t'
in_d "SHOW CREATE VIEW v FORMAT TSVRaw" | grep -q 'FROM p(least = 0)'
[ "$here" = 1 ] && [ "$there" = UNKNOWN_FUNCTION ]
