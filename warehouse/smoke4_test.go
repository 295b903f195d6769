package warehouse

import (
	"context"
	"testing"
	"time"
)

func TestLeaseSmoke2(t *testing.T) {
	path := t.TempDir()
	w, err := Open(context.Background(), Config{URL: Embedded, Path: path})
	if err != nil { t.Fatal(err) }
	e, _ := w.Endpoints()
	h, err := Open(context.Background(), Config{URL: "http://stagelag:"+w.seat.credentials.Stagelag+"@"+e.HTTP[7:len(e.HTTP)-1]+"/?read_timeout=2s" })
	if err != nil { t.Fatal(err) }
	t.Log(h.options.ReadTimeout)
	l, err := h.Lease(t.Context(), "run", "test")
	if err != nil { t.Fatal(err) }
	for range 8 {
	time.Sleep(1*time.Second)
	t.Log(l.Context().Err(), context.Cause(l.Context()))
	}
	err = l.Release()
	h.Close()
	w.Close()
	k, err := lock(t.Context(), folder(path).engineLock())
	 k.Close()
}
