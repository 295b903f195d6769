package nightly

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"stagelag/config"
	"stagelag/extractor"
	"stagelag/transform"
)

// rulesVersion grows when the same deals and configuration give other numbers than
// before, so that the next run derives all deals anew.
const rulesVersion = 3

// Rules are the rules of the derivation, from the configuration, the portal's stages
// of today and of before, and the calendars.
func Rules(cfg config.Config, funnels []extractor.Funnel, calendars transform.Calendars) *transform.Rules {
	rules := &transform.Rules{
		Zone: cfg.Portal.TimeZone, Calendars: calendars,
		Funnels:  map[extractor.FunnelID]bool{},
		Stages:   map[transform.StageKey]extractor.Stage{},
		StageMap: cfg.Stages.Map,
		Fields:   map[extractor.StageID]transform.PlanFields{},
		Norms:    map[extractor.StageID][]transform.Norm{},
		Waiting:  map[extractor.StageID]bool{},
		Pauses:   transform.PauseFields{Flag: string(cfg.Pauses.Flag), From: string(cfg.Pauses.From), Until: string(cfg.Pauses.Until)},
		Shortest: time.Duration(cfg.Visits.Shortest),
	}
	for _, stage := range cfg.Stages.Waiting {
		rules.Waiting[stage] = true
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

// ruleKeys are the parts of a configuration that decide the numbers, without the calendars.
type ruleKeys struct {
	TimeZone string
	Funnels  []extractor.FunnelID
	Plan     config.Plan
	Stages   config.Stages
	Visits   config.Visits
	Pauses   config.Pauses
}

// RulesText is what a run keeps of the configuration that it derives under, for ParseRules.
func RulesText(cfg config.Config) string {
	text, err := json.Marshal(ruleKeys{cfg.Portal.TimeZone.String(), cfg.Funnels, cfg.Plan, cfg.Stages, cfg.Visits, cfg.Pauses})
	if err != nil {
		panic(fmt.Sprintf("a configuration that can't be written as JSON: %v", err)) // it consists of plain values
	}
	return string(text)
}

// ParseRules gives the parts of a configuration that RulesText has kept; all others are unset.
func ParseRules(text string) (config.Config, error) {
	var kept ruleKeys
	if err := json.Unmarshal([]byte(text), &kept); err != nil {
		return config.Config{}, fmt.Errorf("read the rules that the run derived under: %w", err)
	}
	zone, err := time.LoadLocation(kept.TimeZone)
	if err != nil {
		return config.Config{}, fmt.Errorf("read the rules that the run derived under: %w", err)
	}
	return config.Config{
		Portal: config.Portal{TimeZone: zone}, Funnels: kept.Funnels, Plan: kept.Plan, Stages: kept.Stages, Visits: kept.Visits, Pauses: kept.Pauses,
	}, nil
}

// fingerprint tells apart whatever decides the numbers beside the deals.
func fingerprint(cfg config.Config, funnels []extractor.Funnel, calendars transform.Calendars) string {
	type stage struct {
		Funnel    extractor.FunnelID
		ID        extractor.StageID
		Semantics extractor.Semantics
		IsGone    bool
	}
	var stages []stage
	for _, funnel := range funnels {
		for _, s := range funnel.Stages {
			stages = append(stages, stage{s.FunnelID, s.ID, s.Semantics, s.IsGone})
		}
	}
	slices.SortFunc(stages, func(a, b stage) int { return cmp.Or(cmp.Compare(a.Funnel, b.Funnel), cmp.Compare(a.ID, b.ID)) })
	text, err := json.Marshal(map[string]any{
		"version": rulesVersion, "zone": cfg.Portal.TimeZone.String(), "funnels": slices.Sorted(slices.Values(cfg.Funnels)),
		"plan": cfg.Plan, "map": cfg.Stages.Map, "calendars": countedDates(&calendars), "waiting": slices.Sorted(slices.Values(cfg.Stages.Waiting)), "pauses": cfg.Pauses,
		"shortest": cfg.Visits.Shortest, "stages": stages,
	})
	if err != nil {
		panic(fmt.Sprintf("a configuration that can't be written as JSON: %v", err)) // it consists of plain values
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// FieldNames are the fields of the deal that are read for plans, pauses and dimensions.
func FieldNames(cfg config.Config) []string {
	return slices.Compact(slices.Sorted(slices.Values(append(ruleFields(cfg), dimensionFields(cfg)...))))
}

// ruleFields are the custom fields that plans and pauses are read from.
func ruleFields(cfg config.Config) []string {
	names := map[string]bool{string(cfg.Pauses.Flag): true, string(cfg.Pauses.From): true, string(cfg.Pauses.Until): true}
	for _, fields := range cfg.Plan.Fields {
		names[string(fields.Days)] = true
		names[string(fields.Date)] = true
	}
	delete(names, "")
	return slices.Sorted(maps.Keys(names))
}
