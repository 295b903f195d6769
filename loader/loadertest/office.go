package loadertest

import (
	"testing"
	"time"

	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/warehouse"
)

// The stages of the office's funnel.
const (
	Draft    extractor.StageID = "Draft"
	Approval extractor.StageID = "Approval"
	Client   extractor.StageID = "Client" // waits
	Won      extractor.StageID = "Won"
)

const funnel extractor.FunnelID = 5

// Office publishes a few deals of a firm as of Wednesday 25 March 2026, all in funnel 5. The firm pauses deals between two
// dates. Where it works, the funnel has a calendar of its own, with free weekends and a day off on Monday 9 March, and
// Saturday 21 March is worked instead; every day counts in other funnels, and in all where it does not.
//
//   - Deal 1 is in Approval since Monday 2 March, with a plan of 10 days, paused from 10 to 11 March.
//   - Deal 2 waits in Client since 2 March, where it came from Draft, entered on 27 February with a plan of 3 days.
//   - Deal 3 came back to Draft on 16 March from Client, entered on 5 March.
//   - Deal 4 is in a stage Other since 2 March, without a plan.
//   - Deal 5 is in Approval since 16 March, with a plan of 10 days.
//   - Deal 6 is in Approval since 18 March, with a plan of 10 days, paused from 24 to 31 March.
func Office(t testing.TB, w *warehouse.Warehouse, works bool) {
	t.Helper()
	rules := &transform.Rules{
		Zone:      time.UTC,
		Calendars: transform.Calendars{Default: transform.CalendarDays{}},
		Stages:    map[transform.StageKey]extractor.Stage{},
		Norms:     map[extractor.StageID][]transform.Norm{Approval: {{Days: 10, From: transform.NoDay}}, Draft: {{Days: 3, From: transform.NoDay}}},
		Waiting:   map[extractor.StageID]bool{Client: true},
		Pauses:    transform.PauseFields{From: "UF_FROM", Until: "UF_UNTIL"},
	}
	if works {
		rules.Calendars.Funnels = map[extractor.FunnelID]transform.Calendar{funnel: transform.NewWorkingDays(
			[7]bool{time.Saturday: true, time.Sunday: true},
			[]transform.Exception{{Day: day(9), Why: "day off (calendar.off)"}, {Day: day(21), Counts: true, Why: "working day (calendar.work)"}},
		)}
	}
	for _, id := range []extractor.StageID{Draft, Approval, Client, "Other"} {
		rules.Stages[transform.StageKey{Funnel: funnel, Stage: id}] = extractor.Stage{ID: id, FunnelID: funnel, Name: string(id)}
	}
	rules.Stages[transform.StageKey{Funnel: funnel, Stage: Won}] = extractor.Stage{ID: Won, FunnelID: funnel, Name: string(Won), Semantics: extractor.Success}

	type move struct {
		stage extractor.StageID
		day   int // of March
	}
	var histories []transform.History
	deal := func(fields map[string]string, moves ...move) {
		id := extractor.DealID(len(histories) + 1)
		last := moves[len(moves)-1]
		h := transform.History{Deal: extractor.Deal{
			ID: id, Title: "A deal", FunnelID: funnel, StageID: last.stage, ManagerID: 7, Currency: "EUR",
			CreatedAt: noon(moves[0].day), MovedAt: noon(last.day), Fields: fields,
		}}
		for i, m := range moves {
			h.Changes = append(h.Changes, transform.Change{StageChange: extractor.StageChange{
				ID: extractor.ChangeID(int(id)*100 + i), DealID: id, ChangedAt: noon(m.day), FunnelID: funnel, StageID: m.stage, TypeID: 2,
			}})
		}
		histories = append(histories, h)
	}
	deal(map[string]string{"UF_FROM": "2026-03-10", "UF_UNTIL": "2026-03-11"}, move{Approval, 2})
	deal(nil, move{Draft, -1}, move{Client, 2})
	deal(nil, move{Draft, 2}, move{Client, 5}, move{Draft, 16})
	deal(nil, move{"Other", 2})
	deal(nil, move{Approval, 16})
	deal(map[string]string{"UF_FROM": "2026-03-24", "UF_UNTIL": "2026-03-31"}, move{Approval, 18})
	Publish(t, w, rules, day(25), histories)
}

// day is one of March 2026; those before the first are of February.
func day(of int) transform.Day { return transform.DayOf(noon(of), time.UTC) }

func noon(of int) time.Time { return time.Date(2026, 3, of, 12, 0, 0, 0, time.UTC) }
