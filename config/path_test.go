package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// A command may run anywhere: every path of the configuration starts from the configuration's folder,
// whether the file sets it or a variable.
func TestPathsStartFromTheConfiguration(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(t.TempDir())
	file := filepath.Join(folder, "stagelag.yaml")
	count := 0
	for _, k := range keys {
		if reflect.TypeFor[Config]().FieldByIndex(k.index).Type != reflect.TypeFor[Path]() {
			continue
		}
		count++
		// What else a TLS file needs.
		text := "warehouse: {url: 'https://db:8443', certificate_file: c, key_file: k}"
		name := strings.TrimPrefix(k.path, "warehouse.")
		inFile := strings.NewReplacer(name+": c", name+": sub/x", name+": k", name+": sub/x").Replace(text)
		if inFile == text {
			inFile = strings.Replace(text, "{", "{"+name+": sub/x, ", 1)
		}
		for _, test := range []struct {
			text    string
			environ []string
			want    string
		}{
			{inFile, nil, filepath.Join(folder, "sub", "x")},
			{text, []string{variableOf(k.path) + "=../y"}, filepath.Join(filepath.Dir(folder), "y")},
			{text, []string{variableOf(k.path) + "=/z"}, "/z"},
		} {
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg, err := Load(file, true, test.environ)
			if err != nil {
				t.Fatalf("Load(%s) with %q: %v", test.text, test.environ, err)
			}
			if got := reflect.ValueOf(cfg).FieldByIndex(k.index).String(); got != test.want {
				t.Errorf("%s of %s with %q = %s, want %s", k.path, test.text, test.environ, got, test.want)
			}
		}
	}
	if count != 4 {
		t.Errorf("%d keys are paths, want 4", count)
	}
	for _, k := range keys {
		if isNamed := k.path == "warehouse.path" || strings.HasSuffix(k.path, "_file"); isNamed && reflect.TypeFor[Config]().FieldByIndex(k.index).Type != reflect.TypeFor[Path]() {
			t.Errorf("%s names a path and is not a Path", k.path)
		}
	}
}

func TestASecretsFileStartsFromTheConfiguration(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(t.TempDir())
	const address = "https://example.bitrix24.ru/rest/1/s3cret/"
	if err := os.WriteFile(filepath.Join(folder, "webhook"), []byte(address), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(filepath.Join(folder, "stagelag.yaml"), false, []string{"STAGELAG_PORTAL_URL_FILE=webhook"})
	if err != nil || cfg.Portal.URL.Host() != "example.bitrix24.ru" {
		t.Errorf("Load with STAGELAG_PORTAL_URL_FILE=webhook: %v, portal %q", err, cfg.Portal.URL.Host())
	}
}

// Without a configuration a command works in the folder that it runs in.
func TestPathsWithoutAConfiguration(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := Load("stagelag.yaml", false, nil)
	if want := Path(filepath.Join(here, "data", "warehouse")); err != nil || cfg.Warehouse.Path != want {
		t.Errorf("warehouse.path = %q, %v, want %q", cfg.Warehouse.Path, err, want)
	}
}
