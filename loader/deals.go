package loader

import (
	"slices"

	"github.com/shopspring/decimal"

	"stagelag/extractor"
	"stagelag/transform"
)

// A DealRow is what readers see of a deal beside its visits.
type DealRow struct {
	DealID      extractor.DealID
	IsGone      bool // the deal is in the report no more; but for Why the rest is what it was before
	Why         GoneWhy
	Title       string
	Amount      *decimal.Decimal // nil where the portal showed none
	Currency    string
	CreatedDate transform.Day // FirstDay where the portal gave none
	CompanyID   extractor.CompanyID
	CompanyName string // empty where none is known
	// DepartmentID is that of the manager on the last day of the last visit; 0 where none is known.
	DepartmentID extractor.DepartmentID
	Dimensions   []DimensionValue // by their names, without the empty ones
	Gaps         []transform.Gap
	// Standing follows from the visits. It is kept with the deal, because it would take all visits
	// to tell it of all deals.
	Standing transform.Standing
}

// GoneWhy says why a deal has left the report.
type GoneWhy uint8

// The reasons, under the names that the views show; a deal that is there has none.
const (
	NotGone GoneWhy = iota
	Deleted
	OutsideFunnels // by the configuration
	ForgottenDeal
	Template // from which deals are made
)

// Equal is whether readers would see the same.
func (d *DealRow) Equal(e *DealRow) bool {
	if d.IsGone && e.IsGone {
		return d.DealID == e.DealID && d.Why == e.Why
	}
	return d.DealID == e.DealID && d.IsGone == e.IsGone && d.Title == e.Title && isSameAmount(d.Amount, e.Amount) &&
		d.Currency == e.Currency && d.CreatedDate == e.CreatedDate &&
		d.CompanyID == e.CompanyID && d.CompanyName == e.CompanyName && d.DepartmentID == e.DepartmentID && slices.Equal(d.Dimensions, e.Dimensions) && slices.Equal(d.Gaps, e.Gaps) && d.Standing.Equal(&e.Standing)
}

func isSameAmount(a, b *decimal.Decimal) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

var dealTable = table[DealRow]{"deals", []column[DealRow]{
	id64("deal_id", func(d *DealRow) *extractor.DealID { return &d.DealID }),
	plain("is_gone", func(d *DealRow) *bool { return &d.IsGone }),
	enum("gone_why", func(d *DealRow) *GoneWhy { return &d.Why }),
	plain("title", func(d *DealRow) *string { return &d.Title }),
	plain("amount", func(d *DealRow) **decimal.Decimal { return &d.Amount }),
	plain("currency", func(d *DealRow) *string { return &d.Currency }),
	date("created_date", func(d *DealRow) *transform.Day { return &d.CreatedDate }),
	id64("company_id", func(d *DealRow) *extractor.CompanyID { return &d.CompanyID }),
	plain("company_name", func(d *DealRow) *string { return &d.CompanyName }),
	id64("department_id", func(d *DealRow) *extractor.DepartmentID { return &d.DepartmentID }),
	each(dimensionsOf, plain("dimension_name", func(v *DimensionValue) *string { return &v.Name })),
	each(dimensionsOf, plain("dimension_value", func(v *DimensionValue) *string { return &v.Value })),

	each(gapsOf, plain("gap_visit_no", func(g *transform.Gap) *uint32 { return &g.VisitNo })),
	each(gapsOf, text("gap_stage_id", func(g *transform.Gap) *extractor.StageID { return &g.StageID })),
	each(gapsOf, id64("gap_manager_id", func(g *transform.Gap) *extractor.ManagerID { return &g.ManagerID })),
	each(gapsOf, plain("gap_reason", func(g *transform.Gap) *string { return &g.Reason })),
	each(gapsOf, plain("gap_detail", func(g *transform.Gap) *string { return &g.Detail })),

	plain("visits", func(d *DealRow) *uint32 { return &d.Standing.Visits }),
	date("first_entered", func(d *DealRow) *transform.Day { return &d.Standing.FirstEntered }),
	date("last_entered", func(d *DealRow) *transform.Day { return &d.Standing.EnteredDate }),
	id32("funnel_id", func(d *DealRow) *extractor.FunnelID { return &d.Standing.FunnelID }),
	text("stage_id", func(d *DealRow) *extractor.StageID { return &d.Standing.StageID }),
	enum("semantics", func(d *DealRow) *extractor.Semantics { return &d.Standing.Semantics }),
	id64("manager_id", func(d *DealRow) *extractor.ManagerID { return &d.Standing.ManagerID }),
	plain("is_open", func(d *DealRow) *bool { return &d.Standing.IsOpen }),
	plain("is_planned", func(d *DealRow) *bool { return &d.Standing.IsPlanned }),
	date("planned_end", func(d *DealRow) *transform.Day { return &d.Standing.PlannedEnd }),
	plain("is_waiting", func(d *DealRow) *bool { return &d.Standing.IsWaiting }),
	plain("accrues_number", func(d *DealRow) *int32 { return &d.Standing.Accrues }),
	plain("due_number", func(d *DealRow) *int32 { return &d.Standing.Due }),
	plain("stops_number", func(d *DealRow) *int32 { return &d.Standing.Stops }),
	each(standingPausesOf, date("pause_from", func(p *transform.Pause) *transform.Day { return &p.From })),
	each(standingPausesOf, date("pause_until", func(p *transform.Pause) *transform.Day { return &p.Until })),
	each(standingPausesOf, enum("pause_source", func(p *transform.Pause) *transform.PauseSource { return &p.Source })),
	plain("is_late", func(d *DealRow) *bool { return &d.Standing.IsLate }),
	plain("overdue_days", func(d *DealRow) *int64 { return &d.Standing.OverdueDays }),
	plain("late_visits", func(d *DealRow) *uint32 { return &d.Standing.LateVisits }),
	plain("is_first_planned", func(d *DealRow) *bool { return &d.Standing.IsFirstPlanned }),
	plain("first_accrues_number", func(d *DealRow) *int32 { return &d.Standing.FirstAccrues }),
	plain("first_overdue_days", func(d *DealRow) *int64 { return &d.Standing.FirstOverdueDays }),

	each(managersOf, id64("managers", func(m *transform.LastVisit) *extractor.ManagerID { return &m.ManagerID })),
	each(managersOf, plain("manager_visit_no", func(m *transform.LastVisit) *uint32 { return &m.VisitNo })),
	each(managersOf, text("manager_stage_id", func(m *transform.LastVisit) *extractor.StageID { return &m.StageID })),
}}

// A DimensionValue is what a dimension says of a deal.
type DimensionValue struct{ Name, Value string }

func dimensionsOf(d *DealRow) *[]DimensionValue { return &d.Dimensions }

func gapsOf(d *DealRow) *[]transform.Gap { return &d.Gaps }

func standingPausesOf(d *DealRow) *[]transform.Pause { return &d.Standing.Pauses }

func managersOf(d *DealRow) *[]transform.LastVisit { return &d.Standing.Managers }

// restore takes out of a row that was read the dates that stand for absent ones.
func (d *DealRow) restore() {
	if d.Standing.Visits == 0 {
		d.Standing.FirstEntered, d.Standing.EnteredDate = transform.NoDay, transform.NoDay
	}
	if !d.Standing.IsPlanned {
		d.Standing.PlannedEnd = transform.NoDay
	}
}
