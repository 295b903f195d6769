package main

import (
	"context"
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
	"stagelag/loader"
	"stagelag/monitor"
	"stagelag/nightly"
	"stagelag/schedule"
	"stagelag/sql"
	"stagelag/transform"
	"stagelag/warehouse"
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

With --parts every pass is split, and stagelag work, on other machines, takes parts of it.`,
		Example: `  stagelag schedule
  stagelag schedule --config /etc/stagelag/stagelag.yaml --log-format json
  kill -HUP "$(pidof stagelag)"`,
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
	job := &nightlyJob{app: a, parts: parts}
	job.configure(cfg)
	loop := schedule.NewLoop(job, schedule.WallClock(a.now), a.log)
	looks := &looker{job: job}
	defer looks.close()
	job.monitor = monitor.New(monitor.Options{
		Version: buildVersion(), Loop: loop.State, Portal: job.asked, Look: looks.look, MaxAge: job.maxAge, Now: schedule.WallClock(a.now).Now,
	})
	page := &page{handler: job.monitor.Handler()}
	defer page.close()
	if err := page.listen(ctx, cfg.Schedule.Listen); err != nil {
		return fmt.Errorf("schedule: %w; set schedule.listen to another address, or to off", err)
	}
	a.log.WithFields(logrus.Fields{"cron": cfg.Schedule.Cron, "time_zone": cfg.Portal.TimeZone.String(), "next": times.Next(a.now()), "listen": page.address()}).Info("schedule began")
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
				a.reload(serving, cmd, job, loop, page)
			}
		}
	})
	return loop.Run(ctx, times)
}

// reload goes on with the configuration as it is now, unless it is wrong.
func (a *app) reload(ctx context.Context, cmd *cobra.Command, job *nightlyJob, loop *schedule.Loop, page *page) {
	cfg, err := a.config(cmd, config.NeedPortal)
	if err != nil {
		a.log.WithError(err).Error("configuration not reloaded, the old one stays")
		return
	}
	times, err := schedule.Parse(cfg.Schedule.Cron, cfg.Portal.TimeZone)
	if err != nil {
		a.log.WithError(err).Error("configuration not reloaded, the old one stays")
		return
	}
	if err := page.listen(ctx, cfg.Schedule.Listen); err != nil {
		a.log.WithError(err).Error("configuration not reloaded, the old one stays")
		return
	}
	job.configure(cfg)
	a.log.WithFields(logrus.Fields{"cron": cfg.Schedule.Cron, "time_zone": cfg.Portal.TimeZone.String(), "listen": page.address()}).Info("configuration reloaded")
	loop.Change(ctx, times)
}

// A nightlyJob is what the schedule has done every night. It opens the warehouse anew each
// time: between two nights a server may have been restarted, and an engine killed.
type nightlyJob struct {
	app     *app
	parts   int // that a pass is split into
	monitor *monitor.Monitor
	outcome nightly.Outcome // of the last run that was published here

	mu     sync.Mutex // guards what follows
	cfg    config.Config
	client *bitrix24.Client
	former bitrix24.Stats // of the clients before this one
}

// configure takes a configuration for what begins from now on.
func (j *nightlyJob) configure(cfg config.Config) {
	j.mu.Lock()
	defer j.mu.Unlock()
	isSame := j.client != nil && j.cfg.Portal.URL.Equal(cfg.Portal.URL) && j.cfg.Portal.Limits == cfg.Portal.Limits
	if !isSame { // the client knows how much the portal has been asked lately
		j.former = j.askedLocked()
		j.client = j.app.client(cfg)
	}
	j.cfg = cfg
}

func (j *nightlyJob) current() (config.Config, *bitrix24.Client) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cfg, j.client
}

// asked is what the portal was asked since the start.
func (j *nightlyJob) asked() bitrix24.Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.askedLocked()
}

func (j *nightlyJob) askedLocked() bitrix24.Stats {
	if j.client == nil {
		return bitrix24.Stats{}
	}
	return j.client.Stats().Plus(j.former)
}

func (j *nightlyJob) maxAge() time.Duration {
	cfg, _ := j.current()
	return cfg.Schedule.MaxAge
}

// Published is when the last published run began.
func (j *nightlyJob) Published(ctx context.Context) (time.Time, error) {
	cfg, _ := j.current()
	w, err := warehouse.Open(ctx, warehouseConfig(cfg))
	if err != nil {
		return time.Time{}, err
	}
	defer w.Close()
	if err := sql.Up(ctx, w); err != nil {
		return time.Time{}, err
	}
	state, err := loader.LastPublished(ctx, w.DB())
	return state.StartedAt, err
}

// Run makes one pass.
func (j *nightlyJob) Run(ctx context.Context) error {
	cfg, client := j.current()
	w, err := warehouse.Open(ctx, warehouseConfig(cfg))
	if err != nil {
		j.monitor.RunEnded(nil, err)
		return err
	}
	defer w.Close()
	outcome, err := j.app.pass(ctx, w, client, cfg, passOptions{command: "stagelag schedule", asOf: transform.NoDay, parts: j.parts})
	j.monitor.RunEnded(outcome.Steps, err)
	if err != nil {
		return err
	}
	j.outcome = outcome
	for _, warning := range outcome.Warnings {
		j.app.log.WithFields(logrus.Fields{"run_id": outcome.Run.RunID, "warning": warning}).Warn("run thinned")
	}
	return nil
}

// WriteBack writes the result of the run back, where that is configured.
func (j *nightlyJob) WriteBack(ctx context.Context) error {
	cfg, client := j.current()
	if !cfg.WriteBack.IsOn() {
		return nil
	}
	w, err := warehouse.Open(ctx, warehouseConfig(cfg))
	if err != nil {
		return err
	}
	defer w.Close()
	written, err := j.app.writeBackAfter(ctx, w, client, cfg, j.outcome)
	if written != nil {
		j.monitor.WriteBackEnded(written.steps, err)
	}
	return err
}
