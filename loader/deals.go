package loader

import (
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"stagelag/extractor"
	"stagelag/transform"
)

// A DealRow is what readers see of a deal beside its visits.
type DealRow struct {
	DealID      extractor.DealID
	IsGone      bool // the deal is in the report no more
	Title       string
	Amount      decimal.Decimal
	Currency    string
	CreatedDate transform.Day // FirstDay where the portal gave none
	Gaps        []transform.Gap
	// Standing follows from the visits. It is kept with the deal, because it would take all visits
	// to tell it of all deals.
	Standing transform.Standing
}

// Equal is whether readers would see the same.
func (d *DealRow) Equal(e *DealRow) bool {
	return d.DealID == e.DealID && d.IsGone == e.IsGone && d.Title == e.Title && d.Amount.Equal(e.Amount) &&
		d.Currency == e.Currency && d.CreatedDate == e.CreatedDate && slices.Equal(d.Gaps, e.Gaps) && d.Standing.Equal(&e.Standing)
}

// dealBlock is a block of deals in columns.
type dealBlock struct {
	runID        []uint32
	dealID       []uint64
	isGone       []bool
	title        []string
	amount       []decimal.Decimal
	currency     []string
	createdDate  []time.Time
	gapVisitNo   [][]uint32
	gapStageID   [][]string
	gapManagerID [][]uint64
	gapReason    [][]string
	gapDetail    [][]string

	visits          []uint32
	firstEntered    []time.Time
	funnelID        []uint32
	stageID         []string
	semantics       []int8
	managerID       []uint64
	isOpen          []bool
	isPlanned       []bool
	plannedEnd      []time.Time
	isLate          []bool
	overdueDays     []int64
	lateVisits      []uint32
	managers        [][]uint64
	managerVisitNo  [][]uint32
	managerStageIDs [][]string
}

var dealColumns = []string{"run_id", "deal_id", "is_gone", "title", "amount", "currency", "created_date",
	"gap_visit_no", "gap_stage_id", "gap_manager_id", "gap_reason", "gap_detail",
	"visits", "first_entered", "funnel_id", "stage_id", "semantics", "manager_id", "is_open", "is_planned", "planned_end", "is_late",
	"overdue_days", "late_visits", "managers", "manager_visit_no", "manager_stage_id"}

func (b *dealBlock) add(run RunID, d *DealRow) {
	b.runID = append(b.runID, uint32(run))
	b.dealID = append(b.dealID, uint64(d.DealID))
	b.isGone = append(b.isGone, d.IsGone)
	b.title = append(b.title, d.Title)
	b.amount = append(b.amount, d.Amount)
	b.currency = append(b.currency, d.Currency)
	b.createdDate = append(b.createdDate, date(d.CreatedDate))
	n := len(d.Gaps)
	visitNo, stageID, managerID := make([]uint32, n), make([]string, n), make([]uint64, n)
	reason, detail := make([]string, n), make([]string, n)
	for i, gap := range d.Gaps {
		visitNo[i], stageID[i], managerID[i] = gap.VisitNo, string(gap.StageID), uint64(gap.ManagerID)
		reason[i], detail[i] = gap.Reason, gap.Detail
	}
	b.gapVisitNo = append(b.gapVisitNo, visitNo)
	b.gapStageID = append(b.gapStageID, stageID)
	b.gapManagerID = append(b.gapManagerID, managerID)
	b.gapReason = append(b.gapReason, reason)
	b.gapDetail = append(b.gapDetail, detail)
	b.addStanding(&d.Standing)
}

func (b *dealBlock) addStanding(s *transform.Standing) {
	b.visits = append(b.visits, s.Visits)
	b.firstEntered = append(b.firstEntered, date(s.FirstEntered))
	b.funnelID = append(b.funnelID, uint32(s.FunnelID))
	b.stageID = append(b.stageID, string(s.StageID))
	b.semantics = append(b.semantics, int8(s.Semantics))
	b.managerID = append(b.managerID, uint64(s.ManagerID))
	b.isOpen = append(b.isOpen, s.IsOpen)
	b.isPlanned = append(b.isPlanned, s.IsPlanned)
	b.plannedEnd = append(b.plannedEnd, date(s.PlannedEnd))
	b.isLate = append(b.isLate, s.IsLate)
	b.overdueDays = append(b.overdueDays, s.OverdueDays)
	b.lateVisits = append(b.lateVisits, s.LateVisits)
	n := len(s.Managers)
	managers, visitNo, stageID := make([]uint64, n), make([]uint32, n), make([]string, n)
	for i, m := range s.Managers {
		managers[i], visitNo[i], stageID[i] = uint64(m.ManagerID), m.VisitNo, string(m.StageID)
	}
	b.managers = append(b.managers, managers)
	b.managerVisitNo = append(b.managerVisitNo, visitNo)
	b.managerStageIDs = append(b.managerStageIDs, stageID)
}

func (b *dealBlock) rows() int { return len(b.dealID) }

func (b *dealBlock) columns() []any {
	return []any{b.runID, b.dealID, b.isGone, b.title, b.amount, b.currency, b.createdDate,
		b.gapVisitNo, b.gapStageID, b.gapManagerID, b.gapReason, b.gapDetail,
		b.visits, b.firstEntered, b.funnelID, b.stageID, b.semantics, b.managerID, b.isOpen, b.isPlanned, b.plannedEnd, b.isLate,
		b.overdueDays, b.lateVisits, b.managers, b.managerVisitNo, b.managerStageIDs}
}
