// Package deploy_test checks what deploy and docker-compose.yml have, with compose's own loader and in a shell.
package deploy_test

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
	"go.yaml.in/yaml/v3"

	"stagelag/config"
	"stagelag/dashboards"
	"stagelag/warehouse/access"
)

const root = ".."

func TestMain(m *testing.M) {
	// The loader logs that a variable is not set beside the error for it.
	logrus.SetOutput(io.Discard)
	os.Exit(m.Run())
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// example is .env.example: what it sets, passwords filled in as make env does, and what it names in comments.
func example(t *testing.T) (set map[string]string, named []string) {
	t.Helper()
	set = map[string]string{}
	for _, found := range regexp.MustCompile(`(?m)^(#?)([A-Z0-9_]+)=(.*)$`).FindAllStringSubmatch(read(t, ".env.example"), -1) {
		named = append(named, found[2])
		if found[1] == "" {
			set[found[2]] = found[3]
		}
		if strings.HasSuffix(found[2], "_PASSWORD") {
			set[found[2]] = "secret-of-" + strings.ToLower(found[2])
		}
	}
	return set, named
}

// load reads the files as docker compose does.
func load(t *testing.T, environ map[string]string, profiles []string, files ...string) (*types.Project, error) {
	t.Helper()
	var list []string
	for name, value := range environ {
		list = append(list, name+"="+value)
	}
	for i, file := range files {
		files[i] = filepath.Join(root, file)
	}
	options, err := cli.NewProjectOptions(files, cli.WithWorkingDirectory(root), cli.WithEnv(list), cli.WithProfiles(profiles))
	if err != nil {
		return nil, err
	}
	return options.LoadProject(t.Context())
}

func mustLoad(t *testing.T, environ map[string]string, profiles []string, files ...string) *types.Project {
	t.Helper()
	project, err := load(t, environ, profiles, files...)
	if err != nil {
		t.Fatalf("%v: %v", files, err)
	}
	return project
}

// Each profile has its services, which are limited in memory and logs, restarted, looked after, and in which everything that is
// mounted is there.
func TestProfiles(t *testing.T) {
	t.Parallel()
	environ, _ := example(t)
	tests := []struct {
		profile  string
		services []string
		once     []string // those that end by themselves
	}{
		{environ["COMPOSE_PROFILES"], []string{"grafana", "stagelag", "warehouse"}, nil},
		{"demo", []string{"demo", "demo-grafana", "demo-warehouse"}, []string{"demo"}},
		{"init", []string{"init"}, []string{"init"}},
	}
	for _, test := range tests {
		project := mustLoad(t, environ, []string{test.profile}, "docker-compose.yml")
		if got := slices.Sorted(maps.Keys(project.Services)); !slices.Equal(got, test.services) {
			t.Errorf("the profile %s has the services %q, want %q", test.profile, got, test.services)
		}
		for name, s := range project.Services {
			if s.MemLimit < 128<<20 {
				t.Errorf("%s may use %d bytes of memory, want a limit", name, s.MemLimit)
			}
			if s.Logging == nil || s.Logging.Options["max-size"] == "" || s.Logging.Options["max-file"] == "" {
				t.Errorf("the logs of %s are kept for ever", name)
			}
			isServer := !slices.Contains(test.once, name)
			if isServer && (s.Restart != "unless-stopped" || s.HealthCheck == nil || len(s.HealthCheck.Test) < 2) {
				t.Errorf("%s is restarted %q with the health check %v, want both", name, s.Restart, s.HealthCheck)
			}
			for _, volume := range s.Volumes {
				if volume.Type != types.VolumeTypeBind || filepath.Base(volume.Source) == "stagelag.yaml" {
					continue
				}
				if _, err := os.Stat(volume.Source); err != nil {
					t.Errorf("%s mounts what is not there: %v", name, err)
				}
				if !volume.ReadOnly {
					t.Errorf("%s can write to %s", name, volume.Source)
				}
			}
		}
	}
}

// The configuration has to be there, or docker would make a folder of its name.
func TestTheConfigurationIsNotMadeByDocker(t *testing.T) {
	t.Parallel()
	environ, _ := example(t)
	project := mustLoad(t, environ, []string{"nightly"}, "docker-compose.yml")
	for _, volume := range project.Services["stagelag"].Volumes {
		if filepath.Base(volume.Source) == "stagelag.yaml" && volume.Bind != nil && !bool(volume.Bind.CreateHostPath) {
			return
		}
	}
	t.Errorf("the volumes of stagelag are %v", project.Services["stagelag"].Volumes)
}

// Every variable of compose's file is in .env.example and the other way round; without one that is needed nothing starts,
// and the message names it.
func TestVariables(t *testing.T) {
	t.Parallel()
	environ, named := example(t)
	var tree map[string]any
	if err := yaml.Unmarshal([]byte(read(t, "docker-compose.yml")), &tree); err != nil {
		t.Fatal(err)
	}
	used := template.ExtractVariables(tree, template.DefaultPattern)
	for name := range used {
		if !slices.Contains(named, name) {
			t.Errorf(".env.example lacks %s, which docker-compose.yml reads", name)
		}
	}
	for _, name := range named {
		if _, isUsed := used[name]; !isUsed && name != "COMPOSE_PROFILES" {
			t.Errorf(".env.example has %s, which docker-compose.yml does not read", name)
		}
	}
	needed := 0
	for name, variable := range used {
		without := maps.Clone(environ)
		delete(without, name)
		project, err := load(t, without, []string{"nightly", "demo"}, "docker-compose.yml")
		if isNeeded := strings.HasSuffix(name, "_PASSWORD"); isNeeded {
			needed++
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("without %s: %v, want an error that names it", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("without %s, whose default is %q: %v", name, variable.DefaultValue, err)
			continue
		}
		for service, s := range project.Services {
			if s.MemLimit == 0 {
				t.Errorf("without %s, %s has no limit of memory", name, service)
			}
		}
	}
	if needed != 4 {
		t.Errorf("%d passwords are needed, want 4", needed)
	}
	for _, lang := range []string{"en", "ru"} {
		environ["GRAFANA_LANG"] = lang
		project := mustLoad(t, environ, []string{"nightly", "demo"}, "docker-compose.yml")
		for _, name := range []string{"grafana", "demo-grafana"} {
			home := *project.Services[name].Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
			if _, err := os.Stat(filepath.Join(root, strings.TrimPrefix(home, "/etc/stagelag/"))); err != nil {
				t.Errorf("the home of %s in %s: %v", name, lang, err)
			}
		}
	}
}

// DBeaver's ports are on this machine only.
func TestPortsForReaders(t *testing.T) {
	t.Parallel()
	environ, _ := example(t)
	project := mustLoad(t, environ, []string{"nightly"}, "docker-compose.yml", "deploy/readers.yaml")
	if got := len(project.Services["warehouse"].Ports); got != 2 {
		t.Errorf("the warehouse has %d ports, want 2", got)
	}
	for name, s := range project.Services {
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s opens %s:%s", name, port.HostIP, port.Published)
			}
		}
	}
}

