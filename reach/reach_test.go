package reach_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stagelag/reach"
)

// What a person reads where an address is wrong, for errors as the network makes them.
func TestAdvice(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	encrypted := httptest.NewTLSServer(http.NotFoundHandler())
	defer encrypted.Close()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	go func() {
		for {
			c, err := other.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(c).ReadString('\n')
			_, _ = fmt.Fprintln(c, "220 another protocol")
			_ = c.Close()
		}
	}()
	at := func(s *httptest.Server) string { return s.Listener.Addr().String() }
	tests := []struct{ name, url, want string }{
		{"nothing listens", "http://127.0.0.1:1/", "nothing listens at H: see that it runs, and check host and port in portal.url"},
		{"TLS to a server without it", "https://" + at(plain), "what listens at H does not speak TLS: check the port and the beginning (https:// or http://) in portal.url"},
		{"TLS to something else", "https://" + other.Addr().String(), "what listens at H does not speak TLS: check the port and the beginning (https:// or http://) in portal.url"},
		{"HTTP to something else", "http://" + other.Addr().String(), "what listens at H does not speak plain HTTP: check the port and the beginning (https:// or http://) in portal.url"},
		{"a certificate of nobody", "https://" + at(encrypted), "check the certificate of H, or what stands between"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			response, err := http.Get(test.url)
			if err == nil {
				_ = response.Body.Close()
				t.Fatalf("GET %s: %s, want an error", test.url, response.Status)
			}
			if got := reach.Advice(err, "H", "portal.url"); got != test.want {
				t.Errorf("Advice(%v) = %q, want %q", err, got, test.want)
			}
		})
	}
	unknown := &net.DNSError{Err: "no such host", Name: "portal.exmaple", IsNotFound: true}
	if got := reach.Advice(unknown, "H", "portal.url"); !strings.HasPrefix(got, "no host has the name portal.exmaple: check it in portal.url") {
		t.Errorf("Advice(%v) = %q", unknown, got)
	}
	if got := reach.Advice(net.ErrClosed, "H", "portal.url"); got != "" {
		t.Errorf("Advice of a lost connection = %q, want none", got)
	}
}
