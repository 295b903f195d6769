package simulator_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"stagelag/simulator"
)

func TestServe(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "localhost:0", ":0"} {
		t.Run(address, func(t *testing.T) {
			p := simulator.New(newWorld(), simulator.Options{Now: time.Now})
			base, stop, err := simulator.Serve(t.Context(), address, p)
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.Get(p.WebhookURL(base) + "scope")
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			wantEqual(t, "status", response.StatusCode, 200)
			stop()
			stop()
			if _, err := http.Get(p.WebhookURL(base) + "scope"); err == nil {
				t.Error("it still answers after stop")
			}
		})
	}
}

func TestServeEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	base, stop, err := simulator.Serve(ctx, "127.0.0.1:0", simulator.New(newWorld(), simulator.Options{Now: time.Now}))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	stop() // waits for the end
	if _, err := http.Get(base); err == nil {
		t.Error("it still answers after the context ended")
	}
}

func TestServeRefuses(t *testing.T) {
	base, stop, err := simulator.Serve(t.Context(), "127.0.0.1:0", http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	tests := []struct{ name, address, want string }{
		{"all addresses", "0.0.0.0:0", "on loopback only"},
		{"an address of the network", "192.0.2.1:80", "on loopback only"},
		{"a name", "portal.example:80", "on loopback only"},
		{"no port", "127.0.0.1", "an address is host:port"},
		{"a port that is taken", strings.TrimPrefix(base, "http://"), "address already in use"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := simulator.Serve(t.Context(), test.address, http.NotFoundHandler())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Serve(%s) gives the error %v, want one with %q", test.address, err, test.want)
			}
		})
	}
}
