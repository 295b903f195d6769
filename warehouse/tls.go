package warehouse

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"stagelag/plain"
)

// trust applies the certificates that the configuration names to connections over TLS.
// What a server shows is always verified, unless its URL says skip_verify.
func (w *Warehouse) trust(config Config) error {
	if config.CAFile == "" && config.CertificateFile == "" {
		return nil
	}
	trusted := &tls.Config{}
	if config.CAFile != "" {
		text, err := os.ReadFile(config.CAFile)
		if err != nil {
			return fmt.Errorf("warehouse.ca_file: %w", plain.NotRead(config.CAFile, err))
		}
		trusted.RootCAs = x509.NewCertPool()
		if !trusted.RootCAs.AppendCertsFromPEM(text) {
			return fmt.Errorf("warehouse.ca_file: %s holds no certificate: it begins with -----BEGIN CERTIFICATE-----", config.CAFile)
		}
	}
	if config.CertificateFile != "" {
		info, err := os.Stat(config.KeyFile)
		if err != nil {
			return fmt.Errorf("warehouse.key_file: %w", err)
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			return fmt.Errorf("warehouse.key_file: the mode %04o of %s lets others read it: chmod 600 %s", mode, config.KeyFile, config.KeyFile)
		}
		certificate, err := tls.LoadX509KeyPair(config.CertificateFile, config.KeyFile)
		if err != nil {
			return fmt.Errorf("warehouse.certificate_file and warehouse.key_file: %w", err)
		}
		trusted.Certificates = []tls.Certificate{certificate}
	}
	if w.options.TLS != nil {
		trusted.InsecureSkipVerify = w.options.TLS.InsecureSkipVerify // off, unless the URL says skip_verify
		w.options.TLS = trusted
	}
	w.analyst.tls = trusted
	return nil
}

// distrust says what to do about a server's certificate that was refused.
func distrust(err error) error {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Errorf("%w; set warehouse.ca_file to the certificate of the authority that signed the server's", err)
	}
	return err
}
