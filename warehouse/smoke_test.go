package warehouse

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

func TestSmoke(t *testing.T) {
	path := "/tmp/wh/smoke"
	for range 1 {
		t0 := time.Now()
		w, err := Open(context.Background(), Config{URL: Embedded, Path: path})
		if err != nil {
			t.Fatal(err)
		}
		t.Log("open", time.Since(t0))
		t1 := time.Now()
		w2, err := Open(context.Background(), Config{URL: Embedded, Path: path})
		if err != nil {
			t.Fatal(err)
		}
		t.Log("join", time.Since(t1))
		w2.Close()
		var b strings.Builder
		t.Log(w.Query(context.Background(), &b, "select version(), currentUser(), currentDatabase()", "TSV"), b.String())
		t.Log(w.Query(context.Background(), &b, "selec 1", "TSV"))
		t.Log(w.Query(context.Background(), &b, "select 1 from nothing", "TSV"))
		t.Log(w.Query(context.Background(), &b, "select file('/etc/passwd')", "TSV"))
		st, _ := os.ReadFile("/proc/" + itoa(w.seat.endpoint.Engine) + "/status")
		for _, l := range strings.Split(string(st), "\n") {
			if strings.HasPrefix(l, "VmRSS") {
				t.Log(l)
			}
		}
		w.Close()
		t1 = time.Now()
		l, err := lock(t.Context(), folder(path).engineLock())
		t.Log("ended", time.Since(t1), err)
		l.Close()
	}
}
func itoa(i int) string {
	return strings.TrimSpace(strings.Join(strings.Fields(string(appendInt(i))), ""))
}
func appendInt(i int) []byte {
	if i < 10 {
		return []byte{byte('0' + i)}
	}
	return append(appendInt(i/10), byte('0'+i%10))
}
