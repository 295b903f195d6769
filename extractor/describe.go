package extractor

import (
	"cmp"
	"context"
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
// rights: one request, or two where there are more than funnelsAlong funnels.
func Describe(ctx context.Context, c *bitrix24.Client) (Description, error) {
	portal, answers, err := c.DescribeWith(ctx, func(first int) []bitrix24.Command {
		commands := []bitrix24.Command{{Method: categoryMethod, Params: []bitrix24.Param{ofDeals}}, stagePage(stageList(0), 0)}
		for i := range funnelsAlong {
			commands = append(commands, stagePage(stageListPrefix+bitrix24.Reference(first, fmt.Sprintf("[categories][%d][id]", i)), 0))
		}
		return commands
	})
	if err != nil {
		return Description{}, err
	}
	d := Description{Description: portal}
	if d.Funnels, err = decodeFunnels(answers[0]); err != nil {
		return Description{}, err
	}
	if err := readStages(ctx, c, d.Funnels, answers[1:]); err != nil {
		return Description{}, err
	}
	return d, nil
}

// funnelsAlong is of how many funnels the stages are asked for along with the funnels themselves, by their places in
// the portal's list.
const funnelsAlong = 10

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
		if err := bitrix24.Decode(answer.Result, &result); err != nil {
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

// stagePage asks for a page of a list of stages.
func stagePage(list string, start int) bitrix24.Command {
	return bitrix24.Command{Method: "crm.status.list", Params: []bitrix24.Param{
		param("filter[ENTITY_ID]", list),
		param("order[SORT]", "ASC"),
		param("order[ID]", "ASC"),
		param("start", strconv.Itoa(start)),
	}}
}

// readStages fills in the stages of funnels. Those that came along are first pages of any of their lists, some of which
// may be what the portal made of a list that does not exist; a funnel without one is asked for.
func readStages(ctx context.Context, c *bitrix24.Client, funnels []Funnel, along []bitrix24.Answer) error {
	type page struct{ funnel, start int }
	lists := map[string]bitrix24.Answer{}
	for _, answer := range along {
		lists[listIn(answer)] = answer
	}
	var open []page
	for i := range funnels {
		answer, isThere := lists[stageList(funnels[i].ID)]
		if !isThere {
			open = append(open, page{i, 0})
			continue
		}
		hasMore, err := funnels[i].addStages(answer)
		if err != nil {
			return fmt.Errorf("stages of funnel %d: %w", funnels[i].ID, err)
		}
		if hasMore {
			open = append(open, page{i, bitrix24.PageRows})
		}
	}
	for len(open) > 0 {
		commands := make([]bitrix24.Command, len(open))
		for i, p := range open {
			commands[i] = stagePage(stageList(funnels[p.funnel].ID), p.start)
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

// listIn is the list that all rows of an answer are of; empty where there is no such list.
func listIn(answer bitrix24.Answer) string {
	var rows bitrix24.List[stageRow]
	if answer.Err != nil || bitrix24.Decode(answer.Result, &rows) != nil || len(rows) == 0 {
		return ""
	}
	list := rows[0].EntityID
	if slices.ContainsFunc(rows, func(row stageRow) bool { return row.EntityID != list }) {
		return ""
	}
	return string(list)
}

const stageListPrefix = "DEAL_STAGE_"

// stageList is the name of a funnel's list of stages. DEAL_STAGE_0 is none.
func stageList(funnel FunnelID) string {
	if funnel == 0 {
		return "DEAL_STAGE"
	}
	return fmt.Sprint(stageListPrefix, funnel)
}

// stageRow is a row of crm.status.list.
type stageRow struct {
	StatusID  bitrix24.Text `json:"STATUS_ID"`
	EntityID  bitrix24.Text `json:"ENTITY_ID"`
	Name      bitrix24.Text `json:"NAME"`
	Sort      bitrix24.Text `json:"SORT"`
	Semantics bitrix24.Text `json:"SEMANTICS"`
}

// addStages adds a page of stages, of one that comes twice the last, and says whether there may be
// more. The list is said to be one page; where it is more, a page that brings nothing new ends it,
// because a start behind the end may begin again.
func (f *Funnel) addStages(answer bitrix24.Answer) (hasMore bool, err error) {
	if answer.Err != nil {
		return false, answer.Err
	}
	var rows bitrix24.List[stageRow]
	if err := bitrix24.Decode(answer.Result, &rows); err != nil {
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
		if err := bitrix24.Decode(answer.Result, &rows); err != nil {
			return nil, fmt.Errorf("%s: %w", changeMethod, err)
		}
		if slices.ContainsFunc(rows.Items, func(r changeRow) bool { return StageID(r.StageID) == stages[i] }) {
			known = append(known, stages[i])
		}
	}
	return known, nil
}
