package warehouse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// overEachProtocol runs a test with a second way into one embedded warehouse: as
// itself, and as a server over either protocol.
func overEachProtocol(t *testing.T, test func(t *testing.T, w *Warehouse, other Config)) {
	protocols := []struct {
		name string
		url  func(*Warehouse) string
	}{
		{"embedded", func(*Warehouse) string { return Embedded }},
		{"native", func(w *Warehouse) string { return serverURL(w, "clickhouse", w.seat.Native) }},
		{"HTTP", func(w *Warehouse) string { return serverURL(w, "http", w.seat.HTTP) }},
	}
	for _, protocol := range protocols {
		t.Run(protocol.name, func(t *testing.T) {
			config := newConfig(t)
			w := mustOpen(t, config)
			config.URL, config.AnalystURL = protocol.url(w), analystURL(w)
			test(t, w, config)
		})
	}
}

func serverURL(w *Warehouse, scheme, host string) string {
	auth := w.Options().Auth
	return fmt.Sprintf("%s://%s:%s@%s/%s", scheme, auth.Username, auth.Password, host, w.Names().Views)
}

func analystURL(w *Warehouse) string {
	e, _ := w.Endpoints()
	return fmt.Sprintf("http://%s:%s@%s", e.User, e.Password, w.seat.HTTP)
}

// A run may take hours, a query of it minutes at most: the time-out for the one is not for the
// other.
func TestLeaseOutlastsTheReadTimeout(t *testing.T) {
	w := newWarehouse(t)
	other, err := Open(t.Context(), Config{URL: serverURL(w, "clickhouse", w.seat.Native) + "?read_timeout=1s"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	// Taking it needs queries that may take longer than that on a slow machine.
	var lease *Lease
	eventually(t, "a lease", func() bool {
		lease, err = other.Lease(t.Context(), "run", "stagelag run")
		return err == nil
	})
	defer lease.Release()
	select {
	case <-lease.Context().Done():
		t.Errorf("the lease has ended: %v", context.Cause(lease.Context()))
	case <-time.After(2500 * time.Millisecond):
	}
}

func TestLeaseHasOneHolder(t *testing.T) {
	overEachProtocol(t, func(t *testing.T, w *Warehouse, config Config) {
		other, err := Open(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		lease, err := other.Lease(t.Context(), "run", "stagelag run")
		if err != nil {
			t.Fatal(err)
		}
		for _, second := range []*Warehouse{w, other} {
			_, err := second.Lease(t.Context(), "run", "stagelag run")
			var held *HeldError
			if !errors.As(err, &held) {
				t.Fatalf("the second lease: %v, want a HeldError", err)
			}
			if age := time.Since(held.Since); held.Holder.Process != os.Getpid() || age < 0 || age > time.Minute {
				t.Errorf("held by %+v since %s, want this process, just now", held.Holder, held.Since)
			}
			if want := fmt.Sprintf("process %d, since ", os.Getpid()); !strings.Contains(err.Error(), want) {
				t.Errorf("the second lease: %v, want %q in it", err, want)
			}
		}
		unrelated, err := w.Lease(t.Context(), "migration", "stagelag migrate up")
		if err != nil {
			t.Fatalf("a lease of another name: %v", err)
		}
		if err := errors.Join(lease.Release(), lease.Release(), unrelated.Release()); err != nil {
			t.Fatal(err)
		}
		if cause := context.Cause(lease.Context()); cause == nil || errors.Is(cause, ErrLeaseLost) {
			t.Errorf("the released lease's context: %v, want it cancelled, not lost", cause)
		}
		next, err := w.Lease(t.Context(), "run", "stagelag run")
		if err != nil {
			t.Fatalf("the lease after the first was released: %v", err)
		}
		if err := next.Release(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestLeaseEndsWithAKilledHolder(t *testing.T) {
	overEachProtocol(t, func(t *testing.T, w *Warehouse, config Config) {
		holder := startHelper(t, task{Config: config, Lease: "run"})
		holder.ready()
		if _, err := w.Lease(t.Context(), "run", "a test"); err == nil {
			t.Fatal("two processes have the lease")
		}
		holder.kill()
		began := time.Now()
		lease, err := w.Lease(t.Context(), "run", "a test")
		if err != nil {
			t.Fatalf("the lease after its holder was killed: %v", err)
		}
		t.Logf("free after %s", time.Since(began).Round(time.Millisecond))
		if err := lease.Release(); err != nil {
			t.Error(err)
		}
	})
}

// The engine still has the lease of a lost connection for a moment. Whoever has lost it can have
// it again all the same.
func TestLeaseThatWasLostCanBeTakenAgain(t *testing.T) {
	overEachProtocol(t, func(t *testing.T, _ *Warehouse, config Config) {
		w, err := Open(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		for range 3 {
			lease, err := w.Lease(t.Context(), "run", "stagelag run")
			if err != nil {
				t.Fatal(err)
			}
			lease.cancel() // as a connection that ends, without Release's wait for the engine
			<-lease.Context().Done()
		}
	})
}

func TestLeaseOfManyAtOneInstantHasOneHolder(t *testing.T) {
	w := newWarehouse(t)
	results := make(chan error, 8)
	leases := make(chan *Lease, 8)
	for range cap(results) {
		go func() {
			lease, err := w.Lease(t.Context(), "run", "a test")
			if err == nil {
				leases <- lease
			}
			results <- err
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil && !errors.As(err, new(*HeldError)) {
			t.Error(err)
		}
	}
	if n := len(leases); n != 1 {
		t.Errorf("%d have the lease, want 1", n)
	}
}

func TestLeaseIsLostWithTheEngine(t *testing.T) {
	w := mustOpen(t, Config{URL: Embedded, Path: newPath(t)})
	lease, err := w.Lease(t.Context(), "run", "a test")
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(w.seat.Engine, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-lease.Context().Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the lease outlives its engine")
	}
	if cause := context.Cause(lease.Context()); !errors.Is(cause, ErrLeaseLost) {
		t.Errorf("the cause is %v, want ErrLeaseLost", cause)
	}
}
