package warehouse

import (
	"context"
	"github.com/ClickHouse/clickhouse-go/v2"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestCrash(t *testing.T) {
	for name, f := range map[string]func(s *seat){
		"wrong password": func(s *seat) {
			o := s.options()
			o.Auth.Database = "default"
			o.Auth.Password = "x"
			c, _ := clickhouse.Open(o)
			t.Log(c.Ping(t.Context()))
		},
		"unknown user": func(s *seat) {
			o := s.options()
			o.Auth.Database = "default"
			o.Auth.Username = "x"
			c, _ := clickhouse.Open(o)
			t.Log(c.Ping(t.Context()))
		},
		"wrong db": func(s *seat) {
			o := s.options()
			o.Auth.Database = "nodb"
			c, _ := clickhouse.Open(o)
			t.Log(c.Ping(t.Context()))
		},
		"garbage": func(s *seat) {
			c, _ := net.Dial("tcp", s.endpoint.Native)
			c.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
			c.SetReadDeadline(time.Now().Add(time.Second))
			b := make([]byte, 100)
			n, err := c.Read(b)
			t.Log(n, err, string(b[:n]))
			c.Close()
		},
		"garbage2": func(s *seat) {
			c, _ := net.Dial("tcp", s.endpoint.Native)
			c.Write([]byte("\x00\xff\xff\xff\xff\xff\xff\xff"))
			c.SetReadDeadline(time.Now().Add(time.Second))
			b := make([]byte, 100)
			n, err := c.Read(b)
			t.Log(n, err, string(b[:n]))
			c.Close()
		},
		"close": func(s *seat) { c, _ := net.Dial("tcp", s.endpoint.Native); c.Close() },
		"httpgarbage": func(s *seat) {
			c, _ := net.Dial("tcp", s.endpoint.HTTP)
			c.Write([]byte("\x00\xff\xff\xff\xff\r\n\r\n"))
			time.Sleep(100 * time.Millisecond)
			c.Close()
		},
		"rst": func(s *seat) {
			o := s.options()
			o.Auth.Database = "default"
			var nc net.Conn
			o.DialContext = func(ctx context.Context, a string) (net.Conn, error) {
				c, err := net.Dial("tcp", a)
				nc = c
				return c, err
			}
			c, _ := clickhouse.Open(o)
			t.Log(c.Ping(t.Context()))
			r, err := c.Query(t.Context(), "select sleepEachRow(0.1), number from numbers(1000000) settings max_block_size=1")
			t.Log(r.Next(), err)
			nc.(*net.TCPConn).SetLinger(0)
			nc.Close()
			time.Sleep(500 * time.Millisecond)
		},
		"httprst": func(s *seat) {
			c, _ := net.Dial("tcp", s.endpoint.HTTP)
			q := "select number, toString(number) from numbers(100000000)"
			c.Write([]byte("POST /?user=stagelag&password=" + s.credentials.Stagelag + " HTTP/1.1\r\nHost: x\r\nContent-Length: 55\r\n\r\n" + q))
			b := make([]byte, 1000)
			n, err := c.Read(b)
			t.Log(n, err)
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
			time.Sleep(500 * time.Millisecond)
		},
		"insert cut": func(s *seat) {
			o := s.options()
			o.Auth.Database = "default"
			var nc net.Conn
			o.DialContext = func(ctx context.Context, a string) (net.Conn, error) {
				c, err := net.Dial("tcp", a)
				nc = c
				return c, err
			}
			c, _ := clickhouse.Open(o)
			t.Log(c.Exec(t.Context(), "create database if not exists stagelag"))
			t.Log(c.Exec(t.Context(), "create table stagelag.t (a Int32) engine=MergeTree order by a"))
			b, err := c.PrepareBatch(t.Context(), "insert into stagelag.t")
			t.Log(err)
			nc.(*net.TCPConn).SetLinger(0)
			nc.Close()
			_ = b
			time.Sleep(500 * time.Millisecond)
		},
	} {
		t.Run(name, func(t2 *testing.T) {
			w := folder(t2.TempDir())
			s, err := join(context.Background(), w)
			if err != nil {
				t2.Fatal(err)
			}
			t.Log("==", name)
			f(s)
			time.Sleep(200 * time.Millisecond)
			if e := s.ping(t.Context()); e != nil {
				t2.Error("after:", e, syscall.Kill(s.endpoint.Engine, 0))
			}
			s.leave()
			l, _ := lock(context.Background(), w.engineLock())
			l.Close()
			os.RemoveAll(string(w))
		})
	}
}
