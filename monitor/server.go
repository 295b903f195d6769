package monitor

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// A Server serves a monitor at an address that may change. It is for one goroutine at a time.
type Server struct {
	handler http.Handler
	asked   string       // for
	server  *http.Server // nil for none
	at      net.Addr
}

// NewServer makes a server for what Handler serves, which listens nowhere yet.
func NewServer(version string, monitors ...*Monitor) *Server {
	return &Server{handler: Handler(version, monitors...)}
}

// Listen serves at an address instead of the one before; with an empty address, nowhere. With an
// error the one before stays.
func (s *Server) Listen(ctx context.Context, address string) error {
	if address == s.asked {
		return nil
	}
	if address == "" {
		s.Close()
		return nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	s.Close()
	s.asked, s.at = address, listener.Addr()
	s.server = &http.Server{
		Handler: s.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
	}
	server := s.server
	go func() { _ = server.Serve(listener) }() // ends when it is closed
	return nil
}

// Address is where it is served, off for nowhere.
func (s *Server) Address() string {
	if s.server == nil {
		return "off"
	}
	return s.at.String()
}

// Close ends the server. It waits two seconds at most for answers under way.
func (s *Server) Close() {
	if s.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if errors.Is(s.server.Shutdown(ctx), context.DeadlineExceeded) {
		_ = s.server.Close()
	}
	s.server, s.asked = nil, ""
}
