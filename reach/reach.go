// Package reach says what to do about a server that could not be talked to: nothing listens there, the name is
// not known, something else answers.
package reach

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// Advice returns what to do about an error of the network that host gave; key is the configuration's, which
// names the host. It is empty for an error that tells no more than that something is wrong.
func Advice(err error, host, key string) string {
	var unknown *net.DNSError
	var noTLS tls.RecordHeaderError
	var untrusted *tls.CertificateVerificationError
	switch text := err.Error(); {
	case errors.As(err, &unknown) && unknown.IsNotFound:
		return fmt.Sprintf("no host has the name %s: check it in %s", unknown.Name, key)
	case errors.As(err, &unknown):
		return fmt.Sprintf("the name server does not answer for %s: check this machine's network", unknown.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("nothing listens at %s: see that it runs, and check host and port in %s", host, key)
	case errors.As(err, &untrusted):
		return fmt.Sprintf("check the certificate of %s, or what stands between", host)
	case errors.As(err, &noTLS), strings.Contains(text, "first record does not look like a TLS handshake"),
		strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return fmt.Sprintf("what listens at %s does not speak TLS: check the port and the beginning (https:// or http://) in %s", host, key)
	case strings.Contains(text, "malformed HTTP"), strings.Contains(text, "HTTP request to an HTTPS server"):
		return fmt.Sprintf("what listens at %s does not speak plain HTTP: check the port and the beginning (https:// or http://) in %s", host, key)
	}
	return ""
}
