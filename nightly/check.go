package nightly

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
)

// numberTypes and dateTypes are the portal's types of fields that can hold a plan. Text
// is among them because many portals keep both in text fields.
var (
	numberTypes = []string{"integer", "double", "string", "money"}
	dateTypes   = []string{"date", "datetime", "string"}
)

// Names are what a configuration may name beside what the portal has today.
type Names struct {
	// Funnels are the portal's with their stages, and those that it had when an earlier run looked.
	Funnels []extractor.Funnel
	// Historic are configured stages that nothing but the history knows.
	Historic map[extractor.StageID]bool
}

// KnownNames looks for what is configured and not on the portal: in what earlier runs published and landed, unless
// conn is nil, and in the portal's own history.
func KnownNames(ctx context.Context, cfg config.Config, portal extractor.Description, client *bitrix24.Client, conn driver.Conn) (Names, error) {
	names := Names{Funnels: portal.Funnels, Historic: map[extractor.StageID]bool{}}
	if conn != nil {
		published, err := loader.FunnelsOf(ctx, conn, 0)
		if err != nil {
			return Names{}, err
		}
		names.Funnels = withGone(portal.Funnels, published)
	}
	missing := names.missing(cfg)
	if len(missing) == 0 {
		return names, nil
	}
	if conn != nil {
		landed, err := loader.HistoricStages(ctx, conn, missing)
		if err != nil {
			return Names{}, err
		}
		names.learn(landed)
	}
	if missing = names.missing(cfg); len(missing) > 0 {
		told, err := extractor.HistoricStages(ctx, client, missing)
		if err != nil {
			return Names{}, err
		}
		names.learn(told)
	}
	return names, nil
}

// SeenNames are what runs have published and landed, without asking the portal.
func SeenNames(ctx context.Context, cfg config.Config, conn driver.Conn) (Names, error) {
	funnels, err := loader.FunnelsOf(ctx, conn, 0)
	if err != nil {
		return Names{}, err
	}
	names := Names{Funnels: funnels, Historic: map[extractor.StageID]bool{}}
	if missing := names.missing(cfg); len(missing) > 0 {
		landed, err := loader.HistoricStages(ctx, conn, missing)
		if err != nil {
			return Names{}, err
		}
		names.learn(landed)
	}
	return names, nil
}

// CheckSeen holds a configuration against what runs have seen. read is the one of the last published run, whose
// funnels and fields are landed. What was not read is a *config.Error: without it the numbers would be wrong.
func CheckSeen(cfg, read config.Config, names Names) error {
	var complaints []config.Complaint
	complain := func(format string, args ...any) {
		complaints = append(complaints, config.Complaint{Text: fmt.Sprintf(format, args...)})
	}
	seen := config.NewDirectory(names.Funnels, nil)
	for _, id := range slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(cfg.Calendar.Funnels)), cfg.Funnels...))) {
		if name := strconv.FormatUint(uint64(id), 10); !seen.Has(config.KindFunnel, name) {
			complain("no run has seen a funnel %s%s", name, seen.Instead(config.KindFunnel, name))
		}
	}
	switch {
	case len(read.Funnels) == 0:
	case len(cfg.Funnels) == 0:
		complain("funnels: all are asked for, and the last run read the deals of %s only; name them", joinIDs(read.Funnels))
	default:
		for _, id := range cfg.Funnels {
			if !slices.Contains(read.Funnels, id) {
				complain("funnels: the last run read no deals of the funnel %d, only of %s; leave it out", id, joinIDs(read.Funnels))
			}
		}
	}
	for _, c := range configuredStages(cfg) {
		if names.Stage(c.id) != nil || names.Historic[c.id] {
			continue
		}
		if answer := seen.Answer(config.Misnomer{Key: c.place, Kind: config.KindStage, Name: string(c.id)}); answer != "" {
			complaints = append(complaints, config.Complaint{Text: answer})
		} else {
			complain("%s: no run has seen a stage %s%s", c.place, strconv.Quote(string(c.id)), names.Nearest(c.id))
		}
	}
	known := ruleFields(read)
	for _, field := range ruleFields(cfg) {
		if !slices.Contains(known, field) {
			complain("the last run did not read the field %s%s; set plan.fields and pauses in the configuration of a run first", field, nearest(field, known))
		}
	}
	if len(complaints) > 0 {
		return &config.Error{Complaints: complaints}
	}
	return nil
}

