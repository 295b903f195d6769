package loader

import (
	"fmt"
	"time"

	"stagelag/extractor"
	"stagelag/transform"
)

// A knowledgeRow is what runs saw of a deal, as it is stored.
type knowledgeRow struct {
	dealID extractor.DealID
	transform.Knowledge
	pasts []string // of the plans
}

func knowledgeRowOf(deal extractor.DealID, k *transform.Knowledge) knowledgeRow {
	row := knowledgeRow{dealID: deal, Knowledge: *k, pasts: make([]string, len(k.Plans))}
	for i := range k.Plans {
		row.pasts[i] = pastText(&k.Plans[i].Past)
	}
	return row
}

var knowledgeTable = table[knowledgeRow]{"knowledge", []column[knowledgeRow]{
	id64("deal_id", func(r *knowledgeRow) *extractor.DealID { return &r.dealID }),
	each(daysOf, date("day_from", func(d *transform.KnownDays) *transform.Day { return &d.From })),
	each(daysOf, date("day_until", func(d *transform.KnownDays) *transform.Day { return &d.Until })),
	each(daysOf, id64("day_manager", func(d *transform.KnownDays) *extractor.ManagerID { return &d.ManagerID })),
	each(daysOf, enum("day_source", func(d *transform.KnownDays) *transform.ManagerSource { return &d.Source })),
	each(plansOf, id64("plan_change_id", func(p *transform.KnownPlan) *extractor.ChangeID { return &p.ChangeID })),
	each(plansOf, moment("plan_changed_at", func(p *transform.KnownPlan) *time.Time { return &p.ChangedAt })),
	each(plansOf, id32("plan_funnel_id", func(p *transform.KnownPlan) *extractor.FunnelID { return &p.FunnelID })),
	each(plansOf, text("plan_stage_id", func(p *transform.KnownPlan) *extractor.StageID { return &p.StageID })),
	each(plansOf, date("plan_entered_date", func(p *transform.KnownPlan) *transform.Day { return &p.EnteredDate })),
	each(plansOf, date("plan_until", func(p *transform.KnownPlan) *transform.Day { return &p.Until })),
	each(plansOf, enum("plan_source", func(p *transform.KnownPlan) *transform.PlanSource { return &p.Plan.Source })),
	each(plansOf, plain("plan_days", func(p *transform.KnownPlan) *int32 { return &p.Plan.Days })),
	each(plansOf, date("planned_end", func(p *transform.KnownPlan) *transform.Day { return &p.Plan.End })),
	each(plansOf, plain("plan_problem", func(p *transform.KnownPlan) *string { return &p.Plan.Problem })),
	each(plansOf, plain("carried_date", func(p *transform.KnownPlan) *string { return &p.Carried.Date })),
	each(plansOf, plain("carried_days", func(p *transform.KnownPlan) *string { return &p.Carried.Days })),
	each(plansOf, plain("plan_is_kept", func(p *transform.KnownPlan) *bool { return &p.IsKept })),
	each(pastsOf, plain("plan_past", func(text *string) *string { return text })),
	each(knownPausesOf, date("pause_from", func(p *transform.Pause) *transform.Day { return &p.From })),
	each(knownPausesOf, date("pause_until", func(p *transform.Pause) *transform.Day { return &p.Until })),
	each(knownPausesOf, enum("pause_source", func(p *transform.Pause) *transform.PauseSource { return &p.Source })),
}}

func knownPausesOf(r *knowledgeRow) *[]transform.Pause { return &r.Pauses }

func daysOf(r *knowledgeRow) *[]transform.KnownDays { return &r.Days }

func plansOf(r *knowledgeRow) *[]transform.KnownPlan { return &r.Plans }

func pastsOf(r *knowledgeRow) *[]string { return &r.pasts }

// restored is the knowledge of a row that was read, without the dates that stand for absent ones.
func (r *knowledgeRow) restored() (transform.Knowledge, error) {
	for i := range r.Plans {
		p := &r.Plans[i]
		if !p.Plan.IsPlanned() {
			p.Plan.End = transform.NoDay
		}
		var err error
		if p.Past, err = loadPast(r.pasts[i]); err != nil {
			return r.Knowledge, fmt.Errorf("knowledge of deal %d: %w", r.dealID, err)
		}
	}
	return r.Knowledge, nil
}
