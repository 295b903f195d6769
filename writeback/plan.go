package writeback

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/views"
)

// A todo is a deal with what its fields should hold. It is small, because on the first write-back
// all deals differ, and a portal may have a million of them.
type todo struct {
	id         extractor.DealID
	plannedEnd transform.Day
	// expectedEnd is NoDay without a forecast.
	expectedEnd transform.Day
	daysLeft    int32
	daysLate    int32
	daysLost    int32  // visits of a deal do not overlap, so it is a number of days
	from        uint32 // in a dry run, the number of what the fields hold
	status      uint8  // its number
	differs     uint8  // a bit for each field that holds something else
	latePercent int8   // -1 without a forecast
	isOpen      bool
	hasLeft     bool // days, which are known
	isWorking   bool // the days are working days
}

// A plan holds the deals that are to be written, in the order of writing: those that are tried
// again, then the open deals, which managers look at, then the others.
type plan struct {
	language config.Language
	fields   []Field
	statuses []string // by their numbers

	again, open, closed []todo

	isDry bool
	// What the fields of a dry run's deals hold now, as numbers of texts. Few texts are in many deals.
	from    []uint32
	texts   []string
	numbers map[string]uint32
}

func newPlan(language config.Language, fields []Field, isDry bool) plan {
	return plan{language: language, fields: fields, isDry: isDry, numbers: map[string]uint32{}}
}

// todo is a result of which nothing is known to differ.
func (p *plan) todo(r views.Result) todo {
	t := todo{
		id: r.DealID, isOpen: r.IsOpen, plannedEnd: r.PlannedEnd, daysLate: int32(r.DaysLate), daysLost: int32(r.DaysLost),
		status: p.status(r.Status), isWorking: r.CountsWorkingDays, expectedEnd: r.ExpectedEnd, latePercent: -1,
	}
	if r.LateProbability != nil {
		t.latePercent = latePercent(*r.LateProbability)
	}
	if r.DaysLeft != nil {
		t.daysLeft, t.hasLeft = *r.DaysLeft, true
	}
	return t
}

// latePercent is a probability in full tens of percent. It moves a little every night, and each move that is written
// costs the portal time.
func latePercent(probability float64) int8 { return int8(10 * math.Round(10*probability)) }

// hasForecasts is whether a field gets a forecast.
func (p *plan) hasForecasts() bool {
	return slices.ContainsFunc(p.fields, func(f Field) bool { return f.Role == ExpectedEnd || f.Role == LateProbability })
}

// status is the number of a status. There are a few.
func (p *plan) status(text string) uint8 {
	i := slices.Index(p.statuses, text)
	if i < 0 {
		i = len(p.statuses)
		p.statuses = append(p.statuses, text)
	}
	return uint8(i)
}

// compare notes which fields, as the portal shows them, do not hold what they should. It returns
// whether there are any.
func (p *plan) compare(t *todo, shown map[string]string) bool {
	t.differs = 0
	for i, field := range p.fields {
		if shown[field.Name] != p.value(field.Role, t) {
			t.differs |= 1 << i
		}
	}
	return t.differs != 0
}

// value is what the field of a role should hold. An empty one stands for none: what is not known
// is not 0.
func (p *plan) value(role Role, t *todo) string {
	switch {
	case role == State:
		return stateText(p.language, p.statuses[t.status], int64(t.daysLate), t.isWorking)
	case role == DaysLost:
		return strconv.Itoa(int(t.daysLost))
	case role == DaysLeft && t.hasLeft:
		return strconv.Itoa(int(t.daysLeft))
	case role == DaysLate && t.plannedEnd != transform.NoDay:
		return strconv.Itoa(int(t.daysLate))
	case role == PlannedEnd:
		return t.plannedEnd.String()
	case role == ExpectedEnd:
		return t.expectedEnd.String()
	case role == LateProbability && t.latePercent >= 0:
		return strconv.Itoa(int(t.latePercent))
	default:
		return ""
	}
}

// update returns the values for the fields that differ.
func (p *plan) update(t *todo) bitrix24.Update {
	update := bitrix24.Update{DealID: bitrix24.ID(t.id), Values: map[string]string{}}
	for i, field := range p.fields {
		if t.differs&(1<<i) != 0 {
			update.Values[field.Name] = p.value(field.Role, t)
		}
	}
	return update
}

// add plans a deal that differs.
func (p *plan) add(t todo, shown map[string]string) {
	if p.isDry {
		t.from = uint32(len(p.from))
		for _, field := range p.fields {
			p.from = append(p.from, p.number(shown[field.Name]))
		}
	}
	if t.isOpen {
		p.open = append(p.open, t)
	} else {
		p.closed = append(p.closed, t)
	}
}

// number is the number of a text.
func (p *plan) number(text string) uint32 {
	n, ok := p.numbers[text]
	if !ok {
		n = uint32(len(p.texts))
		p.texts = append(p.texts, text)
		p.numbers[text] = n
	}
	return n
}

// settle sorts the deals and drops those above the limit; -1 is no limit.
func (p *plan) settle(limit int) {
	for _, list := range [][]todo{p.open, p.closed} {
		slices.SortFunc(list, func(a, b todo) int { return cmp.Compare(a.id, b.id) })
	}
	if limit >= 0 {
		p.open = p.open[:min(limit, len(p.open))]
		p.closed = p.closed[:min(limit-len(p.open), len(p.closed))]
	}
}

// take takes the next deals off the plan, at most so many.
func (p *plan) take(most int) []todo {
	var taken []todo
	for _, list := range []*[]todo{&p.again, &p.open, &p.closed} {
		n := min(most-len(taken), len(*list))
		taken, *list = append(taken, (*list)[:n]...), (*list)[n:]
	}
	return taken
}

// putBack returns taken deals to the plan, before all others.
func (p *plan) putBack(again []todo) { p.again = append(again, p.again...) }

// len is how many deals are left.
func (p *plan) len() int { return len(p.again) + len(p.open) + len(p.closed) }

// changes yields what a dry run would write.
func (p *plan) changes(yield func(Change) bool) {
	for _, list := range [][]todo{p.open, p.closed} {
		for i := range list {
			t := &list[i]
			for at, field := range p.fields {
				if t.differs&(1<<at) == 0 {
					continue
				}
				from := p.texts[p.from[int(t.from)+at]]
				if !yield(Change{DealID: t.id, Field: field.Name, From: from, To: p.value(field.Role, t)}) {
					return
				}
			}
		}
	}
}
