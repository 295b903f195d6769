package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"stagelag/config"
)

// A deployed is a way in which the schedule is started.
type deployed struct {
	name      string
	command   []string
	variables []string // NAME=value
}

func unit(t *testing.T) deployed {
	t.Helper()
	text, err := os.ReadFile("../../deploy/stagelag.service")
	if err != nil {
		t.Fatal(err)
	}
	d := deployed{name: "the unit of systemd"}
	for _, line := range regexp.MustCompile(`(?m)^(Environment|ExecStart)=(.*)$`).FindAllStringSubmatch(string(text), -1) {
		if line[1] == "Environment" {
			d.variables = append(d.variables, line[2])
		} else {
			d.command = strings.Fields(line[2])[1:]
		}
	}
	return d
}

func service(t *testing.T) deployed {
	t.Helper()
	text, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct {
			Command     []string
			Environment map[string]string
			Ports       []string
		}
	}
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	s := compose.Services["stagelag"]
	d := deployed{name: "the service of compose", command: s.Command}
	for name, value := range s.Environment {
		d.variables = append(d.variables, name+"="+regexp.MustCompile(`\$\{[^}]*\}`).ReplaceAllString(value, ""))
	}
	for _, port := range s.Ports {
		if !strings.HasPrefix(port, "127.0.0.1:") {
			t.Errorf("the service opens the port %s to more than this machine", port)
		}
	}
	return d
}

// The servers of the warehouse are where nothing leads out, and what is beside them has its ports on this
// machine only.
func TestTheWarehouseHasNoWayOut(t *testing.T) {
	text, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct {
			Image    string
			Networks []string
			Ports    []string
		}
		Networks map[string]struct{ Internal bool }
	}
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	servers := 0
	for name, service := range compose.Services {
		for _, port := range service.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("the service %s opens the port %s to more than this machine", name, port)
			}
		}
		if !strings.HasPrefix(service.Image, "clickhouse/") {
			continue
		}
		servers++
		leadsOut := func(network string) bool { return !compose.Networks[network].Internal }
		if len(service.Networks) == 0 || slices.ContainsFunc(service.Networks, leadsOut) {
			t.Errorf("the service %s is in the networks %q, want only such as are internal", name, service.Networks)
		}
		if len(service.Ports) > 0 {
			t.Errorf("the service %s has the ports %q, which a network without a way out cannot have", name, service.Ports)
		}
	}
	if servers != 2 {
		t.Errorf("there are %d servers of a warehouse, want that of the portal and that of the demo", servers)
	}
}

// The unit leaves the engine what it isolates itself with.
func TestTheUnitLetsTheEngineIsolateItself(t *testing.T) {
	text, err := os.ReadFile("../../deploy/stagelag.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"RestrictNamespaces=user net", "SystemCallFilter=@system-service seccomp", "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
		"NoNewPrivileges=yes", "UMask=0077",
	} {
		if !strings.Contains(string(text), "\n"+line+"\n") {
			t.Errorf("the unit lacks the line %s", line)
		}
	}
}

// What is deployed calls commands, flags and variables that there are.
func TestWhatIsDeployed(t *testing.T) {
	for _, d := range []deployed{unit(t), service(t)} {
		if len(d.command) == 0 || d.command[0] != "schedule" || len(d.variables) == 0 {
			t.Errorf("%s calls %q with %q, want schedule with variables", d.name, d.command, d.variables)
			continue
		}
		root := newRoot(newApp(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}, nil, time.Now))
		cmd, args, err := root.Find(d.command)
		if err != nil || cmd.Name() != "schedule" {
			t.Errorf("%s calls %q: %v", d.name, d.command, err)
			continue
		}
		if err := cmd.ParseFlags(args); err != nil {
			t.Errorf("%s calls %q: %v", d.name, d.command, err)
		}
		cfg, err := config.Load(filepath.Join(t.TempDir(), "stagelag.yaml"), false, d.variables)
		if err != nil || len(cfg.Warnings) > 0 {
			t.Errorf("%s sets %q: %v, %q", d.name, d.variables, err, cfg.Warnings)
		}
	}
}

// Every warehouse of compose has the users and the limits, and the limits are those of the embedded engine.
func TestServersHaveTheLimitsOfTheEngine(t *testing.T) {
	text, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct {
			Image   string
			Volumes []any
		}
	}
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	servers := 0
	for name, s := range compose.Services {
		if !strings.HasPrefix(s.Image, "clickhouse/") {
			continue
		}
		servers++
		for _, want := range []string{"./warehouse/access/users.xml:/etc/clickhouse-server/users.d/stagelag.xml:ro", "./deploy/limits.xml:/etc/clickhouse-server/config.d/limits.xml:ro"} {
			if !slices.Contains(s.Volumes, any(want)) {
				t.Errorf("the service %s has %v, want %s too", name, s.Volumes, want)
			}
		}
	}
	if servers != 2 {
		t.Errorf("compose has %d servers, want two", servers)
	}

	settings := func(file string) (names []string) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`<(max_\w+|\w+_grant)\b`).FindAllStringSubmatch(string(text), -1) {
			if found[1] != "max_server_memory_usage" { // for tests
				names = append(names, found[1])
			}
		}
		slices.Sort(names)
		return names
	}
	engine, server := settings("../../warehouse/embedded/engine.xml"), settings("../../deploy/limits.xml")
	if len(engine) < 6 || !slices.Equal(engine, server) {
		t.Errorf("the embedded engine limits %q, a server %q, want the same", engine, server)
	}
}
