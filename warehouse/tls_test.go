package warehouse

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An authority signs certificates, as PEM files in a folder.
type authority struct {
	t           *testing.T
	folder      string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	signed      int64
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, folder: t.TempDir()}
	a.certificate, a.key = a.sign("ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

func (a *authority) file(name string) string { return filepath.Join(a.folder, name) }

// sign leaves NAME.pem and NAME.key.
func (a *authority) sign(name string, certificate *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	a.signed++
	certificate.SerialNumber, certificate.Subject = big.NewInt(a.signed), pkix.Name{CommonName: name}
	certificate.NotBefore, certificate.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, parentKey := a.certificate, a.key
	if parent == nil {
		parent, parentKey = certificate, key
	}
	der, err := x509.CreateCertificate(rand.Reader, certificate, parent, &key.PublicKey, parentKey)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(a.file(name+file), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return made, key
}

// serveTLS stands before a plain server and speaks TLS for it.
func (a *authority) serveTLS(plain, certificate string, clients tls.ClientAuthType) (address string) {
	a.t.Helper()
	shown, err := tls.LoadX509KeyPair(a.file(certificate+".pem"), a.file(certificate+".key"))
	if err != nil {
		a.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{shown}, ClientAuth: clients, ClientCAs: pool})
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			outside, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer outside.Close()
				inside, err := net.Dial("tcp", plain)
				if err != nil {
					return
				}
				defer inside.Close()
				go func() {
					io.Copy(inside, outside)
					inside.(*net.TCPConn).CloseWrite()
				}()
				io.Copy(outside, inside)
			}()
		}
	}()
	return listener.Addr().String()
}

// A server's certificate is verified, over each protocol and for the analyst as well.
func TestServerOverTLS(t *testing.T) {
	w := newWarehouse(t)
	auth := w.Options().Auth
	analyst, _ := w.Endpoints()
	a, other := newAuthority(t), newAuthority(t)
	loopback := []net.IP{net.IPv4(127, 0, 0, 1)}
	a.sign("server", &x509.Certificate{IPAddresses: loopback})
	a.sign("elsewhere", &x509.Certificate{DNSNames: []string{"elsewhere.example"}})
	a.sign("client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	wide := a.file("wide.key")
	content, err := os.ReadFile(a.file("client.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(wide, content, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(wide, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name        string
		certificate string
		clients     tls.ClientAuthType
		parameters  string
		config      Config
		want        string // in the error; empty: none
	}{
		{"an authority that is trusted", "server", tls.NoClientCert, "", Config{CAFile: a.file("ca.pem")}, ""},
		{"an authority that the system does not know", "server", tls.NoClientCert, "", Config{}, "; set warehouse.ca_file to the certificate of the authority"},
		{"another authority", "server", tls.NoClientCert, "", Config{CAFile: other.file("ca.pem")}, "; set warehouse.ca_file"},
		{"a certificate for another host", "elsewhere", tls.NoClientCert, "", Config{CAFile: a.file("ca.pem")}, "127.0.0.1"},
		{"no verification, because the address says so", "elsewhere", tls.NoClientCert, "&skip_verify=true", Config{}, ""},
		{"a client with its certificate", "server", tls.RequireAndVerifyClientCert, "", Config{CAFile: a.file("ca.pem"), CertificateFile: a.file("client.pem"), KeyFile: a.file("client.key")}, ""},
		{"a client without a certificate", "server", tls.RequireAndVerifyClientCert, "", Config{CAFile: a.file("ca.pem")}, "certificate required"},
		{"a key that others can read", "server", tls.NoClientCert, "", Config{CertificateFile: a.file("client.pem"), KeyFile: wide}, "chmod 600 " + wide},
		{"a file that is missing", "server", tls.NoClientCert, "", Config{CAFile: a.file("none.pem")}, "warehouse.ca_file: " + a.file("none.pem") + ": no such file or directory"},
		{"a file without a certificate", "server", tls.NoClientCert, "", Config{CAFile: a.file("ca.key")}, "holds no certificate"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			native := a.serveTLS(w.seat.Native, test.certificate, test.clients)
			http := a.serveTLS(w.seat.HTTP, test.certificate, test.clients)
			for _, url := range []string{
				fmt.Sprintf("clickhouse://%s:%s@%s/%s?secure=true%s", auth.Username, auth.Password, native, w.Names().Views, test.parameters),
				fmt.Sprintf("https://%s:%s@%s/%s?x=1%s", auth.Username, auth.Password, http, w.Names().Views, test.parameters),
			} {
				config := test.config
				config.URL = strings.Replace(url, "?x=1&", "?", 1)
				config.URL = strings.TrimSuffix(config.URL, "?x=1")
				config.AnalystURL = fmt.Sprintf("https://%s:%s@%s", analyst.User, analyst.Password, http)
				server, err := Open(t.Context(), config)
				if err == nil {
					var user string
					user, err = query(t, server, "SELECT currentUser()", "TSV")
					if err == nil && user != analyst.User+"\n" {
						t.Errorf("the analyst asks as %q", user)
					}
					server.Close()
				}
				if (err == nil) != (test.want == "") || err != nil && (!strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), auth.Password)) {
					t.Errorf("Open of %.10s…: %v, want %q in it", url, err, test.want)
				}
			}
		})
	}
}
