#!/usr/bin/env bash
# ClickHouse 26.7.2.1 (npm @chdb/lib-linux-x64-gnu 26.7.3-stable.1) as clickhouse local.
#
# A server takes its time zone from <timezone> in its configuration. clickhouse local, which reads the
# same configuration file and can listen as a server does, takes no notice of that element: its zone
# is the one of the environment or of the machine. What a Date or a DateTime without a zone means
# then differs from machine to machine.
#
# Seen: with <timezone>UTC</timezone> and TZ=Asia/Tokyo: Asia/Tokyo; with TZ=UTC: UTC.
# Exits 1 if that has changed.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
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


echo '<clickhouse><timezone>UTC</timezone></clickhouse>' >config.xml
zone() {
	TZ=$1 GODEBUG=asyncpreemptoff=1 ./engine "$library" --config-file="$work/config.xml" --query "SELECT serverTimezone() INTO OUTFILE '$work/zone' TRUNCATE FORMAT TSV"
	cat zone
}
tokyo=$(zone Asia/Tokyo)
utc=$(zone UTC)
echo "TZ=Asia/Tokyo: $tokyo, TZ=UTC: $utc"
[ "$tokyo" = Asia/Tokyo ] && [ "$utc" = UTC ]
