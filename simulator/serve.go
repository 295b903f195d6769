package simulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Serve answers on a loopback address such as 127.0.0.1:8080 (port 0: the system chooses)
// until stop is called or the context ends. The base URL has no slash at its end. It
// refuses other addresses: the webhook's secret goes over plain http. stop waits for
// requests that are being answered, and may be called twice.
func Serve(ctx context.Context, address string, handler http.Handler) (base string, stop func(), err error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", nil, fmt.Errorf("listen on %q: an address is host:port", address)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", nil, fmt.Errorf("listen on %q: the simulated portal serves on loopback only", address)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			cancel()
		}
	}()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		<-ctx.Done()
		grace, end := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer end()
		if server.Shutdown(grace) != nil {
			_ = server.Close()
		}
		<-done
	}()
	return "http://" + listener.Addr().String(), func() { cancel(); <-closed }, nil
}
