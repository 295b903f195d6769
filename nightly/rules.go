package nightly

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"stagelag/config"
	"stagelag/extractor"
	"stagelag/transform"
)

// rulesVersion grows when the same deals and configuration give other numbers than
// before, so that the next run derives all deals anew.
const rulesVersion = 1

// Rules are the rules of the derivation, from the configuration and the portal's stages
// of today.
func Rules(cfg config.Config, funnels []extractor.Funnel) *transform.Rules {
	rules := &transform.Rules{
		Zone: cfg.Portal.TimeZone, Calendar: transform.CalendarDays{},
		Funnels:  map[extractor.FunnelID]bool{},
		Stages:   map[transform.StageKey]extractor.Stage{},
		StageMap: cfg.Stages.Map,
		Fields:   map[extractor.StageID]transform.PlanFields{},
		Norms:    map[extractor.StageID][]transform.Norm{},
	}
	for _, id := range cfg.Funnels {
		rules.Funnels[id] = true
	}
	for _, funnel := range funnels {
		for _, stage := range funnel.Stages {
			rules.Stages[transform.StageKey{Funnel: stage.FunnelID, Stage: stage.ID}] = stage
		}
	}
	for stage, fields := range cfg.Plan.Fields {
		rules.Fields[stage] = transform.PlanFields{Days: string(fields.Days), Date: string(fields.Date)}
	}
	for _, norm := range cfg.Plan.Norms {
		from := transform.NoDay
		if !norm.From.IsZero() {
			from = transform.DayOf(norm.From, norm.From.Location())
		}
		rules.Norms[norm.Stage] = append(rules.Norms[norm.Stage], transform.Norm{From: from, Days: norm.Days})
	}
	for _, norms := range rules.Norms {
		slices.SortFunc(norms, func(a, b transform.Norm) int { return cmp.Compare(a.From, b.From) })
	}
	return rules
}

// fingerprint tells apart whatever decides the numbers beside the deals.
func fingerprint(cfg config.Config, funnels []extractor.Funnel) string {
	type stage struct {
		Funnel    extractor.FunnelID
		ID        extractor.StageID
		Semantics extractor.Semantics
	}
	var stages []stage
	for _, funnel := range funnels {
		for _, s := range funnel.Stages {
			stages = append(stages, stage{s.FunnelID, s.ID, s.Semantics})
		}
	}
	slices.SortFunc(stages, func(a, b stage) int { return cmp.Or(cmp.Compare(a.Funnel, b.Funnel), cmp.Compare(a.ID, b.ID)) })
	text, err := json.Marshal(map[string]any{
		"version": rulesVersion, "zone": cfg.Portal.TimeZone.String(), "funnels": slices.Sorted(slices.Values(cfg.Funnels)),
		"plan": cfg.Plan, "map": cfg.Stages.Map, "calendar": cfg.Calendar, "stages": stages,
	})
	if err != nil {
		panic(fmt.Sprintf("a configuration that can't be written as JSON: %v", err)) // it consists of plain values
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// fieldNames are the custom fields that plans are read from.
func fieldNames(cfg config.Config) []string {
	names := map[string]bool{}
	for _, fields := range cfg.Plan.Fields {
		names[string(fields.Days)] = true
		names[string(fields.Date)] = true
	}
	delete(names, "")
	return slices.Sorted(maps.Keys(names))
}

// numberTypes and dateTypes are the portal's types of fields that can hold a plan. Text
// is among them because many portals keep both in text fields.
var (
	numberTypes = []string{"integer", "double", "string", "money"}
	dateTypes   = []string{"date", "datetime", "string"}
)

// Check holds the configuration against what the portal has. A name that the portal
// does not have would silently leave plans out, so it is a *config.Error, and no run begins.
func Check(cfg config.Config, portal extractor.Description) error {
	var complaints []config.Complaint
	complain := func(format string, args ...any) {
		complaints = append(complaints, config.Complaint{Text: fmt.Sprintf(format, args...)})
	}
	var funnels, stages, fields []string
	types := map[string]string{}
	for _, funnel := range portal.Funnels {
		funnels = append(funnels, strconv.FormatUint(uint64(funnel.ID), 10))
		for _, stage := range funnel.Stages {
			stages = append(stages, string(stage.ID))
		}
	}
	for _, field := range portal.Fields {
		fields = append(fields, field.Name)
		types[field.Name] = field.Type
	}
	missing := func(place, kind, name string, known []string) {
		complain("%s: the portal has no %s %s%s", place, kind, strconv.Quote(name), nearest(name, known))
	}
	for _, id := range cfg.Funnels {
		if name := strconv.FormatUint(uint64(id), 10); !slices.Contains(funnels, name) {
			missing("funnels", "funnel", name, funnels)
		}
	}
	for _, stage := range slices.Sorted(maps.Keys(cfg.Plan.Fields)) {
		place := "plan.fields." + string(stage)
		if !slices.Contains(stages, string(stage)) {
			missing(place, "stage", string(stage), stages)
		}
		for _, f := range []struct {
			key, name string
			types     []string
		}{
			{"days", string(cfg.Plan.Fields[stage].Days), numberTypes},
			{"date", string(cfg.Plan.Fields[stage].Date), dateTypes},
		} {
			switch {
			case f.name == "":
			case !slices.Contains(fields, f.name):
				missing(place+"."+f.key, "deal field", f.name, fields)
			case !slices.Contains(f.types, types[f.name]):
				complain("%s.%s: the portal's field %s is of type %s, which can't hold %s", place, f.key, f.name, types[f.name],
					map[string]string{"days": "a number of days", "date": "a date"}[f.key])
			}
		}
	}
	for _, norm := range cfg.Plan.Norms {
		if !slices.Contains(stages, string(norm.Stage)) {
			missing("plan.norms", "stage", string(norm.Stage), stages)
		}
	}
	for _, old := range slices.Sorted(maps.Keys(cfg.Stages.Map)) {
		if target := string(cfg.Stages.Map[old]); !slices.Contains(stages, target) {
			missing("stages.map."+string(old), "stage", target, stages)
		}
	}
	if len(complaints) > 0 {
		return &config.Error{Complaints: complaints}
	}
	return nil
}

func nearest(name string, known []string) string {
	if near := config.Nearest(name, known); near != "" {
		return "; did you mean " + near + "?"
	}
	if len(known) > 0 {
		return "; it has " + join(known)
	}
	return ""
}

// join lists the first few of many.
func join(names []string) string {
	const most = 10
	text := ""
	for i, name := range names {
		if i == most {
			return text + fmt.Sprintf(" and %d more", len(names)-most)
		}
		if i > 0 {
			text += ", "
		}
		text += name
	}
	return text
}
