package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/warehouse/exception"
)

// A Cluster is the servers that share the data, as the configuration of the one that the program
// connects to has them: the front. All that is not about single deals is there.
type Cluster struct {
	Name string
	// Shards keep the rows of deals, each deal's in one of them; in the order of their numbers.
	// With none, the fronts keep them: there is one shard, and it is the front's.
	Shards []*Shard
	// Fronts are the servers with the views: the front and those that replicate it.
	Fronts []*Host
	// IsReplicated is whether there are servers that keep the same rows.
	IsReplicated bool
}

// A Shard is one or more servers that keep the rows of some of the deals.
type Shard struct {
	No    int     // from 1
	Hosts []*Host // its replicas
}

// A Host is a server of a cluster, with connections of its own.
type Host struct {
	Address string // host:port of the native protocol
	options *clickhouse.Options
	db      driver.Conn
	views   driver.Conn // nil on a shard's
}

// DB is the connection to the host's tables: in the internal database on a front, in the
// shard's on a shard.
func (h *Host) DB() driver.Conn { return h.db }

// Views is DB in the database that people see, on a front; on a shard there is none.
func (h *Host) Views() driver.Conn { return h.views }

// OpenDB opens the same connection for database/sql. The caller closes it.
func (h *Host) OpenDB() *sql.DB { return openSQL(h.options) }

// Cluster is the cluster that the warehouse lies on, nil for a single server.
func (w *Warehouse) Cluster() *Cluster { return w.cluster }

// IsSharded is whether the rows of deals are spread over shards.
func (w *Warehouse) IsSharded() bool { return w.cluster != nil && len(w.cluster.Shards) > 0 }

// Shards are connections to where the rows of deals lie, each deal's in one of them: the tables
// go by the same names everywhere. A single server is a shard by itself.
func (w *Warehouse) Shards() []driver.Conn {
	if !w.IsSharded() {
		return []driver.Conn{w.db}
	}
	var shards []driver.Conn
	for _, shard := range w.cluster.Shards {
		shards = append(shards, shard.Hosts[0].db)
	}
	return shards
}

// joinCluster connects to all servers of the cluster, each of which has to answer: numbers
// without a shard would be too small.
func (w *Warehouse) joinCluster(ctx context.Context, name string) error {
	cluster, err := w.readCluster(ctx, name)
	if err != nil {
		return err
	}
	w.cluster = cluster
	options := w.Options()
	if cluster.IsReplicated {
		options.Settings = with(options.Settings, "insert_quorum", "auto")
	}
	for _, host := range cluster.Fronts {
		if err := host.connect(ctx, *options, w.names.Internal, w.names.Views); err != nil {
			return fmt.Errorf("cluster %s: %w", name, err)
		}
	}
	for _, shard := range cluster.Shards {
		for _, host := range shard.Hosts {
			if err := host.connect(ctx, *options, w.names.Shard, ""); err != nil {
				return fmt.Errorf("shard %d of cluster %s: %w", shard.No, name, err)
			}
		}
	}
	if w.IsSharded() {
		// An insert returns when the rows are in the shards, not when they are on their way.
		options.Settings = with(options.Settings, "distributed_foreground_insert", 1)
	}
	_, _ = w.db.Close(), w.views.Close()
	w.options = options
	return w.connect(ctx, false)
}

// with is the settings and one more; those of the hosts that are connected stay as they are.
func with(settings clickhouse.Settings, name string, value any) clickhouse.Settings {
	more := clickhouse.Settings{name: value}
	for other, value := range settings {
		if other != name {
			more[other] = value
		}
	}
	return more
}

