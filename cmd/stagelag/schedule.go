package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/monitor"
	"stagelag/nightly"
	"stagelag/schedule"
	"stagelag/warehouse"
)

func newSchedule(a *app) *cobra.Command {
	var parts int
	var paths []string
	cmd := &cobra.Command{
		Use:   "schedule",
		Short: "Stay up and make the nightly pass whenever it is due",
		Long: `Stays up and makes the nightly pass at the times of schedule.cron, on the clocks of
portal.time_zone. A time that the clocks skip in spring comes when they do, one that they show
twice in autumn comes once.

A night that was missed is caught up at the start, one that failed is tried again after a minute,
then after pauses that grow to an hour, until the next one is due. Two of these on one warehouse
keep out of each other's way.

SIGTERM and SIGINT end it: a run under way is given up and taken up by the next one. SIGHUP has it
read the configuration again; one that is wrong is logged, and the old one stays.

Where warehouse.listen names ports for the embedded warehouse, it serves readers there all the time, so
that stagelag warehouse is not needed beside it.

With --config given several times, it does all this for several portals, each with its own times, letters
and write-back. One that fails does not hinder the others. Each has another warehouse.database; schedule.listen
is the same in all of them.

With --parts every pass is split, and stagelag work, on other machines, takes parts of it.`,
		Example: `  stagelag schedule
  stagelag schedule --config /etc/stagelag/stagelag.yaml --log-format json
  stagelag schedule --config north.yaml --config south.yaml
  systemctl reload stagelag              # where it is a service
  pkill -HUP -f 'stagelag schedule'      # elsewhere`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			read := func(path string) (config.Config, error) {
				return a.configAt(cmd.Context(), path, cmd.Flags().Changed("config"), config.NeedPortal)
			}
			cfgs, err := readSeveral(paths, read)
			if err != nil {
				return err
			}
			if err := checkParts(cmd, parts); err != nil {
				return err
			}
			if err := checkSeveral(paths, cfgs); err != nil {
				return usagef("schedule: %w", err)
			}
			return a.schedule(cmd.Context(), paths, cfgs, read, parts)
		},
	}
	// It takes the place of the flag that every command has.
	cmd.Flags().StringArrayVar(&paths, "config", []string{defaultConfigPath}, "the configuration `file`; given several times, one for each portal")
	partsFlag(cmd, &parts)
	cmd.AddCommand(newScheduleHealth(a))
	return cmd
}

// A scheduled is what a schedule has for one portal.
type scheduled struct {
	path    string // of its configuration
	log     logrus.FieldLogger
	job     *nightly.Job
	loop    *schedule.Loop
	looker  *monitor.Looker
	monitor *monitor.Monitor
	readers *reading

	mu  sync.Mutex // guards what follows
	cfg config.Config
}

func (s *scheduled) config() config.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg
}

// newScheduled makes what a portal needs. Of several, each is named in the log, and a terminal shows the
// progress of none.
func (a *app) newScheduled(path string, cfg config.Config, parts int, isAlone bool) *scheduled {
	s := &scheduled{path: path, cfg: cfg, log: a.log}
	progress := a.progress
	if !isAlone {
		s.log, progress = a.log.WithField("database", cfg.Warehouse.Database), nil
	}
	s.job = nightly.NewJob(nightly.JobOptions{
		Parts: parts, Command: "stagelag schedule", Warehouse: warehouseConfig, Progress: progress, Log: s.log, Now: a.now,
		Client: func(cfg config.Config) *bitrix24.Client { return a.clientFor(cfg, s.log, progress) },
	}, cfg)
	s.loop = schedule.NewLoop(s.job, schedule.WallClock(a.now), s.log)
	s.looker = monitor.NewLooker(s.job.Warehouse, s.log)
	s.monitor = monitor.New(monitor.Options{
		Portal: func() monitor.Portal {
			cfg := s.config()
			return monitor.Portal{Database: cfg.Warehouse.Database, Host: cfg.Portal.URL.Host()}
		},
		Loop: s.loop.State, Asked: s.job.Asked, Look: s.looker.Look, MaxAge: s.job.MaxAge, Now: schedule.WallClock(a.now).Now,
	})
	s.job.Watch(s.monitor)
	s.readers = &reading{log: s.log}
	return s
}

