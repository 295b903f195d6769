package nightly_test

import (
	"bytes"
	"net"
	"regexp"
	"sync"
	"testing"
)

// A proxy stands between a program and a server, and lets things go wrong.
type proxy struct {
	t       *testing.T
	address string
	target  func() string // host:port

	mu       sync.Mutex
	listener net.Listener // nil while connections are refused
	links    map[*link]bool
	marker   *regexp.Regexp          // what to look for in what the program sends
	found    func(l *link, b []byte) // called with the bytes that bring the marker
	silent   bool                    // nothing passes
	breaking bool                    // every connection is reset as soon as it is made
}

// A link is one connection through the proxy.
type link struct {
	client, server net.Conn
	isStalled      bool // guarded by the proxy's mu
}

func newProxy(t *testing.T, target func() string) *proxy {
	t.Helper()
	p := &proxy{t: t, target: target, links: map[*link]bool{}}
	p.accept("127.0.0.1:0")
	p.address = p.listener.Addr().String()
	t.Cleanup(p.refuse)
	return p
}

func (p *proxy) accept(address string) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		p.t.Error(err)
		return
	}
	p.mu.Lock()
	p.listener = listener
	p.mu.Unlock()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.pass(client)
		}
	}()
}

func (p *proxy) pass(client net.Conn) {
	p.mu.Lock()
	breaking := p.breaking
	p.mu.Unlock()
	if breaking {
		reset(client)
		return
	}
	server, err := net.Dial("tcp", p.target())
	if err != nil {
		reset(client)
		return
	}
	l := &link{client: client, server: server}
	p.mu.Lock()
	p.links[l] = true
	p.mu.Unlock()
	go func() {
		p.copy(l, server, client, nil)
		client.(*net.TCPConn).CloseWrite()
	}()
	p.copy(l, client, server, p.look)
	// The engine sees that the program is gone; what it has to say goes nowhere.
	server.(*net.TCPConn).CloseWrite()
}

// copy forwards until either end is gone. Look sees each piece together with the end of the
// one before, and may change it.
func (p *proxy) copy(l *link, from, to net.Conn, look func(*link, []byte)) {
	const overlap = 256
	buffer := make([]byte, overlap+1<<18)
	held := 0 // bytes of the piece before
	for {
		n, err := from.Read(buffer[held:])
		if n > 0 {
			if look != nil {
				look(l, buffer[:held+n])
			}
			if p.isStalled(l) {
				continue
			}
			if _, err := to.Write(buffer[held : held+n]); err != nil {
				return
			}
			all := buffer[:held+n]
			held = copy(buffer, all[max(0, len(all)-overlap):])
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) isStalled(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return l.isStalled || p.silent
}

func (p *proxy) look(l *link, b []byte) {
	p.mu.Lock()
	found := p.found
	if found == nil || !p.marker.Match(b) {
		p.mu.Unlock()
		return
	}
	p.found = nil
	p.mu.Unlock()
	found(l, b)
}

// on calls found the next time that the program sends something that the marker matches.
func (p *proxy) on(marker *regexp.Regexp, found func(l *link, b []byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.marker, p.found = marker, found
}

// refuse closes every connection and takes no more.
func (p *proxy) refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	p.breakLinks()
}

// breakAll resets every connection, and those that come.
func (p *proxy) breakAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.breaking = true
	p.breakLinks()
}

func (p *proxy) breakLinks() {
	for l := range p.links {
		reset(l.client)
		_ = l.server.(*net.TCPConn).CloseWrite()
		delete(p.links, l)
	}
}

// mend lets everything pass again.
func (p *proxy) mend() {
	p.mu.Lock()
	p.found, p.silent, p.breaking = nil, false, false
	p.breakLinks()
	isClosed := p.listener == nil
	p.mu.Unlock()
	if isClosed {
		p.accept(p.address)
	}
}

// stall lets nothing pass on the link, or on any.
func (p *proxy) stall(l *link, all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.isStalled, p.silent = true, all
}

// reset ends a connection so that the other side reads an error, not an end.
func reset(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

// The settings of every query in which the proxy can put another limit: values of the same
// length. What a thread has taken without telling counts only from untracked on.
const (
	memoryLimit, tooLittle = "7999999999", "0000000001"
	untracked, noneAtAll   = "4194304", "0000001"
)

// starve gives the query that the bytes hold too little memory.
func starve(b []byte) {
	b2 := bytes.ReplaceAll(b, []byte(memoryLimit), []byte(tooLittle))
	copy(b, bytes.ReplaceAll(b2, []byte(untracked), []byte(noneAtAll)))
}