// Over TLS, Grafana has no port without it.
func TestGrafanaBehindTLS(t *testing.T) {
	t.Parallel()
	environ, _ := example(t)
	if _, err := load(t, environ, []string{"nightly"}, "docker-compose.yml", "deploy/grafana-tls.yaml"); err == nil || !strings.Contains(err.Error(), "GRAFANA_HOST") {
		t.Errorf("without the name of the certificate: %v", err)
	}
	environ["GRAFANA_HOST"] = "grafana.example.com"
	grafana := mustLoad(t, environ, []string{"nightly"}, "docker-compose.yml", "deploy/grafana-tls.yaml").Services["grafana"]
	if len(grafana.Ports) != 1 || grafana.Ports[0].Published != "443" {
		t.Errorf("Grafana has the ports %v, want 443 only", grafana.Ports)
	}
	setting := func(name string) string {
		if value := grafana.Environment[name]; value != nil {
			return *value
		}
		return ""
	}
	for name, want := range map[string]string{
		"GF_SERVER_PROTOCOL": "https", "GF_SERVER_ROOT_URL": "https://grafana.example.com:443/", "GF_SECURITY_COOKIE_SECURE": "true",
		"GF_SERVER_CERT_FILE": "/etc/grafana/tls/grafana.crt", "STAGELAG_WAREHOUSE_HOST": "warehouse",
	} {
		if got := setting(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !slices.ContainsFunc(grafana.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == "/etc/grafana/tls" && v.ReadOnly }) {
		t.Errorf("the certificate is not mounted: %v", grafana.Volumes)
	}
	if !slices.Contains(grafana.HealthCheck.Test, "https://127.0.0.1:3000/api/health") {
		t.Errorf("the health check is %v", grafana.HealthCheck.Test)
	}
}

// Of three portals each has its users, its configuration and its data source, and no password but its own.
func TestPortals(t *testing.T) {
	t.Parallel()
	environ, _ := example(t)
	databases := []string{"north", "south", "west"}
	for _, database := range databases {
		name := strings.ToUpper(database)
		for _, kind := range []string{"WAREHOUSE", "ANALYST", "GRAFANA_READER"} {
			environ[kind+"_PASSWORD_"+name] = strings.ToLower(kind) + "-of-" + database
		}
		environ[name+"_WEBHOOK"] = "https://" + database + ".bitrix24.ru/rest/1/secret/"
	}
	project := mustLoad(t, environ, []string{"nightly"}, "docker-compose.yml", "deploy/portals.yaml")
	variables := func(service string) (list []string) {
		for name, value := range project.Services[service].Environment {
			if value != nil {
				list = append(list, name+"="+*value)
			}
		}
		return list
	}
	hashed := hashPasswords(t, variables("warehouse"))
	var portals []dashboards.Portal
	for _, database := range databases {
		names, users := access.Variables(database), access.UsersOf(database)
		for _, name := range []string{names.Program, names.Analyst, names.Grafana} {
			if hashed[name] == "" {
				t.Errorf("the server has no %s", name)
			}
		}
		file := filepath.Join(t.TempDir(), database+".yaml")
		upper := strings.ToUpper(database)
		text := "portal: {url: '${" + upper + "_WEBHOOK}', time_zone: Europe/Moscow}\nwarehouse: {url: '${" + upper + "_WAREHOUSE_URL}', database: " + database + "}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(file, true, variables("stagelag"), config.NeedPortal)
		if err != nil || len(cfg.Warnings) > 0 {
			t.Errorf("%s: %v, %q", file, err, cfg.Warnings)
			continue
		}
		if want := "clickhouse://" + users.Program + ":warehouse-of-" + database + "@warehouse:9000"; cfg.Warehouse.URL.Reveal() != want || cfg.Portal.URL.Host() != database+".bitrix24.ru" || cfg.Schedule.Listen != "0.0.0.0:9469" {
			t.Errorf("%s reads %v into %s, want %s", database, cfg.Portal.URL, cfg.Warehouse.URL.Reveal(), want)
		}
		if !slices.Contains(project.Services["stagelag"].Command, database+".yaml") {
			t.Errorf("the schedule has %q, and not %s.yaml", project.Services["stagelag"].Command, database)
		}
		portals = append(portals, dashboards.Portal{Database: database, Name: database})
	}
	files, err := dashboards.Files(dashboards.English, dashboards.Options{Portals: portals})
	if err != nil {
		t.Fatal(err)
	}
	grafana := project.Services["grafana"].Environment
	for _, name := range regexp.MustCompile(`\$([A-Z0-9_]+)`).FindAllStringSubmatch(string(files["datasources.yaml"]), -1) {
		if value := grafana[name[1]]; value == nil || *value == "" {
			t.Errorf("Grafana has no %s, which its data sources read", name[1])
		}
	}
	for _, name := range variables("grafana") {
		if strings.Contains(name, "warehouse-of-") || strings.Contains(name, "analyst-of-") {
			t.Errorf("Grafana has %s", name)
		}
	}
}
