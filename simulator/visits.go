package simulator

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// VisitsFunnel is the one funnel of a world that ReadVisits makes.
const VisitsFunnel FunnelID = 1

// ReadVisits makes a world from a CSV file, plain or gzip, with the columns
// case_id,entered_at,stage,owner in any order: one row for each time that a case enters a
// stage. Times are RFC 3339.
//
// A case is a deal, titled with its case_id and numbered from 1 in the order in which the
// cases first appear in the file. Its rows happen at their times, those of one time in
// the order of the file, and each of them writes history, also one for the stage where
// the case already is. The deal's manager is the owner of its latest row, nobody where
// that is empty; owners are numbered like the cases. All stages are in one funnel in
// the order of their first appearance; one that is the last of its case in at least nine
// of ten visits closes the deal with success, in all others work goes on.
//
// An error names the line that is wrong.
func ReadVisits(r io.Reader) (*World, error) {
	log, err := ReadVisitLog(r)
	if err != nil {
		return nil, err
	}
	return log.World(log.GuessFinal())
}

// ReadVisitLog is ReadVisits for a caller that says which stages are final.
func ReadVisitLog(r io.Reader) (*VisitLog, error) {
	plain, err := gunzip(r)
	if err != nil {
		return nil, err
	}
	v := &VisitLog{
		cases: make(map[string]int), stages: make(map[string]int), owners: make(map[string]UserID),
	}
	if err := v.read(csv.NewReader(plain)); err != nil {
		return nil, err
	}
	slices.SortStableFunc(v.rows, func(a, b visitRow) int { return cmp.Compare(a.at, b.at) })
	return v, nil
}

func gunzip(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(r)
	if magic, _ := buffered.Peek(2); string(magic) != "\x1f\x8b" {
		return buffered, nil
	}
	plain, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	return plain, nil
}

// A VisitLog is the visits of a file, in the order of time and in that of the file where times are equal.
type VisitLog struct {
	rows   []visitRow
	cases  map[string]int
	titles []string
	stages map[string]int
	names  []string // of the stages
	owners map[string]UserID
	people []string
}

type visitRow struct {
	deal  int // from 0
	stage int // from 0
	owner UserID
	at    int64 // unix nanoseconds; the portal shows whole seconds, the fractions give the order
}

var visitColumns = []string{"case_id", "entered_at", "stage", "owner"}

func (v *VisitLog) read(file *csv.Reader) error {
	file.ReuseRecord = true
	header, err := file.Read()
	if errors.Is(err, io.EOF) {
		return errors.New("line 1: the file is empty")
	}
	if err != nil {
		return atLine(1, err)
	}
	var at [4]int
	for i, name := range visitColumns {
		at[i] = slices.Index(header, name)
		if i == 0 && at[i] < 0 {
			at[i] = slices.Index(header, "\ufeff"+name) // a byte order mark, as spreadsheets write it
		}
		if at[i] < 0 {
			return fmt.Errorf("line 1: no column %s; needed are %s", name, strings.Join(visitColumns, ","))
		}
	}
	for line := 1; ; {
		record, err := file.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return atLine(line+1, err)
		}
		line, _ = file.FieldPos(0)
		if err := v.add(record[at[0]], record[at[1]], record[at[2]], record[at[3]]); err != nil {
			return atLine(line, err)
		}
	}
}

// atLine names the line of an error; that of the CSV reader knows better where it was.
func atLine(line int, err error) error {
	if syntax, isSyntax := errors.AsType[*csv.ParseError](err); isSyntax {
		line, err = syntax.StartLine, syntax.Err
	}
	return fmt.Errorf("line %d: %w", line, err)
}

func (v *VisitLog) add(caseID, enteredAt, stage, owner string) error {
	if caseID == "" {
		return errors.New("case_id is empty")
	}
	if stage == "" {
		return errors.New("stage is empty")
	}
	at, err := parseVisitTime(enteredAt)
	if err != nil {
		return err
	}
	row := visitRow{at: at.UnixNano()}
	row.deal, v.titles = numbered(v.cases, caseID, v.titles)
	row.stage, v.names = numbered(v.stages, stage, v.names)
	if owner != "" {
		if v.owners[owner] == 0 {
			v.people = append(v.people, strings.Clone(owner))
			v.owners[v.people[len(v.people)-1]] = UserID(len(v.people))
		}
		row.owner = v.owners[owner]
	}
	v.rows = append(v.rows, row)
	return nil
}

// visitLayouts are the forms of times: that of the standard, and that with a blank, as pandas writes it. Both take
// fractions of seconds.
var visitLayouts = []string{time.RFC3339, "2006-01-02 15:04:05Z07:00"}

// What unix nanoseconds hold, and the warehouse's dates.
var earliestVisit, latestVisit = time.Unix(0, 0), time.Date(2149, time.January, 1, 0, 0, 0, 0, time.UTC)