// schedule makes the passes of one or more portals until the context ends.
func (a *app) schedule(ctx context.Context, paths []string, cfgs []config.Config, read func(path string) (config.Config, error), parts int) error {
	// Caught from here on, so that one that comes early does not end the program.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)

	times := make([]schedule.Times, len(cfgs))
	for i, cfg := range cfgs {
		var err error
		if times[i], err = schedule.Parse(cfg.Schedule.Cron, cfg.Portal.TimeZone); err != nil {
			return err // config has parsed it before
		}
	}
	all := make([]*scheduled, len(cfgs))
	monitors := make([]*monitor.Monitor, len(cfgs))
	for i, cfg := range cfgs {
		all[i] = a.newScheduled(paths[i], cfg, parts, len(cfgs) == 1)
		monitors[i] = all[i].monitor
	}
	defer func() {
		for _, s := range all {
			s.readers.close()
			s.looker.Close()
		}
	}()
	server := monitor.NewServer(buildVersion(), monitors...)
	defer server.Close()
	if err := server.Listen(ctx, string(cfgs[0].Schedule.Listen)); err != nil {
		return fmt.Errorf("schedule: %w; set schedule.listen to another address, or to off", err)
	}
	a.introduce(ctx, cfgs)
	for i, s := range all {
		cfg := cfgs[i]
		s.log.WithFields(logrus.Fields{"cron": cfg.Schedule.Cron, "time_zone": cfg.Portal.TimeZone.String(), "next": times[i].Next(a.now()), "listen": server.Address()}).Info("schedule began")
		s.tellEither(times[i])
		s.readers.serve(ctx, cfg)
	}
	var working sync.WaitGroup
	defer working.Wait()
	serving, stop := context.WithCancel(ctx)
	defer stop()
	working.Go(func() {
		for {
			select {
			case <-serving.Done():
				return
			case <-hangups:
				a.reload(serving, all, read, server)
			}
		}
	})
	ended := make(chan error, len(all))
	for i, s := range all {
		go func() { ended <- s.loop.Run(ctx, times[i]) }()
	}
	var failures []error
	for range all {
		failures = append(failures, <-ended)
	}
	return errors.Join(failures...)
}

// introduced is how long engines that know all databases are kept up at the start: until the runs that are
// due then have come to theirs.
const introduced = time.Minute

// introduce has the embedded engines know the databases of several portals before any of them is used: an engine is
// started anew for a database that is new to it, which a run under way would not allow.
func (a *app) introduce(ctx context.Context, cfgs []config.Config) {
	if len(cfgs) == 1 {
		return
	}
	at := make([]warehouse.Config, len(cfgs))
	for i, cfg := range cfgs {
		at[i] = warehouseConfig(cfg)
	}
	release, err := warehouse.Introduce(ctx, at...)
	if err != nil {
		// The portals whose engine it is say so again when their run is due, and try again.
		a.log.WithError(err).Warn("an embedded warehouse can't be made ready for all portals")
	}
	time.AfterFunc(introduced, release)
}

// tellEither logs what people often do not expect of cron.
func (s *scheduled) tellEither(times schedule.Times) {
	if either := times.Either(); either != "" {
		s.log.WithField("days", either).Info("schedule.cron limits the days of the month and of the week")
	}
}

// reload goes on with the configurations as they are now. One that is wrong is left as it was, and all of them are
// where they do not go together.
func (a *app) reload(ctx context.Context, all []*scheduled, read func(path string) (config.Config, error), server *monitor.Server) {
	const kept = "configuration not reloaded, the old one stays"
	paths, cfgs, times := make([]string, len(all)), make([]config.Config, len(all)), make([]schedule.Times, len(all))
	isRead := make([]bool, len(all))
	for i, s := range all {
		cfg, err := read(s.path)
		if err == nil {
			times[i], err = schedule.Parse(cfg.Schedule.Cron, cfg.Portal.TimeZone)
		}
		if err != nil {
			s.log.WithError(err).Error(kept)
			cfg = s.config()
		}
		paths[i], cfgs[i], isRead[i] = s.path, cfg, err == nil
	}
	err := checkSeveral(paths, cfgs)
	if err == nil {
		err = server.Listen(ctx, string(cfgs[0].Schedule.Listen))
	}
	if err != nil {
		a.log.WithError(err).Error(kept)
		return
	}
	a.introduce(ctx, cfgs)
	for i, s := range all {
		if !isRead[i] {
			continue
		}
		cfg := cfgs[i]
		s.mu.Lock()
		s.cfg = cfg
		s.mu.Unlock()
		s.job.Configure(cfg)
		s.readers.serve(ctx, cfg)
		s.log.WithFields(logrus.Fields{"cron": cfg.Schedule.Cron, "time_zone": cfg.Portal.TimeZone.String(), "listen": server.Address()}).Info("configuration reloaded")
		s.tellEither(times[i])
		s.loop.Change(ctx, times[i])
	}
}
