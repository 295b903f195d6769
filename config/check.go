package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"stagelag/extractor"
	"stagelag/schedule"
	"stagelag/warehouse/access"
)

// check looks for what is wrong between values that are each right by themselves.
func (r *reader) check(cfg *Config) {
	r.checkPortal()
	if r.isAbsent("portal.check_clock") {
		cfg.Portal.CheckClock = !isLoopback(cfg.Portal.URL.Host())
	}
	r.checkFunnels(cfg.Funnels)
	r.checkPlanFields(cfg.Plan.Fields)
	r.checkNorms(cfg.Plan.Norms)
	r.checkStageMap(cfg)
	r.checkWaiting(cfg)
	r.checkCalendars(&cfg.Calendar)
	r.checkPauses(cfg.Pauses)
	r.checkDatabase(&cfg.Warehouse)
	r.checkWarehouse(cfg.Warehouse)
	r.checkSchedule(cfg.Schedule)
	r.checkWriteBack(cfg)
	r.checkLetter(cfg.Letter.Mail)
	r.checkDimensions(cfg)
}

// isAbsent is whether a key is set nowhere. One that is set wrongly has been complained
// about already.
func (r *reader) isAbsent(path string) bool { return r.places[path] == place{} }

// isWrong is whether a key has been complained about, so that it holds no value.
func (r *reader) isWrong(path string) bool {
	return slices.ContainsFunc(r.complaints, func(c placedComplaint) bool { return c.about == path })
}

func (r *reader) complainOfAbsence(path, why string) {
	if r.isBroken {
		return
	}
	r.complain(place{}, path, "not set%s, give it in %s or as %s", why, r.file, variableOf(path))
}

func (r *reader) checkPortal() {
	if !r.isNeeded(NeedPortal) {
		return
	}
	if r.isAbsent("portal.url") && r.hasNoFile {
		folder, err := filepath.Abs(filepath.Dir(r.file))
		if err != nil {
			folder = filepath.Dir(r.file)
		}
		r.complain(place{}, "portal.url", "not set, and there is no %s in %s: stagelag init makes one, or name another with --config", filepath.Base(r.file), folder)
		return
	}
	if r.isAbsent("portal.url") {
		r.complainOfAbsence("portal.url", "")
	}
	if r.isAbsent("portal.time_zone") {
		r.complainOfAbsence("portal.time_zone", " and without a default (a day of the wrong zone would look right)")
	}
}

func (r *reader) checkFunnels(funnels []extractor.FunnelID) {
	seen := map[extractor.FunnelID]bool{}
	for i, id := range funnels {
		path := "funnels[" + strconv.Itoa(i) + "]"
		if r.isWrong(path) {
			continue
		}
		if seen[id] {
			r.complain(r.places[path], path, "the funnel %d is given twice", id)
		}
		seen[id] = true
	}
}

func (r *reader) checkPlanFields(fields map[extractor.StageID]PlanFields) {
	for _, stage := range slices.Sorted(maps.Keys(fields)) {
		path, named := "plan.fields["+string(stage)+"]", fields[stage]
		if r.isAbsent(path+".days") && r.isAbsent(path+".date") {
			r.complain(r.places[path], path, "names no field, give days or date")
		}
		if named.Days != "" && named.Days == named.Date {
			r.complain(r.places[path], path, "days and date name the same field %s", named.Days)
		}
	}
}

func (r *reader) checkNorms(norms []Norm) {
	type normKey struct {
		stage extractor.StageID
		from  time.Time
	}
	first := map[normKey]string{}
	for i, norm := range norms {
		path := "plan.norms[" + strconv.Itoa(i) + "]"
		for _, key := range []string{path + ".stage", path + ".days"} {
			if r.isAbsent(key) && !r.isWrong(path) {
				r.complain(r.places[path], key, "not set")
			}
		}
		if r.isAbsent(path+".stage") || r.isWrong(path+".stage") || r.isWrong(path+".from") {
			continue
		}
		key := normKey{norm.Stage, norm.From}
		if earlier, ok := first[key]; ok {
			r.complain(r.places[path], path, "the stage %s has a norm from the same date already, %s", norm.Stage, earlier)
			continue
		}
		first[key] = path
	}
}

func (r *reader) checkStageMap(cfg *Config) {
	for _, old := range slices.Sorted(maps.Keys(cfg.Stages.Map)) {
		now := cfg.Stages.Map[old]
		path := "stages.map[" + string(old) + "]"
		if old == now {
			r.complain(r.places[path], path, "the stage is mapped to itself")
		} else if next, isMapped := cfg.Stages.Map[now]; isMapped {
			r.complain(r.places[path], path, "%s is itself mapped, to %s: name the last stage", now, next)
		}
		if _, ok := cfg.Plan.Fields[old]; ok {
			r.warnOfUnusedPlan("plan.fields", old, now)
		}
		if slices.ContainsFunc(cfg.Plan.Norms, func(n Norm) bool { return n.Stage == old }) {
			r.warnOfUnusedPlan("plan.norms", old, now)
		}
	}
}

func (r *reader) warnOfUnusedPlan(path string, old, now extractor.StageID) {
	r.warnings = append(r.warnings,
		fmt.Sprintf("%s names the stage %s, which stages.map counts as %s: only what is set for %s is used", path, old, now, now))
}

