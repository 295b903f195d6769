package extractor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"stagelag/bitrix24"
)

// A Description is what a portal has and what its webhook may do, as of its clock. Only
// Describe makes one that Extract can use.
type Description struct {
	bitrix24.Description
	Funnels []Funnel // in the portal's order
}

// Describe asks for the portal's clock, funnels, stages and fields, and for the webhook's
// rights: two requests, with up to 50 funnels.
func Describe(ctx context.Context, c *bitrix24.Client) (Description, error) {
	portal, answers, err := c.DescribeWith(ctx, bitrix24.Command{
		Method: categoryMethod, Params: []bitrix24.Param{ofDeals},
	})
	if err != nil {
		return Description{}, err
	}
	d := Description{Description: portal}
	if d.Funnels, err = decodeFunnels(answers[0]); err != nil {
		return Description{}, err
	}
	if err := readStages(ctx, c, d.Funnels); err != nil {
		return Description{}, err
	}
	return d, nil
}

func decodeFunnels(answer bitrix24.Answer) ([]Funnel, error) {
	if answer.Err != nil {
		return nil, answer.Err
	}
	type category struct {
		ID   bitrix24.ID   `json:"id"`
		Name bitrix24.Text `json:"name"`
		Sort bitrix24.Text `json:"sort"`
	}
	var result struct {
		Categories bitrix24.List[category] `json:"categories"`
	}
	if !bitrix24.IsEmpty(answer.Result) {
		if err := json.Unmarshal(answer.Result, &result); err != nil {
			return nil, fmt.Errorf("%s: %w", categoryMethod, err)
		}
	}
	if len(result.Categories) == 0 {
		return nil, errors.New(categoryMethod + ": the webhook's user may read no funnel: check its rights in the CRM")
	}
	byID := make(map[bitrix24.ID]category, len(result.Categories)) // of a row that comes twice, the last
	for _, row := range result.Categories {
		byID[row.ID] = row
	}
	rows := slices.SortedFunc(maps.Values(byID), func(a, b category) int {
		return cmp.Or(cmp.Compare(sortOrder(a.Sort), sortOrder(b.Sort)), cmp.Compare(a.ID, b.ID))
	})
	funnels := make([]Funnel, len(rows))
	for i, row := range rows {
		funnels[i] = Funnel{ID: FunnelID(row.ID), Name: string(row.Name)}
	}
	return funnels, nil
}

func sortOrder(value bitrix24.Text) int32 {
	n, err := strconv.ParseInt(string(value), 10, 32)
	if err != nil {
		return 0
	}
	return int32(n)
}

// readStages fills in the stages of funnels.
func readStages(ctx context.Context, c *bitrix24.Client, funnels []Funnel) error {
	type page struct{ funnel, start int }
	open := make([]page, len(funnels))
	for i := range open {
		open[i].funnel = i
	}
	for len(open) > 0 {
		commands := make([]bitrix24.Command, len(open))
		for i, p := range open {
			commands[i] = bitrix24.Command{Method: "crm.status.list", Params: []bitrix24.Param{
				param("filter[ENTITY_ID]", stageList(funnels[p.funnel].ID)),
				param("order[SORT]", "ASC"),
				param("order[ID]", "ASC"),
				param("start", strconv.Itoa(p.start)),
			}}
		}
		answers, err := c.Batch(ctx, commands)
		if err != nil {
			return err
		}
		var next []page
		for i, p := range open {
			funnel := &funnels[p.funnel]
			hasMore, err := funnel.addStages(answers[i])
			if err != nil {
				return fmt.Errorf("stages of funnel %d: %w", funnel.ID, err)
			}
			if hasMore {
				next = append(next, page{p.funnel, p.start + bitrix24.PageRows})
			}
		}
		open = next
	}
	for i := range funnels {
		slices.SortStableFunc(funnels[i].Stages, func(a, b Stage) int { return cmp.Compare(a.Sort, b.Sort) })
	}
	return nil
}

// stageList is the name of a funnel's list of stages. DEAL_STAGE_0 is none.
func stageList(funnel FunnelID) string {
	if funnel == 0 {
		return "DEAL_STAGE"
	}
	return fmt.Sprintf("DEAL_STAGE_%d", funnel)
}

// addStages adds a page of stages, of one that comes twice the last, and says whether there may be
// more. The list is said to be one page; where it is more, a page that brings nothing new ends it,
// because a start behind the end may begin again.
func (f *Funnel) addStages(answer bitrix24.Answer) (hasMore bool, err error) {
	if answer.Err != nil {
		return false, answer.Err
	}
	var rows bitrix24.List[struct {
		StatusID  bitrix24.Text `json:"STATUS_ID"`
		EntityID  bitrix24.Text `json:"ENTITY_ID"`
		Name      bitrix24.Text `json:"NAME"`
		Sort      bitrix24.Text `json:"SORT"`
		Semantics bitrix24.Text `json:"SEMANTICS"`
	}]
	if err := json.Unmarshal(answer.Result, &rows); err != nil {
		return false, fmt.Errorf("crm.status.list: %w", err)
	}
	added := 0
	for _, row := range rows {
		stageID := StageID(row.StatusID)
		isOther := row.EntityID != "" && string(row.EntityID) != stageList(f.ID)
		if stageID == "" || isOther {
			continue
		}
		meaning, _ := semantics(row.Semantics) // empty while work goes on
		stage := Stage{ID: stageID, FunnelID: f.ID, Name: string(row.Name), Semantics: meaning, Sort: sortOrder(row.Sort)}
		if at := slices.IndexFunc(f.Stages, func(s Stage) bool { return s.ID == stageID }); at >= 0 {
			f.Stages[at] = stage
			continue
		}
		f.Stages = append(f.Stages, stage)
		added++
	}
	return len(rows) >= bitrix24.PageRows && added > 0, nil
}

// HistoricStages are those of the stages into which a change of any deal's history led.
func HistoricStages(ctx context.Context, c *bitrix24.Client, stages []StageID) ([]StageID, error) {
	commands := make([]bitrix24.Command, len(stages))
	for i, id := range stages {
		commands[i] = bitrix24.Command{Method: changeMethod, Params: []bitrix24.Param{
			ofDeals, param("filter[STAGE_ID]", string(id)), param("order[ID]", "ASC"), param("start", "-1"),
		}}
	}
	answers, err := c.Batch(ctx, commands)
	if err != nil {
		return nil, fmt.Errorf("look for stages of the past: %w", err)
	}
	var known []StageID
	for i, answer := range answers {
		if answer.Err != nil {
			return nil, fmt.Errorf("look for stages of the past: %w", answer.Err)
		}
		var rows bitrix24.Items[changeRow]
		if err := json.Unmarshal(answer.Result, &rows); err != nil {
			return nil, fmt.Errorf("%s: %w", changeMethod, err)
		}
		if slices.ContainsFunc(rows.Items, func(r changeRow) bool { return StageID(r.StageID) == stages[i] }) {
			known = append(known, stages[i])
		}
	}
	return known, nil
}
