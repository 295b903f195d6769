package extractor

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
)

// dealRow is a deal of crm.item.list, but for its custom fields.
type dealRow struct {
	ID          id   `json:"id"`
	Title       text `json:"title"`
	FunnelID    id   `json:"categoryId"`
	StageID     text `json:"stageId"`
	Semantics   text `json:"stageSemanticId"`
	ManagerID   id   `json:"assignedById"`
	Amount      text `json:"opportunity"`
	Currency    text `json:"currencyId"`
	CreatedAt   text `json:"createdTime"`
	MovedAt     text `json:"movedTime"`
	UpdatedAt   text `json:"updatedTime"`
	IsRecurring flag `json:"isRecurring"`
}

var errNoID = errors.New("a row has no id")

// decodeDeals reads a page of crm.item.list.
func (r *reader) decodeDeals(page json.RawMessage) ([]Deal, error) {
	var rows items[json.RawMessage]
	if err := json.Unmarshal(page, &rows); err != nil {
		return nil, err
	}
	deals := make([]Deal, len(rows.Items))
	for i, raw := range rows.Items {
		var err error
		if deals[i], err = r.decodeDeal(raw); err != nil {
			return nil, err
		}
	}
	return deals, nil
}

func (r *reader) decodeDeal(raw json.RawMessage) (Deal, error) {
	if isEmpty(raw) {
		return Deal{}, errNoID // a known fault shows a deal as []
	}
	var row dealRow
	if err := json.Unmarshal(raw, &row); err != nil {
		return Deal{}, err
	}
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
		CreatedAt:   instant(row.CreatedAt, r.zone),
		MovedAt:     instant(row.MovedAt, r.zone),
		UpdatedAt:   instant(row.UpdatedAt, r.zone),
		IsRecurring: bool(row.IsRecurring),
	}
	if amount, ok := parseDecimal(string(row.Amount)); ok {
		deal.Amount = amount.Round(2)
	}
	var told bool
	if deal.Semantics, told = semantics(row.Semantics); !told {
		deal.Semantics = r.stages[stageKey{deal.FunnelID, deal.StageID}]
	}
	if len(r.fields) == 0 {
		return deal, nil
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(raw, &values); err != nil {
		return Deal{}, err
	}
	for _, field := range r.fields {
		value, err := fieldValue(values[field.itemName], field.kind, r.zone)
		if err != nil {
			return Deal{}, fmt.Errorf("deal %d: %s: %w", deal.ID, field.name, err)
		}
		if value == "" {
			continue
		}
		if deal.Fields == nil {
			deal.Fields = make(map[string]string, len(r.fields))
		}
		deal.Fields[field.name] = value
	}
	return deal, nil
}

// changeRow is a row of crm.stagehistory.list.
type changeRow struct {
	ID        id   `json:"ID"`
	TypeID    id   `json:"TYPE_ID"`
	DealID    id   `json:"OWNER_ID"`
	ChangedAt text `json:"CREATED_TIME"`
	FunnelID  id   `json:"CATEGORY_ID"`
	Semantics text `json:"STAGE_SEMANTIC_ID"`
	StageID   text `json:"STAGE_ID"`
}

// decodeChanges reads a page of crm.stagehistory.list.
func (r *reader) decodeChanges(page json.RawMessage) ([]StageChange, error) {
	var rows items[changeRow]
	if err := json.Unmarshal(page, &rows); err != nil {
		return nil, err
	}
	changes := make([]StageChange, len(rows.Items))
	for i, row := range rows.Items {
		at := instant(row.ChangedAt, r.zone)
		switch {
		case row.ID == 0 || row.DealID == 0:
			return nil, errNoID
		case at.IsZero():
			return nil, fmt.Errorf("stage change %d: %.40q is no time", row.ID, row.ChangedAt)
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
	ID       id    `json:"ID"`
	Name     text  `json:"NAME"`
	LastName text  `json:"LAST_NAME"`
	IsActive *flag `json:"ACTIVE"`
}

func (u userRow) manager() Manager {
	return Manager{
		ID:       ManagerID(u.ID),
		Name:     strings.Join(strings.Fields(string(u.Name)+" "+string(u.LastName)), " "),
		IsActive: u.IsActive == nil || bool(*u.IsActive),
	}
}
