package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"stagelag/config"
	"stagelag/loader"
	"stagelag/monitor"
	"stagelag/nightly"
	"stagelag/warehouse"
)

// A page is where a schedule tells how it is doing. It is for one goroutine at a time.
type page struct {
	handler http.Handler
	asked   config.ListenAddress // for
	server  *http.Server         // nil for none
	at      net.Addr
}

// listen serves at an address, and no longer at the one before. When that can't be, the one
// before stays.
func (p *page) listen(ctx context.Context, address config.ListenAddress) error {
	if address == p.asked {
		return nil
	}
	if address == "" {
		p.close()
		return nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", string(address))
	if err != nil {
		return err
	}
	p.close()
	p.asked, p.at = address, listener.Addr()
	p.server = &http.Server{
		Handler: p.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
	}
	server := p.server
	go func() { _ = server.Serve(listener) }() // ends when it is closed
	return nil
}

// address is where it is served, off for nowhere.
func (p *page) address() string {
	if p.server == nil {
		return "off"
	}
	return p.at.String()
}

// close waits a moment for answers under way.
func (p *page) close() {
	if p.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if errors.Is(p.server.Shutdown(ctx), context.DeadlineExceeded) {
		_ = p.server.Close()
	}
	p.server, p.asked = nil, ""
}

// A looker asks the warehouse what it shows. It stays connected, so that the embedded engine
// is not started for each question. It is for one goroutine at a time.
type looker struct {
	job      *nightlyJob
	of       warehouse.Config
	w        *warehouse.Warehouse // nil while there is none
	seen     monitor.Published
	isFailed bool
}

// look asks for the figures again only when another run was published.
func (l *looker) look(ctx context.Context) (monitor.Published, error) {
	published, err := l.ask(ctx)
	if err != nil {
		l.close()
		if !l.isFailed {
			l.job.app.log.WithError(err).Warn("the warehouse can't be asked")
		}
	} else if l.isFailed {
		l.job.app.log.Info("the warehouse can be asked again")
	}
	l.isFailed = err != nil
	return published, err
}

func (l *looker) ask(ctx context.Context) (monitor.Published, error) {
	cfg, _ := l.job.current()
	if of := warehouseConfig(cfg); l.w == nil || of != l.of {
		l.close()
		w, err := warehouse.Open(ctx, of)
		if err != nil {
			return monitor.Published{}, err
		}
		l.w, l.of = w, of
	}
	if err := mustBeWhole(ctx, l.w); err != nil {
		return l.seen, err
	}
	conn := l.w.DB()
	run, err := loader.LastPublished(ctx, conn)
	if err != nil || run == l.seen.Run {
		return l.seen, err
	}
	published := monitor.Published{Run: run, Gaps: map[string]uint64{}}
	if published.DaysLost, err = loader.DaysLost(ctx, conn, run.RunID); err != nil {
		return monitor.Published{}, err
	}
	gaps, err := nightly.CountGaps(ctx, conn)
	if err != nil {
		return monitor.Published{}, err
	}
	for _, gap := range gaps {
		published.Gaps[gap.Reason] = gap.Count
	}
	l.seen = published
	return published, nil
}

func (l *looker) close() {
	if l.w != nil {
		_ = l.w.Close() // it only ends a connection that was read from
	}
	l.w, l.seen = nil, monitor.Published{}
}
