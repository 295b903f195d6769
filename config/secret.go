package config

import (
	"errors"
	"io/fs"
	"net"
	"net/url"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"stagelag/bitrix24"
)

// A secret is a value that is, or holds, a password.
type secret interface {
	// host is whom the password opens, empty for nobody.
	host() string
	// isIn is whether the password itself stands in a text from the file, rather than a
	// reference to a variable.
	isIn(text string) bool
}

// secretOf is the secret of a value, nil for one that is none.
func secretOf(value reflect.Value) secret {
	switch v := value.Interface().(type) {
	case bitrix24.Webhook:
		return webhookSecret{v}
	case WarehouseURL:
		return v
	case MailURL:
		return v
	}
	return nil
}

func isSecret(t reflect.Type) bool { return secretOf(reflect.Zero(t)) != nil }

type webhookSecret struct{ webhook bitrix24.Webhook }

func (s webhookSecret) host() string { return s.webhook.Host() }

// isIn looks at what is behind /rest/USER/.
func (s webhookSecret) isIn(text string) bool {
	_, path, _ := strings.Cut(text, "/rest/")
	parts := strings.Split(path, "/")
	return len(parts) > 1 && parts[1] != "" && !isReference(parts[1])
}

func (w WarehouseURL) host() string {
	if u, err := url.Parse(w.Reveal()); err == nil {
		return u.Host
	}
	return ""
}

func (w WarehouseURL) isIn(text string) bool {
	if isPasswordIn(text) {
		return true
	}
	_, query, _ := strings.Cut(text, "?")
	for part := range strings.SplitSeq(query, "&") {
		if password, ok := strings.CutPrefix(part, "password="); ok && password != "" && !isReference(password) {
			return true
		}
	}
	return false
}

// isPasswordIn is whether an address has a password before its host, rather than a reference to a variable.
func isPasswordIn(text string) bool {
	_, text, _ = strings.Cut(text, "://")
	address, _, _ := strings.Cut(text, "?")
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return false
	}
	_, password, _ := strings.Cut(address[:at], ":")
	return password != "" && !isReference(password)
}

// isReference is whether a text is a single ${NAME}.
func isReference(text string) bool {
	return reference.FindString(text) == text && !strings.HasPrefix(text, "$$") && text != "${"
}

// readableByOthers are the permissions that a file with a secret has not.
const readableByOthers fs.FileMode = 0o077

// checkMode complains of a password that stands in a file which others can read. One that
// opens nothing but this machine, such as that of a simulated portal, may stand anywhere.
func (r *reader) checkMode(path string, node *yaml.Node, value reflect.Value) {
	s := secretOf(value)
	if s == nil || !r.mode.IsRegular() || r.mode&readableByOthers == 0 || isLoopback(s.host()) || !s.isIn(node.Value) {
		return
	}
	r.complain(r.placeOf(node), path, "holds a password, and the file's mode %04o lets others read it: chmod 600 %s, or put ${NAME} in its place and set the variable",
		r.mode.Perm(), r.file)
}

func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return host == "" || host == "localhost" || ip != nil && ip.IsLoopback()
}

// fileSuffix ends the name of a variable that names a file with the value: container tools
// and systemd hand secrets over in files.
const fileSuffix = "_FILE"

// readSecretFiles takes the variables of secrets from the files that they are named in.
func (r *reader) readSecretFiles() {
	for _, k := range keys {
		name := variableOf(k.path)
		path, isSet := r.variables[name+fileSuffix]
		if !k.isSecret || !isSet {
			continue
		}
		r.referred = append(r.referred, name+fileSuffix)
		complain := func(format string, args ...any) {
			r.complain(place{variable: name + fileSuffix}, k.path, format, args...)
		}
		if _, isSetTwice := r.variables[name]; isSetTwice {
			complain("%s is set as well, unset one of them", name)
			continue
		}
		path = r.besideFile(path)
		text, mode, err := readWithMode(path)
		if perr, ok := errors.AsType[*fs.PathError](err); ok {
			err = perr.Err
		}
		value := strings.TrimSpace(string(text))
		switch {
		case err != nil:
			complain("%s: %v", path, err)
		case value == "":
			complain("%s is empty", path)
		case mode.IsRegular() && mode&readableByOthers != 0 && !r.isHandedOver(path) && !opensOnlyThisMachine(k, value):
			complain("the mode %04o of %s lets others read it: chmod 600 %s", mode.Perm(), path, path)
		default:
			r.variables[name], r.named[name] = value, name+fileSuffix
			continue
		}
		// The key is not absent as well.
		r.places[k.path] = place{variable: name + fileSuffix}
	}
}

// opensOnlyThisMachine is whether a text is a secret that nobody elsewhere takes.
func opensOnlyThisMachine(k key, text string) bool {
	value := reflect.New(reflect.TypeFor[Config]().FieldByIndex(k.index).Type).Elem()
	return leaves[value.Type()].parse(text, value) == nil && isLoopback(secretOf(value).host())
}

// isHandedOver is whether a file was put there by a container tool or by systemd, who give it
// modes of their own and decide by other means who can reach it.
func (r *reader) isHandedOver(path string) bool {
	for _, folder := range []string{"/run/secrets", r.variables["CREDENTIALS_DIRECTORY"]} {
		if folder == "" {
			continue
		}
		if inside, err := filepath.Rel(folder, path); err == nil && filepath.IsLocal(inside) {
			return true
		}
	}
	return false
}