// checkDatabase sees that everything names the same database. Where the key is not set, it is
// the one in an address.
func (r *reader) checkDatabase(warehouse *Warehouse) {
	const path = "warehouse.database"
	isNamed := !r.isAbsent(path)
	if err := access.Check(warehouse.Database); err != nil && !r.isWrong(path) {
		r.complain(r.places[path], path, "%v", err)
	}
	for _, url := range []struct{ path, database string }{
		{"warehouse.url", warehouse.URL.database}, {"warehouse.analyst_url", warehouse.AnalystURL.database},
	} {
		switch {
		case url.database == "" || url.database == warehouse.Database:
		case isNamed:
			r.complain(r.places[url.path], url.path, "names the database %s, and %s is the one that is set: leave it out of the address", url.database, warehouse.Database)
		default:
			warehouse.Database = url.database
		}
		isNamed = isNamed || url.database != ""
	}
}

func (r *reader) checkWarehouse(warehouse Warehouse) {
	complain := func(path, format string, args ...any) { r.complain(r.places[path], path, format, args...) }
	if warehouse.AnalystURL.IsEmbedded() {
		complain("warehouse.analyst_url", "the embedded warehouse has an analyst of its own, remove the key or name a server")
	}
	if listens := r.firstOf("warehouse.listen.native", "warehouse.listen.http"); listens != "" && !warehouse.URL.IsEmbedded() && !r.isWrong("warehouse.url") {
		r.warnings = append(r.warnings, fmt.Sprintf("%s is for the embedded warehouse, and the server %s answers at its own address: leave it out", listens, warehouse.URL))
	}
	certificate, key := "warehouse.certificate_file", "warehouse.key_file"
	for _, file := range []struct {
		path  string
		name  Path
		needs string
	}{
		{"warehouse.ca_file", warehouse.CAFile, ""},
		{certificate, warehouse.CertificateFile, key},
		{key, warehouse.KeyFile, certificate},
	} {
		switch {
		case file.name == "" || r.isWrong("warehouse.url") || r.isWrong("warehouse.analyst_url"):
		case !warehouse.URL.isEncrypted() && !warehouse.AnalystURL.isEncrypted():
			complain(file.path, "is for a server that is reached over TLS: set warehouse.url to one, https://… or clickhouse://…?secure=true")
		case file.needs != "" && r.isAbsent(file.needs):
			complain(file.path, "goes together with %s, set both", file.needs)
		}
	}
}

// firstOf is the first key that is set, empty for none.
func (r *reader) firstOf(paths ...string) string {
	if i := slices.IndexFunc(paths, func(path string) bool { return !r.isAbsent(path) }); i >= 0 {
		return paths[i]
	}
	return ""
}

func (r *reader) checkSchedule(configured Schedule) {
	complain := func(format string, args ...any) {
		r.complain(r.places["schedule.cron"], "schedule.cron", format, args...)
	}
	when, err := schedule.Parse(configured.Cron, time.UTC)
	switch {
	case strings.Contains(configured.Cron, "=") || len(strings.Fields(configured.Cron)) != 5:
		complain("expected five cron fields such as 30 2 * * *, found %s", quote(configured.Cron))
	case err != nil:
		complain("%v, expected five cron fields such as 30 2 * * *", err)
	case when.Next(time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)).IsZero():
		complain("%s never comes", configured.Cron)
	}
}

func (r *reader) checkWriteBack(cfg *Config) {
	pauses := map[FieldName]string{cfg.Pauses.Flag: "flag", cfg.Pauses.From: "from", cfg.Pauses.Until: "until"}
	plans := map[FieldName]extractor.StageID{}
	for stage, fields := range cfg.Plan.Fields {
		plans[fields.Days], plans[fields.Date] = stage, stage
	}
	first := map[FieldName]string{}
	w := cfg.WriteBack
	for _, written := range []struct {
		key  string
		name FieldName
	}{
		{"state", w.State}, {"days_late", w.DaysLate}, {"days_left", w.DaysLeft}, {"planned_end", w.PlannedEnd}, {"days_lost", w.DaysLost},
		{"expected_end", w.ExpectedEnd}, {"late_probability", w.LateProbability},
	} {
		path := "write_back." + written.key
		if written.name == "" || r.isWrong(path) {
			continue
		}
		earlier, isTaken := first[written.name]
		stage, isPlan := plans[written.name]
		pause, isPause := pauses[written.name]
		switch {
		case !strings.HasPrefix(string(written.name), "UF_"):
			r.complain(r.places[path], path, "%s is no custom field, whose names begin with UF_", written.name)
			r.complaints[len(r.complaints)-1].misnomer = Misnomer{Key: path, Kind: KindField, Name: string(written.name)}
		case isTaken:
			r.complain(r.places[path], path, "%s is written by %s already", written.name, earlier)
		case isPlan:
			// What is written would be read as a plan in the next night.
			r.complain(r.places[path], path, "%s carries the plan of the stage %s, see plan.fields: name another field", written.name, stage)
		case isPause:
			r.complain(r.places[path], path, "%s pauses the deal, see pauses.%s: name another field", written.name, pause)
		}
		first[written.name] = path
	}
}