func joinIDs(funnels []extractor.FunnelID) string {
	var names []string
	for _, id := range funnels {
		names = append(names, strconv.FormatUint(uint64(id), 10))
	}
	return "funnel " + join(names)
}

func (n Names) learn(stages []extractor.StageID) {
	for _, id := range stages {
		n.Historic[id] = true
	}
}

// missing are the configured stages of which nothing is known so far.
func (n Names) missing(cfg config.Config) []extractor.StageID {
	missing := map[extractor.StageID]bool{}
	for _, c := range configuredStages(cfg) {
		if !n.Historic[c.id] && n.Stage(c.id) == nil {
			missing[c.id] = true
		}
	}
	return slices.Sorted(maps.Keys(missing))
}

// Stage is the stage of an id, preferably one that the portal has; nil where no run has seen any.
func (n Names) Stage(id extractor.StageID) *extractor.Stage {
	var gone *extractor.Stage
	for i := range n.Funnels {
		for k := range n.Funnels[i].Stages {
			switch s := &n.Funnels[i].Stages[k]; {
			case s.ID != id:
			case !s.IsGone:
				return s
			default:
				gone = s
			}
		}
	}
	return gone
}

// Nearest asks whether the stage of the nearest id was meant, to be put behind a message.
func (n Names) Nearest(id extractor.StageID) string {
	var stages []string
	for _, funnel := range n.Funnels {
		for _, stage := range funnel.Stages {
			stages = append(stages, string(stage.ID))
		}
	}
	return nearest(string(id), stages)
}

// withGone adds to the portal's funnels and stages those that were published and are no more.
func withGone(portal, published []extractor.Funnel) []extractor.Funnel {
	all := slices.Clone(portal)
	for i := range all {
		all[i].Stages = slices.Clone(all[i].Stages)
	}
	for _, known := range published {
		i := slices.IndexFunc(all, func(f extractor.Funnel) bool { return f.ID == known.ID })
		if i < 0 {
			i = len(all)
			all = append(all, extractor.Funnel{ID: known.ID, Name: known.Name})
		}
		for _, stage := range known.Stages {
			if !slices.ContainsFunc(all[i].Stages, func(s extractor.Stage) bool { return s.ID == stage.ID }) {
				stage.IsGone = true
				all[i].Stages = append(all[i].Stages, stage)
			}
		}
	}
	return all
}

// A configuredStage is a place in the configuration that names a stage.
type configuredStage struct {
	place string
	id    extractor.StageID
}

// configuredStages are all but those that a map leads from.
func configuredStages(cfg config.Config) []configuredStage {
	var list []configuredStage
	for _, stage := range slices.Sorted(maps.Keys(cfg.Plan.Fields)) {
		list = append(list, configuredStage{"plan.fields." + string(stage), stage})
	}
	for _, norm := range cfg.Plan.Norms {
		list = append(list, configuredStage{"plan.norms", norm.Stage})
	}
	for _, stage := range cfg.Stages.Waiting {
		list = append(list, configuredStage{"stages.waiting", stage})
	}
	for _, old := range slices.Sorted(maps.Keys(cfg.Stages.Map)) {
		list = append(list, configuredStage{"stages.map." + string(old), cfg.Stages.Map[old]})
	}
	return list
}

