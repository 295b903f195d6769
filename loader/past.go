package loader

import (
	"encoding/json"
	"fmt"

	"stagelag/extractor"
	"stagelag/transform"
)

// A storedPlan is the source, the days and the planned end of a plan, 0 where it has none.
type storedPlan [3]int64

func storePlan(p transform.Plan) storedPlan {
	if !p.IsPlanned() {
		return storedPlan{}
	}
	return storedPlan{int64(p.Source), int64(p.Days), int64(p.End)}
}

func (s storedPlan) load() transform.Plan {
	if s[0] == 0 {
		return transform.Plan{End: transform.NoDay}
	}
	return transform.Plan{Source: transform.PlanSource(s[0]), Days: int32(s[1]), End: transform.Day(s[2])}
}

// A storedChange is a plan change as the views read it: the run and its as-of date, the cause, the manager, the plans
// before and after, the overdue days under either, and those of the days that an earlier date had shown. It is one text and no columns, because nearly every visit has
// none, and an empty list in each of a dozen columns would cost more than all the rest of the row.
type storedChange [14]int64

// planLog is the text of the changes, empty for none.
func planLog(changes []transform.PlanChange) string {
	if len(changes) == 0 {
		return ""
	}
	list := make([]storedChange, len(changes))
	for i, c := range changes {
		before, after := storePlan(c.Before), storePlan(c.After)
		list[i] = storedChange{
			int64(c.RunID), int64(c.KnownOn), int64(c.Cause), int64(c.ManagerID), before[0], before[1], before[2],
			after[0], after[1], after[2], int64(c.OverdueBefore), int64(c.Overdue), int64(c.PastBefore), int64(c.Past),
		}
	}
	return mustJSON(list)
}

func loadPlanLog(text string) ([]transform.PlanChange, error) {
	if text == "" {
		return nil, nil
	}
	var list []storedChange
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("plan_log: %w", err)
	}
	changes := make([]transform.PlanChange, len(list))
	for i, s := range list {
		changes[i] = transform.PlanChange{
			RunID: uint32(s[0]), KnownOn: transform.Day(s[1]), Cause: transform.Cause(s[2]), ManagerID: extractor.ManagerID(s[3]),
			Before: storedPlan(s[4:7]).load(), After: storedPlan(s[7:10]).load(), OverdueBefore: int32(s[10]), Overdue: int32(s[11]),
			PastBefore: int32(s[12]), Past: int32(s[13]),
		}
	}
	return changes, nil
}

// A storedPast is how the plan of a visit came about that is in no published state any more.
type storedPast struct {
	First storedPlan `json:"first"`
	Log   string     `json:"log"`
}

// pastText is empty for a past that the visit itself has.
func pastText(p *transform.Past) string {
	if !p.First.IsPlanned() {
		return ""
	}
	return mustJSON(storedPast{storePlan(p.First), planLog(p.Changes)})
}

func loadPast(text string) (transform.Past, error) {
	if text == "" {
		return transform.Past{}, nil
	}
	var stored storedPast
	if err := json.Unmarshal([]byte(text), &stored); err != nil {
		return transform.Past{}, fmt.Errorf("plan_past: %w", err)
	}
	changes, err := loadPlanLog(stored.Log)
	return transform.Past{First: stored.First.load(), Changes: changes}, err
}

func mustJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("numbers that can't be written as JSON: %v", err)) // they always can
	}
	return string(text)
}
