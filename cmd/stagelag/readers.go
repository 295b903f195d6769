package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"stagelag/config"
	"stagelag/warehouse"
)

// A reading serves the embedded warehouse to readers for as long as a schedule stays up: where
// warehouse.listen names a port, they look there at any time of the day.
type reading struct {
	log logrus.FieldLogger

	mu   sync.Mutex
	stop func() // ends what is served; nil while nothing is
	at   warehouse.Config
}

// serve serves what the configuration names, in place of what was served. A server serves itself, and with
// ports that the system chooses nobody would find the warehouse.
func (r *reading) serve(ctx context.Context, cfg config.Config) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := warehouseConfig(cfg)
	isWanted := cfg.Warehouse.URL.IsEmbedded() && cfg.Warehouse.Listen.IsFixed()
	if r.stop != nil && isWanted && at == r.at {
		return
	}
	r.end()
	if !isWanted {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	var serving sync.WaitGroup
	serving.Go(func() { r.keep(ctx, at) })
	r.at, r.stop = at, func() {
		cancel()
		serving.Wait()
	}
}

// close ends what is served.
func (r *reading) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end()
}

func (r *reading) end() {
	if r.stop != nil {
		r.stop()
		r.stop = nil
	}
}

// keep holds the warehouse open, and opens it again when its engine no longer answers.
func (r *reading) keep(ctx context.Context, at warehouse.Config) {
	isFailed := false
	for ctx.Err() == nil {
		err := r.hold(ctx, at)
		if err != nil && ctx.Err() == nil && !isFailed {
			r.log.WithError(err).Warn("readers are not served; it is tried again every minute")
		}
		isFailed = err != nil
		select {
		case <-ctx.Done():
		case <-time.After(time.Minute):
		}
	}
}

func (r *reading) hold(ctx context.Context, at warehouse.Config) (err error) {
	w, err := warehouse.Open(ctx, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	e, _ := w.Endpoints()
	log := r.log.WithFields(logrus.Fields{"native": e.Native, "http": e.HTTP})
	log.Info("readers are served")
	if at.ListenNative != e.Native && !isAnyPort(at.ListenNative) || at.ListenHTTP != hostOf(e.HTTP) && !isAnyPort(at.ListenHTTP) {
		log.Warn("another command has started the engine at other ports; those of warehouse.listen hold from its next start")
	}
	return watch(ctx, func(ctx context.Context) error { return w.DB().Ping(ctx) }, 10*time.Second)
}