// readCluster finds the cluster in the server's configuration.
func (w *Warehouse) readCluster(ctx context.Context, name string) (*Cluster, error) {
	rows, err := w.db.Query(ctx, `
		SELECT cluster, shard_num, shard_weight, host_name, port, is_local
		FROM system.clusters ORDER BY cluster, shard_num, replica_num`)
	if err != nil {
		return nil, fmt.Errorf("read the clusters: %w", exception.Plain(err))
	}
	defer rows.Close()
	cluster, others := &Cluster{Name: name}, []string{}
	var front *Shard // the one that the front is of
	for rows.Next() {
		var of, hostName string
		var no, weight uint32
		var port uint16
		var isLocal uint8
		if err := rows.Scan(&of, &no, &weight, &hostName, &port, &isLocal); err != nil {
			return nil, fmt.Errorf("read the clusters: %w", err)
		}
		switch {
		case of != name:
			others = append(others, of)
			continue
		case weight != 1:
			return nil, fmt.Errorf("cluster %s gives shard %d the weight %d, and deals are spread evenly: take the weight out of remote_servers", name, no, weight)
		case len(cluster.Shards) == 0 || cluster.Shards[len(cluster.Shards)-1].No != int(no):
			cluster.Shards = append(cluster.Shards, &Shard{No: int(no)})
		}
		shard := cluster.Shards[len(cluster.Shards)-1]
		shard.Hosts = append(shard.Hosts, &Host{Address: net.JoinHostPort(hostName, strconv.Itoa(int(port)))})
		cluster.IsReplicated = cluster.IsReplicated || len(shard.Hosts) > 1
		if isLocal != 0 {
			front = shard
		}
	}
	switch err := rows.Err(); {
	case err != nil:
		return nil, fmt.Errorf("read the clusters: %w", exception.Plain(err))
	case len(cluster.Shards) == 0 && len(others) > 0:
		return nil, fmt.Errorf("warehouse.cluster: the server knows no cluster %q, but %s", name, strings.Join(slices.Compact(others), ", "))
	case len(cluster.Shards) == 0:
		return nil, fmt.Errorf("warehouse.cluster: the server knows no cluster %q: define it under remote_servers in its configuration", name)
	case front == nil:
		cluster.Fronts = []*Host{{Address: w.options.Addr[0]}}
		return cluster, nil
	}
	for _, host := range front.Hosts {
		cluster.Fronts = append(cluster.Fronts, &Host{Address: host.Address})
	}
	if len(cluster.Shards) == 1 {
		cluster.Shards = nil
	}
	return cluster, nil
}

// connect opens databases of the host, which are made when they are absent. Views is empty
// where there are none.
func (h *Host) connect(ctx context.Context, options clickhouse.Options, database, views string) (err error) {
	options.Addr, options.Auth.Database = []string{h.Address}, database
	h.options = &options
	h.db, err = openDatabase(ctx, h.options, always)
	if err == nil && views != "" {
		options := options
		h.views, err = openDatabase(ctx, in(views, &options), always)
	}
	if err != nil {
		return fmt.Errorf("%s: %w; without all of its servers a cluster's numbers would be too small: see that this one runs and lets the user of warehouse.url in", h.Address, err)
	}
	return nil
}

// close gives the connections back.
func (c *Cluster) close() error {
	var errs []error
	for host := range c.hosts {
		for _, db := range []driver.Conn{host.db, host.views} {
			if db != nil {
				errs = append(errs, db.Close())
			}
		}
	}
	return errors.Join(errs...)
}

func (c *Cluster) hosts(yield func(*Host) bool) {
	for _, host := range c.Fronts {
		if !yield(host) {
			return
		}
	}
	for _, shard := range c.Shards {
		for _, host := range shard.Hosts {
			if !yield(host) {
				return
			}
		}
	}
}

// Settle waits until every server holds what was written to any that replicates it. Where none
// does there is nothing to wait for.
func (w *Warehouse) Settle(ctx context.Context) error {
	if w.cluster == nil || !w.cluster.IsReplicated {
		return nil
	}
	for host := range w.cluster.hosts {
		if err := host.settle(ctx); err != nil {
			return fmt.Errorf("wait for what %s lacks of its replicas: %w", host.Address, exception.Plain(err))
		}
	}
	return nil
}

func (h *Host) settle(ctx context.Context) error {
	rows, err := h.db.Query(ctx, "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(engine, 'Replicated')")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			return err
		}
		if err := h.db.Exec(ctx, "SYSTEM SYNC REPLICA "+table); err != nil {
			return err
		}
	}
	return rows.Err()
}
