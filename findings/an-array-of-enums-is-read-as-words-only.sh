#!/usr/bin/env bash
# clickhouse-go v2.50.0 over the native protocol, with ClickHouse 26.7.2.1 (npm @chdb/lib-linux-x64-gnu
# 26.7.3-stable.1).
#
# An Enum8 can be scanned into a string or into a number. An Array(Enum8) can be scanned into a list
# of strings only: a list of numbers, which would spare a name for each element, is an error, though
# the driver takes exactly that list when it writes the column.
#
# Seen: one value into int8: 1; a list written from []int8: no error, read into []string: [a b], into
# []int8: "converting string to int8 is unsupported".
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
SYSTEM START LISTEN TCP;
SELECT getServerPort('tcp_port') INTO OUTFILE '$work/port' FORMAT TSV;
SELECT * FROM file('$work/hold', LineAsString);
SQL
GODEBUG=asyncpreemptoff=1 ./engine "$library" --path="$work/data" --listen_host=127.0.0.1 --tcp_port=0 --queries-file start.sql >engine.log 2>&1 &
exec 9<>hold
for _ in $(seq 300); do
	[ -s port ] && break
	sleep 0.1
done

mkdir client
cd client
cat >go.mod <<'MOD'
module client
go 1.26
MOD
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func main() {
	ctx := context.Background()
	db, err := clickhouse.Open(&clickhouse.Options{Addr: []string{"127.0.0.1:" + os.Args[1]}})
	must(err)
	must(db.Exec(ctx, "CREATE TABLE t (one Enum8('a' = 1, 'b' = 2), list Array(Enum8('a' = 1, 'b' = 2))) ENGINE = Memory"))
	batch, err := db.PrepareBatch(ctx, "INSERT INTO t")
	must(err)
	must(batch.Append(int8(1), []int8{1, 2}))
	must(batch.Send())
	var one int8
	must(db.QueryRow(ctx, "SELECT one FROM t").Scan(&one))
	var words []string
	must(db.QueryRow(ctx, "SELECT list FROM t").Scan(&words))
	var numbers []int8
	err = db.QueryRow(ctx, "SELECT list FROM t").Scan(&numbers)
	fmt.Println("one into int8:", one, "- list into []string:", words, "- list into []int8:", err)
	if one != 1 || len(words) != 2 || err == nil || !strings.Contains(err.Error(), "converting string to int8 is unsupported") {
		os.Exit(1)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
GO
go get github.com/ClickHouse/clickhouse-go/v2@v2.50.0 2>/dev/null
go run -mod=mod . "$(cat ../port)"
