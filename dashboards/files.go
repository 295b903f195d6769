package dashboards

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

var makers = map[string]func(Lang, Targets) *board{
	"portfolio": portfolio, "deal": deal, "quality": quality, "stages": stages, "ahead": ahead, "trust": trust,
}

// pages builds the dashboards of a language, in the order of their links.
func pages(lang Lang, targets Targets) ([]page, error) {
	var all []page
	for _, name := range names {
		d, err := makers[name](lang, targets).build()
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// Files are the files of a language by their names: a JSON file for each dashboard, and
// alerts.yaml for Grafana's provisioning/alerting. For several portals, the dashboards have a variable that
// chooses one, each portal has alerts of its own, and datasources.yaml is for provisioning/datasources.
func Files(lang Lang, asked Options) (map[string][]byte, error) {
	all, err := pages(lang, asked.Targets)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	isOfSeveral := len(asked.Portals) > 1
	for i, d := range all {
		if isOfSeveral {
			if err := choosing(&d.Dashboard, lang, asked.Portals); err != nil {
				return nil, fmt.Errorf("dashboard %s: %w", names[i], err)
			}
		}
		text, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("dashboard %s: %w", names[i], err)
		}
		if isOfSeveral {
			text = []byte(ofPortal.Replace(string(text)))
		}
		files[names[i]+".json"] = append(text, '\n')
	}
	if isOfSeveral {
		if files["datasources.yaml"], err = sources(asked.Portals); err != nil {
			return nil, err
		}
	}
	if files["alerts.yaml"], err = alerts(lang, asked); err != nil {
		return nil, err
	}
	return files, nil
}

// Export writes the files of a language into a folder, which is made when absent. Files
// of the same names are replaced, others stay.
func Export(lang Lang, asked Options, dir string) error {
	files, err := Files(lang, asked)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // Grafana reads it as another user, and there is no secret in it
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil { //nolint:gosec // as above
			return err
		}
	}
	return nil
}
