package config

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"stagelag/warehouse/access"
)

// A WarehouseURL is the address of a ClickHouse server, its user and password with it, or
// stands for the embedded warehouse. However it is printed or encoded, it shows itself
// without user and password; only Reveal tells them.
type WarehouseURL struct {
	// The text lies behind a pointer: where fmt meets the type in an unexported field it
	// may call no method and prints the fields, and of a pointer only its number.
	text     *string
	shown    string
	database string // the one that it names, if any
}

const embedded = "embedded"

// Embedded stands for the engine that stagelag itself runs.
func Embedded() WarehouseURL {
	text := embedded
	return WarehouseURL{text: &text, shown: text}
}

// ParseWarehouseURL reads the address of a warehouse. Its errors never hold the address.
func ParseWarehouseURL(text string) (WarehouseURL, error) {
	if text == embedded {
		return Embedded(), nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		// A password with one of these in it is what usually breaks such an address.
		return WarehouseURL{}, errors.New("is no address, in a user or password write @ : / ? # and % as %40 %3A %2F %3F %23 and %25")
	case u.Scheme != "clickhouse" && u.Scheme != "http" && u.Scheme != "https":
		return WarehouseURL{}, errors.New("must be embedded, or begin with clickhouse://, http:// or https://")
	case u.Hostname() == "":
		return WarehouseURL{}, errors.New("names no host")
	case strings.Contains(u.Host, ","):
		return WarehouseURL{}, errors.New("names several hosts, and one server has to keep the lock of a run")
	case u.Fragment != "":
		return WarehouseURL{}, errors.New("has a # in it, in a user or password write it as %23")
	}
	database := strings.Trim(u.Path, "/")
	if database != "" {
		if err := access.Check(database); err != nil {
			return WarehouseURL{}, err
		}
	}
	return WarehouseURL{&text, u.Scheme + "://" + u.Host + u.EscapedPath(), database}, nil
}

// Reveal is the address with its password, empty where none is set.
func (w WarehouseURL) Reveal() string {
	if w.text == nil {
		return ""
	}
	return *w.text
}

// IsEmbedded is whether it stands for the engine that stagelag itself runs.
func (w WarehouseURL) IsEmbedded() bool { return w.Reveal() == embedded }

// isEncrypted is whether the server is reached over TLS.
func (w WarehouseURL) isEncrypted() bool {
	u, err := url.Parse(w.Reveal())
	if err != nil {
		return false
	}
	isSecure, err := strconv.ParseBool(u.Query().Get("secure"))
	return u.Scheme == "https" || err == nil && isSecure
}

// Equal is whether both are the same address.
func (w WarehouseURL) Equal(other WarehouseURL) bool { return w.Reveal() == other.Reveal() }

// String is the address without user and password.
func (w WarehouseURL) String() string { return w.shown }

// Format writes the address without user and password, whatever the verb.
func (w WarehouseURL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, w.shown) }

// MarshalText gives the address without user and password.
func (w WarehouseURL) MarshalText() ([]byte, error) { return []byte(w.shown), nil }
