package embedded

import (
	"bufio"
	"context"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// A gate stands before the engine's two interfaces. An engine that serves from clickhouse
// local takes for its own failure what a server answers with an error, and has been seen to end
// over how a connection began. So the gate reads how a native connection begins and answers a
// bad beginning itself, and takes HTTP apart and puts it together again. It lets in the users of
// the folder's databases, and neither the engine's own user nor a page in a browser. What comes
// after passes through unread. Should an engine end all the same, the keeper starts another, and a
// connection that comes meanwhile waits for it.
type gate struct {
	native, http net.Listener
	keeper       *keeper

	mu      sync.Mutex
	clients map[net.Conn]bool // those of the native port that are let in
}

// Listen is where an engine that is started answers, as HOST:PORT at loopback. Empty, or with port 0, the
// system chooses the port.
type Listen struct{ Native, HTTP string }

// gateports are what a gate listens on. The command that starts a keeper opens them, in its own network, and
// hands them over.
type gateports struct{ native, http *os.File }

func openGateports(at Listen) (p gateports, err error) {
	for _, port := range []struct {
		key, address string
		file         **os.File
	}{{"native", at.Native, &p.native}, {"http", at.HTTP, &p.http}} {
		listener, err := listenAt(port.address)
		if err != nil {
			p.close()
			return gateports{}, fmt.Errorf("warehouse.listen.%s: %w; set it to another port, or to 127.0.0.1:0 for one that is free", port.key, err)
		}
		*port.file, err = listener.File()
		_ = listener.Close()
		if err != nil {
			p.close()
			return gateports{}, err
		}
	}
	return p, nil
}

func listenAt(address string) (*net.TCPListener, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	at, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	if !at.IP.IsLoopback() {
		return nil, fmt.Errorf("%s is not an address of this machine alone", address)
	}
	return net.ListenTCP("tcp", at)
}

func (p gateports) close() {
	_ = p.native.Close()
	_ = p.http.Close()
}

// openGate serves on the ports until the process ends.
func openGate(k *keeper, ports gateports) (*gate, error) {
	defer ports.close()
	g := &gate{keeper: k, clients: map[net.Conn]bool{}}
	var err error
	if g.native, err = net.FileListener(ports.native); err != nil {
		return nil, err
	}
	if g.http, err = net.FileListener(ports.http); err != nil {
		return nil, err
	}
	go g.serveNative()
	go g.serveHTTP()
	return g, nil
}

// dialTimeout bounds the wait for the engine, and for what a client begins with.
const dialTimeout = 10 * time.Second

func (g *gate) serveNative() {
	for {
		client, err := g.native.Accept()
		if err != nil {
			time.Sleep(10 * time.Millisecond) // out of descriptors, for the moment
			continue
		}
		go g.pass(client)
	}
}

// dial connects to the engine, to the next one if it has just ended.
func (g *gate) dial(ctx context.Context, address func(*engine) string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	for {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", address(g.keeper.engine.Load()))
		if err == nil || g.keeper.ending.Err() != nil || pause(ctx) != nil {
			return connection, err
		}
	}
}

func (g *gate) pass(client net.Conn) {
	defer client.Close()
	tooSlow := time.AfterFunc(dialTimeout, func() { _ = client.Close() })
	reader := bufio.NewReader(client)
	hello, err := readHello(reader)
	if !tooSlow.Stop() || err != nil {
		return
	}
	if refusal := g.refuse(hello); refusal != nil {
		_, _ = client.Write(refusal)
		return
	}

	g.letIn(client)
	defer g.letGo(client)
	dialing, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	engine, err := g.dial(dialing, func(e *engine) string { return e.native })
	if err != nil {
		return
	}
	defer engine.Close()
	early, _ := reader.Peek(reader.Buffered())
	if _, err := engine.Write(append(hello.raw, early...)); err != nil {
		return
	}
	// Two TCP connections are copied within the kernel.
	go func() {
		_, _ = io.Copy(engine, client)
		// The client is gone, and its query ends with it. The engine reads an end,
		// and can say to nobody what it has to say.
		if tcp, ok := engine.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}()
	if _, err := io.Copy(client, engine); err != nil {
		_ = client.Close()
		_, _ = io.Copy(io.Discard, engine)
	}
}

func (g *gate) letIn(client net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clients[client] = true
}

func (g *gate) letGo(client net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.clients, client)
}

// cut ends the native connections. An engine that has any waits before it ends.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for client := range g.clients {
		_ = client.Close()
	}
}

// The engine's codes for what the gate refuses.
const (
	authenticationFailed = 516
	unknownDatabase      = 81
)

// refuse returns the answer to a client that is not let in, as the engine would word it; nil
// for one that is.
func (g *gate) refuse(h hello) []byte {
	user, known := g.keeper.engine.Load().credentials.account(h.user)
	if !known || subtle.ConstantTimeCompare([]byte(user.password), []byte(h.password)) != 1 {
		return exceptionPacket(authenticationFailed, fmt.Sprintf("%s: Authentication failed: password is incorrect, or there is no user with such name", h.user))
	}
	for _, database := range []string{user.home, h.database} {
		// The first three are always there.
		if !slices.Contains([]string{"", "default", "system"}, database) && !g.keeper.folder.hasDatabase(database) {
			return exceptionPacket(unknownDatabase, fmt.Sprintf("Database %s does not exist", database))
		}
	}
	return nil
}

// hello is how a client begins a native connection.
type hello struct {
	raw                      []byte
	database, user, password string
}

var errNoHello = errors.New("no hello of the native protocol")

// readHello reads packet type 0, the client's name, three version numbers, the
// database, the user and the password.
func readHello(r *bufio.Reader) (hello, error) {
	var h hello
	var err error
	number := func() uint64 {
		if err != nil {
			return 0
		}
		var n uint64
		n, err = binary.ReadUvarint(r)
		h.raw = binary.AppendUvarint(h.raw, n)
		return n
	}
	text := func() string {
		length := number()
		if err == nil && length > 4096 {
			err = errNoHello
		}
		if err != nil {
			return ""
		}
		content := make([]byte, length)
		_, err = io.ReadFull(r, content)
		h.raw = append(h.raw, content...)
		return string(content)
	}
	if kind := number(); err == nil && kind != 0 {
		return hello{}, errNoHello
	}
	text() // the client's name
	number()
	number()
	number()
	h.database, h.user, h.password = text(), text(), text()
	return h, err
}

// exceptionPacket is packet type 2: code, name, message, an empty stack trace,
// and nothing nested.
func exceptionPacket(code int32, message string) []byte {
	packet := []byte{2}
	packet = binary.LittleEndian.AppendUint32(packet, uint32(code))
	for _, text := range []string{"DB::Exception", "DB::Exception: " + message, ""} {
		packet = binary.AppendUvarint(packet, uint64(len(text)))
		packet = append(packet, text...)
	}
	return append(packet, 0)
}
