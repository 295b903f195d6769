package transform

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"stagelag/extractor"
)

// PlanSource tells where a plan comes from.
type PlanSource uint8

// The sources of a plan, under the names that the views show.
const (
	PlanNone PlanSource = iota
	PlanDealDate
	PlanDealDays
	PlanStageNorm
)

// String is the name in the views.
func (s PlanSource) String() string {
	return [...]string{"none", "deal_date", "deal_days", "stage_norm"}[s]
}

// A Plan is the time that a stage was given for a deal. Without a source it is absent:
// a plan of zero days is a plan, none is none.
type Plan struct {
	Source PlanSource
	Days   int32 // in the calendar's days for deal_days and stage_norm
	End    Day   // the last day that is on time; NoDay without a plan
	// Problem says why a value that the deal carries is no plan. It may stand beside a
	// plan: the next source was asked.
	Problem string
}

// IsPlanned is whether there is a plan.
func (p Plan) IsPlanned() bool { return p.Source != PlanNone }

// PlanFields names the custom fields of the deal that carry the plan of a stage; an
// empty name is no field.
type PlanFields struct {
	Days string // a number of days
	Date string // the planned end
}

// A Norm is the plan of a stage where the deal carries none. It holds for visits
// entered on From or later, until the next norm of the stage; with NoDay it holds
// before them all.
type Norm struct {
	From Day
	Days int32
}

// Carried is what a deal carries as the plan of a stage, as text; empty is nothing.
type Carried struct{ Date, Days string }

// carried reads the deal's fields for a stage.
func (r *Rules) carried(deal *extractor.Deal, stage extractor.StageID) Carried {
	fields := r.Fields[stage]
	return Carried{Date: deal.Fields[fields.Date], Days: deal.Fields[fields.Days]}
}

// plan finds the plan of a visit entered on the day, for which the deal carries these
// values.
func (r *Rules) plan(carried Carried, stage extractor.StageID, entered Day, days *counting) Plan {
	fields := r.Fields[stage]
	var problems []string

	if carried.Date != "" {
		end, err := r.date(carried.Date)
		if err == nil {
			return Plan{Source: PlanDealDate, Days: days.between(entered, end), End: end}
		}
		problems = append(problems, fmt.Sprintf("%s = %s: %v", fields.Date, quote(carried.Date), err))
	}
	if carried.Days != "" {
		given, end, err := plannedDays(carried.Days, entered, days)
		if err == nil {
			return Plan{Source: PlanDealDays, Days: given, End: end, Problem: strings.Join(problems, "; ")}
		}
		problems = append(problems, fmt.Sprintf("%s = %s: %v", fields.Days, quote(carried.Days), err))
	}
	norm, ok := normOn(r.Norms[stage], entered)
	if ok {
		if end := days.plannedEnd(entered, norm.Days); end <= LastDay {
			return Plan{Source: PlanStageNorm, Days: norm.Days, End: end, Problem: strings.Join(problems, "; ")}
		}
	}
	return Plan{End: NoDay, Problem: strings.Join(problems, "; ")}
}

// keptPlan is the plan of a visit that has ended, which a run has seen open: the one that it had then. Where its
// entry was corrected, it is what the values of then give for the new one. Its days stay days and its date a date,
// whatever counts now.
func (r *Rules) keptPlan(seen *KnownPlan, visit *Visit, days *counting) Plan {
	kept := seen.Plan
	if visit.EnteredDate != seen.EnteredDate {
		if kept.Source != PlanStageNorm {
			return r.plan(seen.Carried, visit.StageID, visit.EnteredDate, days)
		}
		// A norm that holds for entries of another time is another plan; one that was configured anew is not.
		if norm, ok := normOn(r.Norms[visit.StageID], seen.EnteredDate); ok && norm.Days == kept.Days {
			return r.plan(seen.Carried, visit.StageID, visit.EnteredDate, days)
		}
	}
	switch kept.Source {
	case PlanNone:
	case PlanDealDate:
		kept.Days = days.between(visit.EnteredDate, kept.End)
	case PlanDealDays, PlanStageNorm:
		if kept.End = days.plannedEnd(visit.EnteredDate, kept.Days); kept.End > LastDay {
			return r.plan(seen.Carried, visit.StageID, visit.EnteredDate, days)
		}
	}
	return kept
}

// normOn is the norm in force on a day; norms are in the order of their dates.
func normOn(norms []Norm, day Day) (Norm, bool) {
	for _, norm := range slices.Backward(norms) {
		if norm.From <= day {
			return norm, true
		}
	}
	return Norm{}, false
}

// date reads a planned end that a deal carries: a date, or an instant whose date in the portal's zone counts.
func (r *Rules) date(text string) (Day, error) {
	text = strings.TrimSpace(text)
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil && isDated(t, r.Zone) {
		return DayOf(t, r.Zone), nil
	}
	// Text fields hold dates as the portal's users type them.
	for _, layout := range []string{"2006-01-02 15:04:05", "02.01.2006", "02.01.2006 15:04", "02.01.2006 15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			text = t.Format(time.DateOnly)
			break
		}
	}
	day, err := ParseDay(text)
	if err != nil {
		return NoDay, fmt.Errorf("not a date from %s to %s", FirstDay, LastDay)
	}
	return day, nil
}

// plannedDays reads the number of days that a deal carries.
func plannedDays(text string, entered Day, days *counting) (int32, Day, error) {
	number, err := decimal.NewFromString(strings.TrimSpace(text))
	// A huge exponent would be written out digit by digit in the comparison.
	if err != nil || number.Exponent() > 9 || number.Exponent() < -99 {
		return 0, NoDay, fmt.Errorf("not a number of days")
	}
	if number.IsNegative() {
		return 0, NoDay, fmt.Errorf("a plan can't be negative")
	}
	if number.GreaterThan(decimal.NewFromInt(int64(LastDay))) {
		return 0, NoDay, fmt.Errorf("more than %d days", LastDay)
	}
	if !number.IsInteger() {
		return 0, NoDay, fmt.Errorf("not a whole number of days")
	}
	given := int32(number.IntPart())
	end := days.plannedEnd(entered, given)
	if end > LastDay {
		return 0, NoDay, fmt.Errorf("the planned end is after %s", LastDay)
	}
	return given, end, nil
}

// quote shows a value that came from the portal: bounded, and with nothing in it that
// a terminal would obey.
func quote(text string) string {
	const most = 80
	runes := []rune(text)
	if len(runes) > most {
		return fmt.Sprintf("%q…", string(runes[:most]))
	}
	return fmt.Sprintf("%q", text)
}
