package nightly_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/nightly"
	"stagelag/simulator"
	read "stagelag/views"
)

// hostile are texts that mean something to one of those on the way: SQL, YAML, a template, a
// browser, a terminal, a spreadsheet, a log.
var hostile = []string{
	`'; DROP TABLE stagelag.facts; --`,
	`") OR 1 = 1 /*`,
	`\'; SELECT 1; \`,
	"line one\nline two\r\nstagelag: a line of its own",
	`${STAGELAG_PORTAL_URL} $${x} {{.}} %s %d %!`,
	`$result[c00][items][0][id]`,
	`<script>alert(1)</script><img src=x onerror=alert(1)>`,
	"\u202etxt.exe\u202c \u2066bidi\u2069 \u200f",
	"\x1b[2J\x1b]0;title\x07 \x00 \x7f",
	`=cmd|' /C calc'!A0`,
	"invalid \xff\xfe utf-8",
	"\t\\N\t\\t",
	"  leading and trailing  ",
	strings.Repeat("я", 300),
	"😀 e\u0301 \u0000end",
}

// TestHostilePortal gives every text that a portal holds to somebody who means ill. The run, the
// views and the summary show it as it is, or cleaned for a terminal; it does nothing else.
func TestHostilePortal(t *testing.T) {
	t.Parallel()
	world := simulator.NewWorld()
	// Two megabytes, three in JSON: fifty pages with such a title are an answer that is too long.
	huge := strings.Repeat("x'\n", 3<<18)
	stages := []simulator.Stage{{ID: "C5:NEW", Name: "New"}, {ID: "C5:WON", Name: "Won", Semantics: simulator.Success}}
	for i, text := range hostile {
		stages = append(stages, simulator.Stage{ID: simulator.StageID("C5:" + text), Name: fmt.Sprint(i, text)})
	}
	// The engine plans each query with all names in it.
	stages = append(stages, simulator.Stage{ID: "C5:HUGE", Name: huge[:20_000]})
	world.AddFunnel(simulator.Funnel{ID: 5, Name: hostile[0] + hostile[3], Stages: stages})
	world.AddField(simulator.Field{Name: "UF_CRM_DAYS", Type: "string", Label: hostile[6]})
	for i, text := range hostile {
		manager := world.AddUser(simulator.User{Name: text, LastName: fmt.Sprint(i)})
		deal := world.AddDeal(simulator.Deal{Title: text, Funnel: 5, Stage: "C5:NEW", Manager: manager, Currency: text, Created: march(1, 10), Fields: map[string]any{"UF_CRM_DAYS": text}})
		world.Move(deal, march(2, 10), simulator.StageID("C5:"+text))
	}
	big := world.AddDeal(simulator.Deal{Title: huge, Funnel: 5, Stage: "C5:NEW", Manager: 1, Created: march(1, 10), Fields: map[string]any{"UF_CRM_DAYS": huge[:100_000]}})
	world.Move(big, march(2, 10), "C5:HUGE")

	s := newSite(t, world, simulator.Suggested{
		TimeZone: "Europe/Moscow", Fields: map[string]simulator.SuggestedFields{"C5:NEW": {Days: "UF_CRM_DAYS"}},
		Norms: []simulator.SuggestedNorm{{Stage: "C5:" + hostile[0], Days: 3}},
	}, firstNight)
	outcome := s.run(false)
	s.expectLaws("a hostile portal")
	n := len(hostile) + 1
	if got := s.number("SELECT count() FROM deals_now"); got != int64(n) {
		t.Fatalf("deals_now has %d deals, want %d", got, n)
	}
	titles := s.rows("SELECT hex(deal_title) FROM deals_now ORDER BY deal_id")
	for i, text := range append(slices.Clone(hostile), huge) {
		// What is no UTF-8 can't be in JSON: each such byte is a mark that says so.
		want := strings.NewReplacer("\xff", "\ufffd", "\xfe", "\ufffd").Replace(text)
		if got, err := hex.DecodeString(titles[i]); err != nil || string(got) != want {
			t.Errorf("text %d, %.300q: deal %d has the title %.300q, %v", i, want, i+1, got, err)
		}
	}
	if got := s.number("SELECT uniqExact(manager_name) FROM deals_now"); got != int64(len(hostile)) {
		t.Errorf("%d managers have names, want %d", got, len(hostile))
	}
	summary, err := nightly.Summarize(t.Context(), read.In(s.w), outcome)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := summary.Write(&b, nil); err != nil {
		t.Fatal(err)
	}
	if out := b.String(); strings.ContainsFunc(out, isUnfit) || len(out) > 10_000 || strings.Contains(out, "\nstagelag:") {
		t.Errorf("the summary shows what a terminal obeys, or more than a person reads: %.2000q", out)
	}

	// The next nights find nothing changed, and what has changed.
	if wrote := s.written(s.run(false).Run.RunID); len(wrote) > 0 {
		t.Errorf("a second run writes %v, want nothing", wrote)
	}
	world.EditDeal(big, march(11, 1), func(d *simulator.Deal) { d.Title = hostile[4] })
	s.at(march(11, 3))
	s.run(false)
	s.run(true)
	s.expectLaws("a hostile portal, a night later")
	s.expect("nothing is lost", "SELECT count() FROM deals_now WHERE deal_title = '${STAGELAG_PORTAL_URL} $${x} {{.}} %s %d %!'", "2")
}

// isUnfit is whether a terminal would do something else than show the character.
func isUnfit(r rune) bool {
	return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || slices.Contains([]rune("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"), r)
}

// TestHostileRefusal is an error whose text comes from the portal: it stays one line.
func TestHostileRefusal(t *testing.T) {
	t.Parallel()
	s, _ := small(t)
	s.run(false)
	for i, text := range hostile {
		s.portal.Inject(simulator.FromNth(2, simulator.Fault{Error: &simulator.Error{Status: 400, Code: text, Text: text + strings.Repeat("long ", 10_000)}}))
		s.at(firstNight.Add(time.Duration(i) * time.Minute))
		_, err := nightly.Run(t.Context(), s.pass(true))
		if err == nil || strings.ContainsFunc(err.Error(), func(r rune) bool { return r == '\n' || isUnfit(r) }) || len(err.Error()) > 1000 {
			t.Errorf("refused with %q: %.300q", text, fmt.Sprint(err))
		}
	}
	if n := s.number("SELECT count() FROM runs WHERE status = 'failed' AND (length(error) > 1000 OR match(error, '[\\\\x00-\\\\x1f]'))"); n != 0 {
		t.Errorf("%d runs have an error that is no line", n)
	}
}