func parseVisitTime(text string) (time.Time, error) {
	for _, layout := range visitLayouts {
		at, err := time.Parse(layout, text)
		switch {
		case err != nil:
		case at.Before(earliestVisit) || !at.Before(latestVisit):
			return time.Time{}, fmt.Errorf("entered_at %q is not from 1970 to 2148", text)
		default:
			return at, nil
		}
	}
	for _, layout := range []string{"2006-01-02T15:04:05", time.DateTime} {
		if _, err := time.Parse(layout, text); err == nil {
			return time.Time{}, fmt.Errorf("entered_at %q has no offset, and its date could be another one: write +00:00 behind it if it is UTC", text)
		}
	}
	return time.Time{}, fmt.Errorf("entered_at %q is no time such as 2026-03-02T09:30:00+03:00 or 2026-03-02 09:30:00+03:00", text)
}

// numbered is the place of a name in a list that grows by names that are new.
func numbered(known map[string]int, name string, list []string) (int, []string) {
	if i, found := known[name]; found {
		return i, list
	}
	name = strings.Clone(name) // it shares memory with the whole line
	known[name] = len(list)
	return len(list), append(list, name)
}

// World is the portal in which these visits were made. The stages named are final, and no others.
func (v *VisitLog) World(final []string) (*World, error) {
	semantics := make([]Semantics, len(v.names))
	for i := range semantics {
		semantics[i] = Process
	}
	for _, name := range final {
		i, isKnown := v.stages[name]
		if !isKnown {
			return nil, &UnknownStageError{name, slices.Clone(v.names)}
		}
		semantics[i] = Success
	}
	w := NewWorld()
	w.AddChat(Chat{Title: managementChat.in(English), Members: []UserID{1}})
	ids := stageIDs(VisitsFunnel, v.names)
	f := Funnel{ID: VisitsFunnel, Name: "Visits"}
	for i := range semantics {
		f.Stages = append(f.Stages, Stage{ID: ids[i], Name: v.names[i], Semantics: semantics[i]})
	}
	w.AddFunnel(f)
	for _, name := range v.people {
		w.AddUser(User{Name: name})
	}
	deals := make([]DealID, len(v.titles))
	for _, row := range v.rows {
		at := time.Unix(0, row.at).UTC().Truncate(time.Second)
		if deals[row.deal] == 0 {
			deals[row.deal] = w.AddDeal(Deal{
				ID: DealID(row.deal + 1), Title: v.titles[row.deal], Funnel: VisitsFunnel,
				Stage: ids[row.stage], Manager: row.owner, Currency: "USD", Created: at, Begin: at,
			})
			continue
		}
		w.visit(deals[row.deal], at, ids[row.stage], row.owner)
	}
	return w, nil
}

// An UnknownStageError is a stage that the visits do not name.
type UnknownStageError struct {
	Name  string
	Known []string // in the order of the file
}

func (e *UnknownStageError) Error() string { return fmt.Sprintf("no visit is to a stage %q", e.Name) }

// visit lets a deal enter a stage, also the one where it is, under a manager.
func (w *World) visit(id DealID, at time.Time, stage StageID, manager UserID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.edit(id, at, func(d *deal, now int64) {
		d.manager = manager
		w.enter(d, now, stage, manager)
	})
}

// GuessFinal are the stages that end nine of ten visits or more, in the order of the file. In a log that is cut off
// in mid-work that may be one in which deals wait, and such a deal would be closed.
func (v *VisitLog) GuessFinal() []string {
	last := make([]int, len(v.titles)) // the stage of each case's last row
	total := make([]int, len(v.names))
	ends := make([]int, len(v.names))
	for _, row := range v.rows {
		last[row.deal] = row.stage
		total[row.stage]++
	}
	for _, stage := range last {
		ends[stage]++
	}
	var final []string
	for i, name := range v.names {
		if 10*ends[i] >= 9*total[i] {
			final = append(final, name)
		}
	}
	return final
}

const longestStageID = 21

// stageIDs makes ids from the names of a funnel's stages: the prefix, then what upper-case
// ASCII keeps of the name, cut to the portal's length, with a number where two would be one.
func stageIDs(in FunnelID, names []string) []StageID {
	prefix := fmt.Sprintf("C%d:", in)
	taken := make(map[string]bool)
	ids := make([]StageID, len(names))
	for i, name := range names {
		words := strings.FieldsFunc(strings.ToUpper(name), func(r rune) bool {
			return (r < 'A' || r > 'Z') && (r < '0' || r > '9')
		})
		code := strings.Join(words, "_")
		if code == "" {
			code = "STAGE"
		}
		id := cut(prefix+code, longestStageID)
		for n := 2; taken[id]; n++ {
			suffix := fmt.Sprintf("_%d", n)
			id = cut(prefix+code, longestStageID-len(suffix)) + suffix
		}
		taken[id] = true
		ids[i] = StageID(id)
	}
	return ids
}

func cut(s string, length int) string {
	return strings.TrimRight(s[:min(len(s), length)], "_")
}
