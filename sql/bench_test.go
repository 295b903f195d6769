package sql_test

import (
	"strconv"
	"testing"

	"stagelag/warehouse/warehousetest"
)

// BenchmarkUp brings up the schema of an empty warehouse: go test ./sql -run '^$' -bench Up -benchtime 1x.
func BenchmarkUp(b *testing.B) {
	for n := range 5 {
		b.Run(strconv.Itoa(n+1), func(b *testing.B) {
			w := warehousetest.New(b)
			b.ResetTimer()
			for range b.N {
				up(b, w)
			}
		})
	}
}
