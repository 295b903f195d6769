package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"stagelag/plain"
	"stagelag/simulator"
)

// nights serves the worlds of files, one after another, under one address.
type nights struct {
	files  []string
	next   int // of the files
	limits simulator.Limits
	system func() time.Time
	read   simulator.Nights
	shown  func(simulator.Message)
	served atomic.Pointer[simulator.Portal]
	now    time.Time // on the portal's clock when the night began
}

func (n *nights) ServeHTTP(w http.ResponseWriter, r *http.Request) { n.served.Load().ServeHTTP(w, r) }

// turn goes on to the next file, or reads the last one again. With an error the night before stays.
func (n *nights) turn() (string, error) {
	name := n.files[n.next]
	file, err := os.Open(name)
	if err != nil {
		return name, plain.NotRead(name, err)
	}
	defer file.Close()
	night, err := n.read.Read(file)
	if err != nil {
		return name, fmt.Errorf("%s: %w", name, err)
	}
	begun := n.system()
	n.now = night.Now
	n.served.Store(simulator.New(night.World, simulator.Options{
		Now:    func() time.Time { return night.Now.Add(n.system().Sub(begun)) },
		Limits: n.limits, Zone: night.Zone, Scopes: portalScopes, Delivered: n.shown,
	}))
	n.next = min(n.next+1, len(n.files)-1)
	return name, nil
}

// portalScopes are the rights of a simulated webhook.
var portalScopes = []string{"calendar", "crm", "department", "im", "user"}

// serveNights serves the files until the context ends; each SIGHUP goes on to the next.
func (a *app) serveNights(ctx context.Context, flags portalFlags, limits simulator.Limits) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)

	n := &nights{files: flags.world, limits: limits, system: a.now, shown: a.showMessage}
	name, err := n.turn()
	if err != nil {
		return usagef("portal: --world: %w", err)
	}
	base, stop, err := serveAt(ctx, flags.listen, n)
	if err != nil {
		return err
	}
	defer stop()
	address := n.served.Load().WebhookURL(base)
	settings, err := portalSettings(address, flags.limits, simulator.Suggested{TimeZone: simulator.UsualZone(n.now)})
	if err != nil {
		return err
	}
	if err := a.printf("%s\n\n# stagelag.yaml for this portal\n%s\n# serving %s, as of %s; kill -HUP %d goes on to the next file\n",
		address, settings, name, n.now.Format(time.RFC3339), os.Getpid()); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangups:
		}
		if name, err = n.turn(); err != nil {
			a.log.WithError(err).Error("the next night can't be read, the one before is served on")
			continue
		}
		if err := a.printf("# serving %s, as of %s\n", name, n.now.Format(time.RFC3339)); err != nil {
			return err
		}
	}
}
