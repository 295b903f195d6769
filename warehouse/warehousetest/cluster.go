package warehousetest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"stagelag/warehouse"
)

// ClusterName is what the servers of a Cluster call it.
const ClusterName = "stagelag_test"

// A Cluster is embedded engines that are joined as servers are, a shard each. The first one is
// the front.
type Cluster struct {
	t       testing.TB
	paths   []string
	engines []*warehouse.Warehouse
	doors   []*door
}

// NewCluster starts a cluster of so many shards. It ends with the test.
func NewCluster(t testing.TB, shards int) *Cluster {
	t.Helper()
	c := &Cluster{t: t}
	c.start(shards)
	t.Cleanup(c.end)
	return c
}

// Grow starts all engines anew with one shard more, as the administrator of a cluster does.
func (c *Cluster) Grow() {
	c.t.Helper()
	c.end()
	c.start(len(c.paths) + 1)
}

// Restart starts all engines anew, and lets in who was kept out.
func (c *Cluster) Restart() {
	c.t.Helper()
	c.end()
	c.start(len(c.paths))
}

// Config is a warehouse on the cluster.
func (c *Cluster) Config() warehouse.Config {
	front := c.engines[0]
	own := url.URL{Scheme: "clickhouse", User: url.UserPassword("stagelag", front.Options().Auth.Password), Host: front.Options().Addr[0]}
	endpoints, _ := front.Endpoints()
	analyst, _ := url.Parse(endpoints.HTTP)
	analyst.User = url.UserPassword(endpoints.User, endpoints.Password)
	return warehouse.Config{URL: own.String(), AnalystURL: analyst.String(), Cluster: ClusterName}
}

// Open opens a warehouse on the cluster. It is closed when the test ends.
func (c *Cluster) Open() *warehouse.Warehouse {
	c.t.Helper()
	return open(c.t, c.Config())
}

// Cut lets nobody reach a shard (from 1) any more, as if its server were down.
func (c *Cluster) Cut(shard int) { c.doors[shard-1].close() }

func (c *Cluster) start(shards int) {
	c.t.Helper()
	seed, err := template()
	if err != nil {
		c.t.Fatal(err)
	}
	for len(c.paths) < shards {
		path, err := os.MkdirTemp(root, "shard-")
		if err != nil {
			c.t.Fatal(err)
		}
		c.paths = append(c.paths, path)
	}
	c.doors, c.engines = nil, nil
	for range c.paths {
		c.doors = append(c.doors, newDoor(c.t))
	}
	for i, path := range c.paths {
		// All let in the same users.
		credentials, err := os.ReadFile(filepath.Join(seed.path, "credentials"))
		if err == nil {
			err = errors.Join(
				os.MkdirAll(filepath.Join(path, "config", "conf.d"), 0o700),
				os.WriteFile(filepath.Join(path, "credentials"), credentials, 0o600),
				os.WriteFile(filepath.Join(path, "config", "conf.d", "cluster.xml"), c.configuration(seed.password), 0o600))
		}
		if err != nil {
			c.t.Fatal(err)
		}
		w, err := warehouse.Open(c.t.Context(), warehouse.Config{URL: warehouse.Embedded, Path: path})
		if err != nil {
			c.t.Fatal(err)
		}
		c.engines = append(c.engines, w)
		c.doors[i].open(w.Options().Addr[0])
	}
}

func (c *Cluster) end() {
	for i, w := range c.engines {
		c.doors[i].close()
		_ = w.Close()
	}
	for i := range c.engines {
		_ = WaitUntilEnded(c.paths[i])
	}
	c.engines = nil
}

// configuration is what each engine is told of the others.
func (c *Cluster) configuration(password string) []byte {
	var shards strings.Builder
	for _, d := range c.doors {
		host, port, _ := net.SplitHostPort(d.listener.Addr().String())
		fmt.Fprintf(&shards, "<shard><replica><host>%s</host><port>%s</port><user>stagelag</user><password>%s</password></replica></shard>", host, port, password)
	}
	return fmt.Appendf(nil, "<clickhouse><remote_servers><%[1]s>%[2]s</%[1]s></remote_servers></clickhouse>", ClusterName, shards.String())
}

// A door has an address before the engine behind it has one, and can be closed.
type door struct {
	listener net.Listener

	mu    sync.Mutex
	to    string
	conns map[net.Conn]bool
}

func newDoor(t testing.TB) *door {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{listener: listener, conns: map[net.Conn]bool{}}
	go d.serve()
	return d
}

func (d *door) open(to string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.to = to
}

// close also ends the connections that have come through.
func (d *door) close() {
	_ = d.listener.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	for conn := range d.conns {
		_ = conn.Close()
	}
}

func (d *door) serve() {
	for {
		in, err := d.listener.Accept()
		if err != nil {
			return
		}
		go d.pass(in)
	}
}

func (d *door) pass(in net.Conn) {
	d.mu.Lock()
	out, err := net.Dial("tcp", d.to)
	if err != nil {
		d.mu.Unlock()
		_ = in.Close()
		return
	}
	d.conns[in], d.conns[out] = true, true
	d.mu.Unlock()
	var both sync.WaitGroup
	for from, to := range map[net.Conn]net.Conn{in: out, out: in} {
		both.Go(func() {
			_, _ = io.Copy(to, from)
			if tcp, ok := to.(*net.TCPConn); ok {
				_ = tcp.CloseWrite()
			}
		})
	}
	both.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, conn := range []net.Conn{in, out} {
		delete(d.conns, conn)
		_ = conn.Close()
	}
}
