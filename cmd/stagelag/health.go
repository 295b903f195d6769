package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newScheduleHealth(a *app) *cobra.Command {
	var isReady bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a schedule that runs whether it goes on",
		Long: `Asks the schedule at schedule.listen whether it goes on, and with --ready whether what it has published
is new enough. It prints the answer, and the exit code is 0 for yes and 1 for no or no answer. It is for a
container's health check, which has no other program to ask with.`,
		Example: `  stagelag schedule health
  stagelag schedule health --ready`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config(cmd)
			if err != nil {
				return err
			}
			if cfg.Schedule.Listen == "" {
				return usagef("schedule health: schedule.listen is off, so there is nobody to ask; set it to an address")
			}
			page := "healthz"
			if isReady {
				page = "readyz"
			}
			return a.askHealth(cmd.Context(), string(cfg.Schedule.Listen), page)
		},
	}
	cmd.Flags().BoolVar(&isReady, "ready", false, "ask whether what is published is new enough")
	return cmd
}

// healthTimeout is longer than a schedule takes to ask a warehouse that does not answer.
const healthTimeout = 15 * time.Second

func (a *app) askHealth(ctx context.Context, listen, page string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	address, err := reachable(listen)
	if err != nil {
		return fmt.Errorf("schedule health: schedule.listen: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/"+page, http.NoBody)
	if err != nil {
		return fmt.Errorf("schedule health: %w", err)
	}
	// It is on this machine: no proxy.
	response, err := (&http.Client{Transport: &http.Transport{}}).Do(request)
	if err != nil {
		return fmt.Errorf("schedule health: no schedule answers at %s (%w); start stagelag schedule, or correct schedule.listen", address, errors.Unwrap(err))
	}
	defer response.Body.Close()
	const longest = 64 << 10
	body, err := io.ReadAll(io.LimitReader(response.Body, longest))
	if err != nil {
		return fmt.Errorf("schedule health: %s: %w", address, err)
	}
	answer := strings.TrimSpace(string(body))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("schedule health: %s", strings.ReplaceAll(answer, "\n", "; "))
	}
	return a.printf("%s\n", answer)
}

// reachable is the address by which this machine reaches one that is listened at.
func reachable(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port), nil
}