// Check holds the configuration against what the portal has. A name that nobody ever heard of would silently leave
// plans out, so it is a *config.Error, and no run begins. What the portal had and has no longer goes on, with a
// warning.
func Check(cfg config.Config, portal extractor.Description, names Names) (warnings []string, err error) {
	var complaints []config.Complaint
	complain := func(format string, args ...any) {
		complaints = append(complaints, config.Complaint{Text: fmt.Sprintf(format, args...)})
	}
	directory, known := config.NewDirectory(portal.Funnels, portal.Fields), config.NewDirectory(names.Funnels, portal.Fields)
	missing := func(place string, kind config.Kind, name string) {
		complaints = append(complaints, config.Complaint{Text: directory.Missing(config.Misnomer{Key: place, Kind: kind, Name: name})})
	}
	types := map[string]string{}
	for _, field := range portal.Fields {
		types[field.Name] = field.Type
	}
	type configuredFunnel struct {
		place, what string
		id          extractor.FunnelID
	}
	var named []configuredFunnel
	for _, id := range cfg.Funnels {
		named = append(named, configuredFunnel{"funnels", "what is known of its deals stays", id})
	}
	for _, id := range slices.Sorted(maps.Keys(cfg.Calendar.Funnels)) {
		named = append(named, configuredFunnel{"calendar.funnels", "its calendar goes on", id})
	}
	for _, c := range named {
		name := strconv.FormatUint(uint64(c.id), 10)
		isIt := func(f extractor.Funnel) bool { return f.ID == c.id }
		i := slices.IndexFunc(names.Funnels, isIt)
		switch {
		case slices.ContainsFunc(portal.Funnels, isIt):
		case i >= 0:
			warnings = append(warnings, fmt.Sprintf("%s names the funnel %s (%s), which the portal has no longer or does not show: %s",
				c.place, name, strconv.Quote(names.Funnels[i].Name), c.what))
		default:
			missing(c.place, config.KindFunnel, name)
		}
	}
	for _, c := range configuredStages(cfg) {
		stage := names.Stage(c.id)
		switch {
		case stage != nil && !stage.IsGone:
		case stage != nil:
			warnings = append(warnings, fmt.Sprintf("%s names the stage %s (%s), which the portal has no longer: it goes on as it was",
				c.place, c.id, strconv.Quote(stage.Name)))
		case names.Historic[c.id]:
			warnings = append(warnings, fmt.Sprintf("%s names the stage %s, which only the history of deals knows: it goes on under its id", c.place, c.id))
		default:
			missing(c.place, config.KindStage, string(c.id))
		}
	}
	for _, old := range slices.Sorted(maps.Keys(cfg.Stages.Map)) {
		// Nothing has to know the id of a stage that is gone, so only a name is refused.
		if names.Stage(old) != nil {
			continue
		}
		if answer := known.Answer(config.Misnomer{Key: "stages.map", Kind: config.KindStage, Name: string(old)}); answer != "" {
			complaints = append(complaints, config.Complaint{Text: answer})
		}
	}
	for _, stage := range slices.Sorted(maps.Keys(cfg.Plan.Fields)) {
		for _, f := range []struct {
			key, name string
			types     []string
		}{
			{"days", string(cfg.Plan.Fields[stage].Days), numberTypes},
			{"date", string(cfg.Plan.Fields[stage].Date), dateTypes},
		} {
			place := "plan.fields." + string(stage) + "." + f.key
			switch {
			case f.name == "":
			case !directory.Has(config.KindField, f.name):
				missing(place, config.KindField, f.name)
			case !slices.Contains(f.types, types[f.name]):
				complain("%s: the portal's field %s is of type %s, which can't hold %s", place, f.name, types[f.name],
					map[string]string{"days": "a number of days", "date": "a date"}[f.key])
			}
		}
	}
	checkDimensions(cfg, portal, func(place, field string) { missing(place, config.KindField, field) }, complain)
	if len(complaints) > 0 {
		return warnings, &config.Error{Complaints: complaints}
	}
	return warnings, nil
}

func nearest(name string, known []string) string {
	if meant := config.Meant(name, known); meant != "" || len(known) == 0 {
		return meant
	}
	return "; it has " + join(known)
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
