package simulator_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"time"

	"stagelag/simulator"
	"stagelag/simulator/simulatortest"
)

const visitsHeader = "case_id,entered_at,stage,owner\n"

// visitsSite serves a file, without its header, at a time.
func visitsSite(t *testing.T, rows string, now time.Time) *site {
	t.Helper()
	w, err := simulator.ReadVisits(strings.NewReader(visitsHeader + rows))
	if err != nil {
		t.Fatal(err)
	}
	c := simulatortest.NewClock(now)
	return serveAt(t, w, simulator.Options{}, c)
}

func TestReadVisits(t *testing.T) {
	const rows = `INC7,2026-03-01T08:00:00+00:00,New,
INC7,2026-03-01T09:00:00+00:00,Work in hand,Ann
INC7,2026-03-01T09:00:00+00:00,Work in hand,Bob
INC7,2026-03-09T09:00:00+00:00,Closed,
INC3,2026-02-20T08:00:00Z,New,Bob
INC3,2026-02-21T08:00:00+03:00,Closed,Bob
INC9,2026-03-05T08:00:00+00:00,-100,Cid
INC9,2026-03-20T08:00:00+00:00,Closed,Cid
INC8,2026-03-18T08:00:00+00:00,New,Ann
INC8,2026-03-19T08:00:00+00:00,Closed,Ann
`
	s := visitsSite(t, rows, morning)
	deals := func() string {
		got := s.call("crm.item.list", object{"entityTypeId": 2, "order": object{"id": "ASC"}})
		var all []string
		for i := range len(idsOf(got)) {
			field := func(name string) any { return got.at("result", "items", i, name) }
			all = append(all, fmt.Sprint(field("id"), " ", field("title"), " ", field("stageId"), " ", field("assignedById"), " ", field("movedTime")))
		}
		return strings.Join(all, "\n")
	}
	history := func() string {
		got := s.call("crm.stagehistory.list", object{"entityTypeId": 2, "order": object{"ID": "ASC"}})
		var all []string
		for i := range len(idsOf(got)) {
			field := func(name string) any { return got.at("result", "items", i, name) }
			all = append(all, fmt.Sprint(field("ID"), " of ", field("OWNER_ID"), ": ", field("TYPE_ID"), " ", field("STAGE_ID"), " ", field("STAGE_SEMANTIC_ID")))
		}
		return strings.Join(all, "\n")
	}
	wantEqual(t, "deals", deals(), `1 INC7 C1:CLOSED 0 2026-03-09T12:00:00+03:00
2 INC3 C1:CLOSED 2 2026-02-21T08:00:00+03:00
3 INC9 C1:100 3 2026-03-05T11:00:00+03:00`)
	wantEqual(t, "history", history(), `1 of 2: 1 C1:NEW P
2 of 2: 3 C1:CLOSED S
3 of 1: 1 C1:NEW P
4 of 1: 2 C1:WORK_IN_HAND P
5 of 1: 2 C1:WORK_IN_HAND P
6 of 3: 1 C1:100 P
7 of 1: 3 C1:CLOSED S`)
	s.clock.Add(9 * 24 * time.Hour)
	wantEqual(t, "deals nine days later", deals(), `1 INC7 C1:CLOSED 0 2026-03-09T12:00:00+03:00
2 INC3 C1:CLOSED 2 2026-02-21T08:00:00+03:00
3 INC9 C1:100 3 2026-03-05T11:00:00+03:00
4 INC8 C1:NEW 1 2026-03-18T11:00:00+03:00`)

	wantEqual(t, "funnels", s.world.Funnels(), []simulator.Funnel{{ID: 1, Name: "Visits", Sort: 100, Stages: []simulator.Stage{
		{ID: "C1:NEW", Name: "New", Semantics: simulator.Process, Sort: 10},
		{ID: "C1:WORK_IN_HAND", Name: "Work in hand", Semantics: simulator.Process, Sort: 20},
		{ID: "C1:CLOSED", Name: "Closed", Semantics: simulator.Success, Sort: 30},
		{ID: "C1:100", Name: "-100", Semantics: simulator.Process, Sort: 40},
	}}})
	wantEqual(t, "people", s.call("user.get", object{"sort": "ID"}).column("NAME", "result"), []any{"Ann", "Bob", "Cid"})
}

func TestStagesOfVisits(t *testing.T) {
	visits := func(final, all int) string {
		var rows strings.Builder
		for i := range all {
			fmt.Fprintf(&rows, "%d,2026-01-01T00:00:00Z,Start,\n%d,2026-01-02T00:00:00Z,Done,\n", i, i)
			if i >= final {
				fmt.Fprintf(&rows, "%d,2026-01-03T00:00:00Z,Start,\n", i)
			}
		}
		return rows.String()
	}
	tests := []struct {
		name string
		rows string
		want string
	}{
		{"the last in nine of ten is final", visits(9, 10), "C1:START P, C1:DONE S"},
		{"the last in fewer is in process", visits(8, 9), "C1:START P, C1:DONE P"},
		{"long names are cut, and stay different", "1,2026-01-01T00:00:00Z,Waiting for the customer A,\n1,2026-01-02T00:00:00Z,Waiting for the customer B,\n",
			"C1:WAITING_FOR_THE_CU P, C1:WAITING_FOR_THE_2 S"},
		{"names without letters of ours", "1,2026-01-01T00:00:00Z,Новая,\n1,2026-01-02T00:00:00Z,Готово,\n", "C1:STAGE P, C1:STAGE_2 S"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w, err := simulator.ReadVisits(strings.NewReader(visitsHeader + test.rows))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range w.Funnels()[0].Stages {
				got = append(got, fmt.Sprint(s.ID, " ", s.Semantics))
				if len(s.ID) > 21 {
					t.Errorf("stage id %s is longer than 21", s.ID)
				}
			}
			wantEqual(t, "stages", strings.Join(got, ", "), test.want)
		})
	}
}

