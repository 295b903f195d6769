#!/usr/bin/env bash
# ClickHouse 26.7.2.1 (npm @chdb/lib-linux-x64-gnu 26.7.3-stable.1), asked over HTTP.
#
# Parts and mutations of a MergeTree table are numbered by one counter. RESTORE brings parts in under the
# mutation version that they had in the backup, and the restored table's counter begins anew. Until the
# server restarts, or the table is detached and attached, ALTER TABLE … UPDATE gets a number that these
# parts seem to be beyond: with mutations_sync = 2 it returns without an error, system.mutations says that
# it is done, and no row has changed.
#
# Seen: 3 rows to be updated after RESTORE, is_done = 1, 0 rows updated; the parts moved into a fresh table
# by ATTACH PARTITION … FROM, 3 rows updated.
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
echo "<clickhouse><backups><allowed_path>$work/</allowed_path></backups></clickhouse>" >config.xml
cat >start.sql <<SQL
SYSTEM START LISTEN HTTP;
SELECT getServerPort('http_port') INTO OUTFILE '$work/port' FORMAT TSV;
SELECT * FROM file('$work/hold', LineAsString);
SQL
GODEBUG=asyncpreemptoff=1 ./engine "$library" --path="$work/data" --config-file=config.xml --listen_host=127.0.0.1 --http_port=0 --queries-file start.sql >engine.log 2>&1 &
exec 9<>hold
for _ in $(seq 300); do
	[ -s port ] && break
	sleep 0.1
done
ask() { curl -sS --fail-with-body "http://127.0.0.1:$(cat port)/" --data-binary "$1"; }


ask "CREATE DATABASE d ENGINE = Atomic"
ask "CREATE TABLE d.t (n UInt32, v UInt32) ENGINE = MergeTree ORDER BY n"
ask "INSERT INTO d.t VALUES (1, 0), (2, 0), (3, 0)"
for v in 1 2 3 4 5; do
	ask "ALTER TABLE d.t UPDATE v = $v WHERE 1 SETTINGS mutations_sync = 2"
done
ask "BACKUP TABLE d.t TO File('$work/b')" >/dev/null
ask "DROP TABLE d.t SYNC"
ask "RESTORE TABLE d.t FROM File('$work/b')" >/dev/null
ask "ALTER TABLE d.t UPDATE v = 9 WHERE 1 SETTINGS mutations_sync = 2"
isDone=$(ask "SELECT min(is_done) FROM system.mutations WHERE database = 'd' AND table = 't'")
updated=$(ask "SELECT countIf(v = 9) FROM d.t")
ask "CREATE TABLE d.fresh AS d.t"
ask "ALTER TABLE d.fresh ATTACH PARTITION ALL FROM d.t"
ask "ALTER TABLE d.fresh UPDATE v = 9 WHERE 1 SETTINGS mutations_sync = 2"
fresh=$(ask "SELECT countIf(v = 9) FROM d.fresh")
echo "is_done = $isDone, $updated rows updated after RESTORE, $fresh in a fresh table"
[ "$isDone $updated $fresh" = "1 0 3" ]
