package dashboards

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"go.yaml.in/yaml/v3"

	"stagelag/warehouse/access"
)

// A Portal is one of several that a Grafana shows, each by a data source of its own.
type Portal struct {
	Database string // of its warehouse, that people query
	Name     string // that people choose it by, another one for each
}

// sourceUID is the data source of the portal.
func (p Portal) sourceUID() string {
	if p.Database == access.Default {
		return SourceUID
	}
	return SourceUID + "-" + p.short()
}

// short is the name of the database in as many characters as fit into the uids of Grafana, which have 40 at most.
func (p Portal) short() string {
	const most, kept = 16, 9
	if len(p.Database) <= most {
		return p.Database
	}
	sum := sha256.Sum256([]byte(p.Database))
	return p.Database[:kept] + hex.EncodeToString(sum[:])[:most-kept]
}

// portalVariable is the name of the variable that chooses the portal.
const portalVariable = "portal"

// choosing adds the choice of the portal to a dashboard, before all variables that depend on it.
func choosing(d *dashboard.Dashboard, lang Lang, portals []Portal) error {
	var names []string
	for _, p := range portals {
		names = append(names, regexp.QuoteMeta(p.Name))
	}
	first := portals[0]
	variable, err := dashboard.NewDatasourceVariableBuilder(portalVariable).
		Label(say(lang, "variable.portal")).
		Description(say(lang, "variable.portal.about")).
		Type(SourceType).
		// Other data sources of this type are none of ours.
		Regex("/^(" + strings.Join(names, "|") + ")$/").
		Current(dashboard.VariableOption{
			Text:  dashboard.StringOrArrayOfString{String: &first.Name},
			Value: dashboard.StringOrArrayOfString{String: new(first.sourceUID())},
		}).
		Build()
	if err != nil {
		return err
	}
	d.Templating.List = append([]dashboard.VariableModel{variable}, d.Templating.List...)
	return nil
}

// ofPortal has the text of a dashboard ask the portal that is chosen, and has its links keep the choice. Every panel,
// variable and marker names the one data source by its uid, and every link keeps the date.
var ofPortal = strings.NewReplacer(
	`"uid": "`+SourceUID+`"`, `"uid": "${`+portalVariable+`}"`,
	"${shown:queryparam}", "${shown:queryparam}\\u0026${"+portalVariable+":queryparam}",
)

// sources is the provisioning file of the portals' data sources. They are on one server; a portal that is elsewhere
// gets another host in it. The passwords come from the environment of Grafana.
func sources(portals []Portal) ([]byte, error) {
	type settings struct {
		Host            string `yaml:"host"`
		Port            string `yaml:"port"`
		Protocol        string `yaml:"protocol"`
		Secure          bool   `yaml:"secure"`
		Username        string `yaml:"username"`
		DefaultDatabase string `yaml:"defaultDatabase"`
		DialTimeout     string `yaml:"dialTimeout"`
		QueryTimeout    string `yaml:"queryTimeout"`
	}
	type source struct {
		Name     string            `yaml:"name"`
		UID      string            `yaml:"uid"`
		Type     string            `yaml:"type"`
		Access   string            `yaml:"access"`
		Default  bool              `yaml:"isDefault"`
		Editable bool              `yaml:"editable"`
		Settings settings          `yaml:"jsonData"`
		Secure   map[string]string `yaml:"secureJsonData"`
	}
	var list []source
	for i, p := range portals {
		list = append(list, source{
			Name: p.Name, UID: p.sourceUID(), Type: SourceType, Access: "proxy", Default: i == 0,
			Settings: settings{
				Host: "$STAGELAG_WAREHOUSE_HOST", Port: "$STAGELAG_WAREHOUSE_PORT", Protocol: "native",
				Username: access.UsersOf(p.Database).Grafana, DefaultDatabase: p.Database, DialTimeout: "10", QueryTimeout: "60",
			},
			Secure: map[string]string{"password": "$" + strings.Replace(access.Variables(p.Database).Grafana, "_SHA256", "", 1)},
		})
	}
	var text bytes.Buffer
	text.WriteString("# A data source for each portal, as the user that may read its views and no more.\n")
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(map[string]any{"apiVersion": 1, "datasources": list}); err != nil {
		return nil, fmt.Errorf("data sources: %w", err)
	}
	return text.Bytes(), nil
}