// A log that was cut off in mid-work ends where deals wait: the stages that are final can be named.
func TestFinalStagesOfVisits(t *testing.T) {
	t.Parallel()
	const rows = "P1,2026-01-01T09:00:00+03:00,Draft,Anna\nP1,2026-01-11T09:00:00+03:00,Approval,Anna\nP2,2026-01-02T09:00:00+03:00,Draft,Anna\nP2,2026-01-12T09:00:00+03:00,Approval,Anna\n"
	log, err := simulator.ReadVisitLog(strings.NewReader(visitsHeader + rows))
	if err != nil {
		t.Fatal(err)
	}
	if guessed := fmt.Sprint(log.GuessFinal()); guessed != "[Approval]" {
		t.Errorf("GuessFinal() = %s, want [Approval]", guessed)
	}
	for _, test := range []struct {
		final []string
		want  string
	}{{nil, "P P"}, {[]string{"Approval"}, "P S"}, {[]string{"Draft", "Approval"}, "S S"}} {
		w, err := log.World(test.final)
		if err != nil {
			t.Fatal(err)
		}
		stages := w.Funnels()[0].Stages
		if got := fmt.Sprintf("%s %s", stages[0].Semantics, stages[1].Semantics); got != test.want {
			t.Errorf("World(%q) has the stages %s, want %s", test.final, got, test.want)
		}
	}
	if _, err := log.World([]string{"Approvla"}); err == nil || err.Error() != `no visit is to a stage "Approvla"` {
		t.Errorf("World of an unknown stage: %v", err)
	}
}

// Fractions of seconds order the visits, the order of the file those of the same time; a blank can stand between
// date and time.
func TestTimesOfVisits(t *testing.T) {
	t.Parallel()
	const rows = "1,2026-01-01 09:00:00.750+00:00,Third,\n1,2026-01-01T09:00:00.25Z,First,\n1,2026-01-01 09:00:00.25+00:00,Second,\n1,2026-01-01 12:00:01.000001+03:00,Fourth,\n"
	w, err := simulator.ReadVisits(strings.NewReader(visitsHeader + rows))
	if err != nil {
		t.Fatal(err)
	}
	w.Advance(morning)
	var got []string
	for _, change := range w.History(1) {
		got = append(got, fmt.Sprint(change.Stage, " ", change.At.UTC().Format(time.TimeOnly)))
	}
	if want := "[C1:FIRST 09:00:00 C1:SECOND 09:00:00 C1:THIRD 09:00:00 C1:FOURTH 09:00:01]"; fmt.Sprint(got) != want {
		t.Errorf("the history is %s, want %s", got, want)
	}
}

func TestWrongVisits(t *testing.T) {
	const good = "1,2026-01-01T00:00:00Z,New,\n"
	tests := []struct{ name, file, want string }{
		{"no file", "", "line 1: the file is empty"},
		{"a column is missing", "case_id,entered_at,stage\n", "line 1: no column owner; needed are case_id,entered_at,stage,owner"},
		{"a field is missing", visitsHeader + good + "1,2026-01-01T00:00:00Z,New\n", "line 3: wrong number of fields"},
		{"no case", visitsHeader + good + good + ",2026-01-01T00:00:00Z,New,\n", "line 4: case_id is empty"},
		{"no stage", visitsHeader + "1,2026-01-01T00:00:00Z,,\n", "line 2: stage is empty"},
		{"no time", visitsHeader + good + "1,yesterday,New,\n", `line 3: entered_at "yesterday" is no time such as 2026-03-02T09:30:00+03:00 or 2026-03-02 09:30:00+03:00`},
		{"a time without an offset", visitsHeader + "1,2026-01-01T00:00:00,New,\n", `line 2: entered_at "2026-01-01T00:00:00" has no offset, and its date could be another one: write +00:00 behind it if it is UTC`},
		{"a time that the warehouse can't hold", visitsHeader + "1,1066-10-14T09:00:00Z,New,\n", `line 2: entered_at "1066-10-14T09:00:00Z" is not from 1970 to 2148`},
		{"an open quote", visitsHeader + good + "1,2026-01-01T00:00:00Z,\"New,\n", `line 3: extraneous or missing " in quoted-field`},
		{"a damaged archive", "\x1f\x8bxx", "gzip: unexpected EOF"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := simulator.ReadVisits(strings.NewReader(test.file))
			if err == nil || err.Error() != test.want {
				t.Errorf("ReadVisits gives the error %v, want %s", err, test.want)
			}
		})
	}
}

func TestAnArchiveThatBreaksOff(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(visitsHeader + "1,2026-01-01T00:00:00Z,New,\n")); err != nil {
		t.Fatal(err)
	}
	if err := z.Flush(); err != nil {
		t.Fatal(err)
	}
	_, err := simulator.ReadVisits(&packed)
	if err == nil || err.Error() != "line 3: unexpected EOF" {
		t.Errorf("ReadVisits gives the error %v, want line 3: unexpected EOF", err)
	}
}

func TestColumnsInAnotherOrder(t *testing.T) {
	w, err := simulator.ReadVisits(strings.NewReader("\ufeffcase_id,note,owner,stage,entered_at\n1,x,Ann,New,2026-01-01T00:00:00Z\n"))
	if err != nil {
		t.Fatal(err)
	}
	w.Advance(morning)
	got, _ := w.Deal(1)
	wantEqual(t, "deal", fmt.Sprint(got.Title, " ", got.Stage, " ", got.Manager), "1 C1:NEW 1")
}
