package warehouse

import (
	"context"
	"testing"
	"time"
)

func TestLeaseSmoke(t *testing.T) {
	path := t.TempDir()
	w, err := Open(context.Background(), Config{URL: Embedded, Path: path})
	if err != nil { t.Fatal(err) }
	e, _ := w.Endpoints()
	h, err := Open(context.Background(), Config{URL: "http://stagelag:"+w.seat.credentials.Stagelag+"@"+e.HTTP[7:len(e.HTTP)-1] })
	if err != nil { t.Fatal(err) }
	for _, x := range []*Warehouse{w, h, w, h} {
	t0 := time.Now()
	l, err := x.Lease(t.Context(), "run", "test")
	t.Log("lease", time.Since(t0), err)
	if err != nil { t.Fatal(err) }
	t0 = time.Now()
	_, err = w.Lease(t.Context(), "run", "test")
	t.Log("second", time.Since(t0), err)
	t0 = time.Now()
	_, err = h.Lease(t.Context(), "run", "test")
	t.Log("second", time.Since(t0), err)
	t0 = time.Now()
	time.Sleep(2*time.Second)
	t.Log(l.Context().Err())
	err = l.Release()
	t.Log("release", time.Since(t0), err)
	}
	h.Close()
	w.Close()
	l, err := lock(t.Context(), folder(path).engineLock())
	 l.Close()
}
