package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stagelag/config"
	"stagelag/warehouse"
	"stagelag/warehouse/access"
)

func newWarehouse(a *app) *cobra.Command {
	var showsPassword bool
	cmd := &cobra.Command{
		Use:   "warehouse",
		Short: "Serve the embedded warehouse until stopped",
		Long: `Serves the embedded warehouse on loopback until stopped, for Grafana, DBeaver,
clickhouse-client and scripts. Other commands can use it at the same time. The system
chooses the ports at every start, unless warehouse.listen in the configuration names them;
stagelag schedule then serves readers too.`,
		Example: `  stagelag warehouse
  stagelag warehouse --show-password`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config(cmd)
			if err != nil {
				return err
			}
			return a.serveWarehouse(cmd.Context(), cfg, showsPassword)
		},
	}
	cmd.Flags().BoolVar(&showsPassword, "show-password", false, "show the passwords of the analyst and of Grafana among the rest")
	cmd.AddCommand(newWarehouseUsers(a))
	return cmd
}

func newWarehouseUsers(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "users",
		Short: "Print the file that makes the warehouse's users known to a server",
		Long: `Prints the file that makes the users of warehouse.database known to a ClickHouse server, with what
each may do. It holds no password: the server takes their hashes from its environment, as the head of
the file says. The embedded warehouse needs no such file.`,
		Example: `  stagelag warehouse users > /etc/clickhouse-server/users.d/stagelag.xml
  STAGELAG_WAREHOUSE_DATABASE=north stagelag warehouse users > /etc/clickhouse-server/users.d/north.xml`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config(cmd)
			if err != nil {
				return err
			}
			return a.printf("%s", access.File(cfg.Warehouse.Database))
		},
	}
}

func (a *app) serveWarehouse(ctx context.Context, cfg config.Config, showsPassword bool) (err error) {
	if !cfg.Warehouse.URL.IsEmbedded() {
		return usagef("warehouse: warehouse.url names the server %s, which serves itself; connect to it, or set embedded", cfg.Warehouse.URL)
	}
	wh, err := warehouse.Open(ctx, readOnly(cfg))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, wh.Close()) }()

	endpoints, _ := wh.Endpoints()
	if err := a.printEndpoints(endpoints, showsPassword); err != nil {
		return err
	}
	return watch(ctx, func(ctx context.Context) error { return wh.DB().Ping(ctx) }, 10*time.Second)
}

func (a *app) printEndpoints(e warehouse.Endpoints, showsPassword bool) error {
	host, port, err := net.SplitHostPort(e.Native)
	if err != nil {
		return fmt.Errorf("the warehouse's native address: %w", err)
	}
	if !showsPassword {
		const hidden = "(stagelag warehouse --show-password shows it)"
		e.Password, e.GrafanaPassword = a.printer.Text(hidden), a.printer.Text(hidden)
	}
	return a.printf(`native    %s
http      %s
database  %s
user      %s
password  %s

clickhouse-client  clickhouse client --host %s --port %s --user %s --ask-password --database %s
Grafana            data source ClickHouse (grafana-clickhouse-datasource), uid stagelag, protocol Native, host %s, port %s,
                   default database %s, user %s, password as on the next line
                   %s
                   stagelag dashboards export writes the dashboards for it
DBeaver            connection ClickHouse, JDBC URL jdbc:%s
browser            %splay for SQL in a page
`, e.Native, e.HTTP, e.Database, e.User, e.Password,
		host, port, e.User, e.Database,
		host, port, e.Database, e.GrafanaUser, e.GrafanaPassword,
		"clickhouse:"+e.HTTP+e.Database, e.HTTP)
}

// isAnyPort is whether the system chooses the port of an address.
func isAnyPort(address string) bool { return address == "" || strings.HasSuffix(address, ":0") }

// hostOf is the host and port of an address.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

// watch returns nil when the context ends, and an error when the engine has not answered
// three times in a row.
func watch(ctx context.Context, ping func(context.Context) error, every time.Duration) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for failures := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		limited, cancel := context.WithTimeout(ctx, every)
		err := ping(limited)
		cancel()
		if err == nil || ctx.Err() != nil {
			failures = 0
			continue
		}
		if failures++; failures == 3 {
			return fmt.Errorf("warehouse: the engine no longer answers: %w; start the command again", err)
		}
	}
}
