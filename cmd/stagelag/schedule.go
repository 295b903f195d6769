package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"stagelag/config"
	"stagelag/monitor"
	"stagelag/nightly"
	"stagelag/schedule"
)

func newSchedule(a *app) *cobra.Command {
	var parts int
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

With --parts every pass is split, and stagelag work, on other machines, takes parts of it.`,
		Example: `  stagelag schedule
  stagelag schedule --config /etc/stagelag/stagelag.yaml --log-format json
  systemctl reload stagelag              # where it is a service
  pkill -HUP -f 'stagelag schedule'      # elsewhere`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config(cmd, config.NeedPortal)
			if err != nil {
				return err
			}
			if err := checkParts(cmd, parts); err != nil {
				return err
			}
			return a.schedule(cmd, cfg, parts)
		},
	}
	partsFlag(cmd, &parts)
	return cmd
}

func (a *app) schedule(cmd *cobra.Command, cfg config.Config, parts int) error {
	// Caught from here on, so that one that comes early does not end the program.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)

	ctx := cmd.Context()
	times, err := schedule.Parse(cfg.Schedule.Cron, cfg.Portal.TimeZone)
	if err != nil {
		return err // config has parsed it before
	}
	job := nightly.NewJob(nightly.JobOptions{
		Parts: parts, Command: "stagelag schedule", Client: a.client, Warehouse: warehouseConfig, Progress: a.progress, Log: a.log, Now: a.now,
	}, cfg)
	loop := schedule.NewLoop(job, schedule.WallClock(a.now), a.log)
	looker := monitor.NewLooker(job.Warehouse, a.log)
	defer looker.Close()
	watcher := monitor.New(monitor.Options{
		Version: buildVersion(), Loop: loop.State, Portal: job.Asked, Look: looker.Look, MaxAge: job.MaxAge, Now: schedule.WallClock(a.now).Now,
	})
	job.Watch(watcher)
	server := monitor.NewServer(watcher)
	defer server.Close()
	if err := server.Listen(ctx, string(cfg.Schedule.Listen)); err != nil {
		return fmt.Errorf("schedule: %w; set schedule.listen to another address, or to off", err)
	}
	a.log.WithFields(logrus.Fields{"cron": cfg.Schedule.Cron, "time_zone": cfg.Portal.TimeZone.String(), "next": times.Next(a.now()), "listen": server.Address()}).Info("schedule began")
	a.tellEither(times)
	readers := &reading{log: a.log}
	defer readers.close()
	readers.serve(ctx, cfg)
	var reloading sync.WaitGroup
	defer reloading.Wait()
	serving, stop := context.WithCancel(ctx)
	defer stop()
	reloading.Go(func() {
		for {
			select {
			case <-serving.Done():
				return
			case <-hangups:
				a.reload(serving, cmd, job, loop, server, readers)
			}
		}
	})
	return loop.Run(ctx, times)
}

// tellEither logs what people often do not expect of cron.
func (a *app) tellEither(times schedule.Times) {
	if either := times.Either(); either != "" {
		a.log.WithField("days", either).Info("schedule.cron limits the days of the month and of the week")
	}
}

// reload goes on with the configuration as it is now, unless it is wrong.
func (a *app) reload(ctx context.Context, cmd *cobra.Command, job *nightly.Job, loop *schedule.Loop, server *monitor.Server, readers *reading) {
	cfg, err := a.config(cmd, config.NeedPortal)
	var times schedule.Times
	if err == nil {
		times, err = schedule.Parse(cfg.Schedule.Cron, cfg.Portal.TimeZone)
	}
	if err == nil {
		err = server.Listen(ctx, string(cfg.Schedule.Listen))
	}
	if err != nil {
		a.log.WithError(err).Error("configuration not reloaded, the old one stays")
		return
	}
	job.Configure(cfg)
	readers.serve(cmd.Context(), cfg)
	a.log.WithFields(logrus.Fields{"cron": cfg.Schedule.Cron, "time_zone": cfg.Portal.TimeZone.String(), "listen": server.Address()}).Info("configuration reloaded")
	a.tellEither(times)
	loop.Change(ctx, times)
}
