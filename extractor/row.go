package extractor

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/shopspring/decimal"

	"stagelag/bitrix24"
	"stagelag/plain"
)

// dealRow is a deal of crm.item.list; a known fault shows one as [].
type dealRow = bitrix24.Optional[struct {
	ID          bitrix24.ID   `json:"id"`
	Title       bitrix24.Text `json:"title"`
	FunnelID    bitrix24.ID   `json:"categoryId"`
	StageID     bitrix24.Text `json:"stageId"`
	Semantics   bitrix24.Text `json:"stageSemanticId"`
	ManagerID   bitrix24.ID   `json:"assignedById"`
	Amount      bitrix24.Text `json:"opportunity"`
	Currency    bitrix24.Text `json:"currencyId"`
	CompanyID   bitrix24.ID   `json:"companyId"`
	CreatedAt   bitrix24.Text `json:"createdTime"`
	MovedAt     bitrix24.Text `json:"movedTime"`
	UpdatedAt   bitrix24.Text `json:"updatedTime"`
	IsRecurring bitrix24.Flag `json:"isRecurring"`
	// Others are the custom fields.
	Others map[string]jsontext.Value `json:",unknown"`
}]

var errNoID = errors.New("a row has no id")

// decodeDeals reads a page of crm.item.list.
func (r *reader) decodeDeals(page jsontext.Value) ([]Deal, error) {
	var rows bitrix24.Items[dealRow]
	if err := bitrix24.Decode(page, &rows); err != nil {
		return nil, err
	}
	deals := make([]Deal, len(rows.Items))
	for i := range rows.Items {
		var err error
		if deals[i], err = r.deal(&rows.Items[i]); err != nil {
			return nil, err
		}
	}
	return deals, nil
}

func (r *reader) deal(shown *dealRow) (Deal, error) {
	row := &shown.Value
	switch {
	case row.ID == 0:
		return Deal{}, errNoID
	case row.FunnelID > math.MaxUint32:
		return Deal{}, fmt.Errorf("deal %d: funnel %d is out of range", row.ID, row.FunnelID)
	}
	deal := Deal{
		ID:          DealID(row.ID),
		Title:       string(row.Title),
		FunnelID:    FunnelID(row.FunnelID),
		StageID:     StageID(row.StageID),
		ManagerID:   ManagerID(row.ManagerID),
		Currency:    string(row.Currency),
		CompanyID:   CompanyID(row.CompanyID),
		CreatedAt:   row.CreatedAt.Instant(r.zone),
		MovedAt:     row.MovedAt.Instant(r.zone),
		UpdatedAt:   row.UpdatedAt.Instant(r.zone),
		IsRecurring: bool(row.IsRecurring),
	}
	deal.Amount, deal.BadAmount = amountOf(row.Amount)
	var told bool
	if deal.Semantics, told = semantics(row.Semantics); !told {
		deal.Semantics = r.stages[stageKey{deal.FunnelID, deal.StageID}]
	}
	var err error
	if deal.Fields, err = r.fields.Values(row.Others); err != nil {
		return Deal{}, fmt.Errorf("deal %d: %w", deal.ID, err)
	}
	return deal, nil
}

// amountOf reads an amount, and returns what is none. A portal that shows nothing shows no amount, which is 0.
func amountOf(text bitrix24.Text) (amount decimal.Decimal, bad string) {
	shown := strings.TrimSpace(string(text))
	if shown == "" {
		return decimal.Decimal{}, ""
	}
	amount, ok := text.Decimal()
	if amount = amount.Round(2); ok && amount.Abs().LessThanOrEqual(MostAmount) {
		return amount, ""
	}
	const most = 100 // characters of what can be as long as anybody likes
	return decimal.Decimal{}, plain.Text(shown, most)
}

// changeRow is a row of crm.stagehistory.list.
type changeRow struct {
	ID        bitrix24.ID   `json:"ID"`
	TypeID    bitrix24.ID   `json:"TYPE_ID"`
	DealID    bitrix24.ID   `json:"OWNER_ID"`
	ChangedAt bitrix24.Text `json:"CREATED_TIME"`
	FunnelID  bitrix24.ID   `json:"CATEGORY_ID"`
	Semantics bitrix24.Text `json:"STAGE_SEMANTIC_ID"`
	StageID   bitrix24.Text `json:"STAGE_ID"`
}

// decodeChanges reads a page of crm.stagehistory.list.
func (r *reader) decodeChanges(page jsontext.Value) ([]StageChange, error) {
	var rows bitrix24.Items[changeRow]
	if err := bitrix24.Decode(page, &rows); err != nil {
		return nil, err
	}
	changes := make([]StageChange, len(rows.Items))
	for i, row := range rows.Items {
		at := row.ChangedAt.Instant(r.zone)
		switch {
		case row.ID == 0 || row.DealID == 0:
			return nil, errNoID
		case row.FunnelID > math.MaxUint32 || row.TypeID > math.MaxUint8:
			return nil, fmt.Errorf("stage change %d: funnel %d or type %d is out of range", row.ID, row.FunnelID, row.TypeID)
		}
		change := StageChange{
			ID:        ChangeID(row.ID),
			DealID:    DealID(row.DealID),
			ChangedAt: at,
			FunnelID:  FunnelID(row.FunnelID),
			StageID:   StageID(row.StageID),
			TypeID:    uint8(row.TypeID),
		}
		var told bool
		if change.Semantics, told = semantics(row.Semantics); !told {
			change.Semantics = r.stages[stageKey{change.FunnelID, change.StageID}]
		}
		changes[i] = change
	}
	return changes, nil
}

// userRow is a row of user.get. What the scope does not show is absent.
type userRow struct {
	ID       bitrix24.ID    `json:"ID"`
	Name     bitrix24.Text  `json:"NAME"`
	LastName bitrix24.Text  `json:"LAST_NAME"`
	IsActive *bitrix24.Flag `json:"ACTIVE"`
	// Departments stay raw: what can't be read of them is no reason to lose the names.
	Departments jsontext.Value `json:"UF_DEPARTMENT"`
}

func (u userRow) manager() Manager {
	return Manager{
		ID:           ManagerID(u.ID),
		Name:         strings.Join(strings.Fields(string(u.Name)+" "+string(u.LastName)), " "),
		IsActive:     u.IsActive == nil || bool(*u.IsActive),
		DepartmentID: u.department(),
	}
}

// department is the first by id, 0 for none.
func (u userRow) department() DepartmentID {
	var ids bitrix24.List[bitrix24.ID]
	if bitrix24.IsEmpty(u.Departments) || bitrix24.Decode(u.Departments, &ids) != nil {
		var id bitrix24.ID
		if bitrix24.Decode(u.Departments, &id) != nil {
			return 0
		}
		return DepartmentID(id)
	}
	first := bitrix24.ID(0)
	for _, id := range ids {
		if id > 0 && (first == 0 || id < first) {
			first = id
		}
	}
	return DepartmentID(first)
}
