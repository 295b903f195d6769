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
}

// Equal is whether readers would see the same.
func (d *DealRow) Equal(e *DealRow) bool {
	return d.DealID == e.DealID && d.IsGone == e.IsGone && d.Title == e.Title && d.Amount.Equal(e.Amount) &&
		d.Currency == e.Currency && d.CreatedDate == e.CreatedDate && slices.Equal(d.Gaps, e.Gaps)
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
}

var dealColumns = []string{"run_id", "deal_id", "is_gone", "title", "amount", "currency", "created_date",
	"gap_visit_no", "gap_stage_id", "gap_manager_id", "gap_reason", "gap_detail"}

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
}

func (b *dealBlock) rows() int { return len(b.dealID) }

func (b *dealBlock) columns() []any {
	return []any{b.runID, b.dealID, b.isGone, b.title, b.amount, b.currency, b.createdDate,
		b.gapVisitNo, b.gapStageID, b.gapManagerID, b.gapReason, b.gapDetail}
}
