package dashboards_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"stagelag/dashboards"
	"stagelag/warehouse/access"
)

// Of several portals one is chosen above each dashboard: everything asks its data source, every link keeps it, and each
// portal has its alerts.
func TestBoardsOfSeveralPortals(t *testing.T) {
	const long = "a_database_with_a_name_as_long_as_any_is"
	portals := []dashboards.Portal{{Database: "stagelag", Name: "north.bitrix24.ru"}, {Database: "south", Name: "south.bitrix24.ru"}, {Database: long, Name: "long.example.com"}}
	type variable struct {
		Name, Type, Regex string
		Query             any // of other kinds of variables an object
		Current           struct{ Value any }
	}
	for _, lang := range dashboards.Langs {
		files, err := dashboards.Files(lang, dashboards.Options{Portals: portals})
		if err != nil {
			t.Fatal(err)
		}
		var provisioned struct {
			Datasources []struct {
				Name, UID, Type string
				JSONData        map[string]any    `yaml:"jsonData"`
				Secure          map[string]string `yaml:"secureJsonData"`
			}
		}
		if err := yaml.Unmarshal(files["datasources.yaml"], &provisioned); err != nil {
			t.Fatal(err)
		}
		uids := map[string]string{} // by name
		for i, source := range provisioned.Datasources {
			users := access.UsersOf(portals[i].Database)
			variables := strings.Replace(access.Variables(portals[i].Database).Grafana, "_SHA256", "", 1)
			if source.Name != portals[i].Name || source.JSONData["username"] != users.Grafana || source.JSONData["defaultDatabase"] != portals[i].Database || source.Secure["password"] != "$"+variables {
				t.Errorf("%s: the data source of %s is %+v", lang, portals[i].Name, source)
			}
			if len(source.UID) > 40 || slices.Contains([]string{uids[portals[0].Name], uids[portals[1].Name]}, source.UID) {
				t.Errorf("%s: the uid %s of a data source is taken or too long", lang, source.UID)
			}
			uids[source.Name] = source.UID
		}
		if uids["north.bitrix24.ru"] != dashboards.SourceUID || len(uids) != 3 {
			t.Errorf("%s: the data sources are %v, want three, and the usual uid for the usual database", lang, uids)
		}

		boards := 0
		for name, text := range files {
			if !strings.HasSuffix(name, ".json") {
				continue
			}
			boards++
			var page struct {
				Templating struct{ List []variable }
			}
			if err := json.Unmarshal(text, &page); err != nil {
				t.Fatal(err)
			}
			first := page.Templating.List[0]
			choices := regexp.MustCompile(strings.Trim(first.Regex, "/"))
			if first.Name != "portal" || first.Type != "datasource" || first.Query != dashboards.SourceType || first.Current.Value != dashboards.SourceUID {
				t.Errorf("%s/%s: the first variable is %+v, want the portal", lang, name, first)
			}
			for source := range uids {
				if !choices.MatchString(source) || choices.MatchString(source+"x") {
					t.Errorf("%s/%s: %s does not choose %s alone", lang, name, first.Regex, source)
				}
			}
			if strings.Contains(string(text), `"uid": "`+dashboards.SourceUID+`"`) || strings.Count(string(text), `"uid": "${portal}"`) < 10 {
				t.Errorf("%s/%s: something does not ask the portal that is chosen", lang, name)
			}
			for _, link := range linkTo.FindAllString(string(text), -1) {
				if !strings.Contains(link, `\u0026${portal:queryparam}`) {
					t.Errorf("%s/%s: a link drops the portal: %s", lang, name, link)
				}
			}
		}
		if boards != 6 {
			t.Errorf("%s has %d dashboards, want 6", lang, boards)
		}

		var alerts struct {
			Groups []struct {
				Rules []struct {
					UID, Title  string
					Labels      map[string]string
					Annotations map[string]string
					Data        []struct {
						UID string `yaml:"datasourceUid"`
					}
				}
			}
		}
		if err := yaml.Unmarshal(files["alerts.yaml"], &alerts); err != nil {
			t.Fatal(err)
		}
		taken := map[string]bool{}
		rules := map[string]int{}
		for _, rule := range alerts.Groups[0].Rules {
			source := uids[rule.Labels["portal"]]
			if taken[rule.UID] || taken[rule.Title] || len(rule.UID) > 40 {
				t.Errorf("%s: the uid %s or the title %q is taken or too long", lang, rule.UID, rule.Title)
			}
			if rule.Data[0].UID != source || !strings.HasSuffix(rule.Annotations["link"], "?var-portal="+source) || !strings.Contains(rule.Title, rule.Labels["portal"]) {
				t.Errorf("%s: the alert %s asks %s and leads to %s, want %s", lang, rule.UID, rule.Data[0].UID, rule.Annotations["link"], source)
			}
			taken[rule.UID], taken[rule.Title] = true, true
			rules[rule.Labels["portal"]]++
		}
		if _, one := read(t, lang); fmt.Sprint(rules) != fmt.Sprint(map[string]int{"north.bitrix24.ru": len(one), "south.bitrix24.ru": len(one), "long.example.com": len(one)}) {
			t.Errorf("%s: the portals have %v alerts, want %d each", lang, rules, len(one))
		}
	}
}
