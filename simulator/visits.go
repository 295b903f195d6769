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
	plain, err := gunzip(r)
	if err != nil {
		return nil, err
	}
	v := visits{
		cases: make(map[string]int), stages: make(map[string]int), owners: make(map[string]UserID),
	}
	if err := v.read(csv.NewReader(plain)); err != nil {
		return nil, err
	}
	return v.world(), nil
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

type visits struct {
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
	at    int64
}

var visitColumns = []string{"case_id", "entered_at", "stage", "owner"}

func (v *visits) read(file *csv.Reader) error {
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

func (v *visits) add(caseID, enteredAt, stage, owner string) error {
	if caseID == "" {
		return errors.New("case_id is empty")
	}
	if stage == "" {
		return errors.New("stage is empty")
	}
	at, err := time.Parse(time.RFC3339, enteredAt)
	if err != nil {
		return fmt.Errorf("entered_at %q is no time such as 2026-03-02T09:30:00+03:00", enteredAt)
	}
	row := visitRow{at: at.Unix()}
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

// numbered is the place of a name in a list that grows by names that are new.
func numbered(known map[string]int, name string, list []string) (int, []string) {
	if i, found := known[name]; found {
		return i, list
	}
	name = strings.Clone(name) // it shares memory with the whole line
	known[name] = len(list)
	return len(list), append(list, name)
}

func (v *visits) world() *World {
	slices.SortStableFunc(v.rows, func(a, b visitRow) int { return cmp.Compare(a.at, b.at) })
	w := NewWorld()
	ids := stageIDs(VisitsFunnel, v.names)
	f := Funnel{ID: VisitsFunnel, Name: "Visits"}
	for i, semantics := range v.semantics() {
		f.Stages = append(f.Stages, Stage{ID: ids[i], Name: v.names[i], Semantics: semantics})
	}
	w.AddFunnel(f)
	for _, name := range v.people {
		w.AddUser(User{Name: name})
	}
	deals := make([]DealID, len(v.titles))
	for _, row := range v.rows {
		at := time.Unix(row.at, 0).UTC()
		if deals[row.deal] == 0 {
			deals[row.deal] = w.AddDeal(Deal{
				ID: DealID(row.deal + 1), Title: v.titles[row.deal], Funnel: VisitsFunnel,
				Stage: ids[row.stage], Manager: row.owner, Currency: "USD", Created: at, Begin: at,
			})
			continue
		}
		w.visit(deals[row.deal], at, ids[row.stage], row.owner)
	}
	return w
}

// visit lets a deal enter a stage, also the one where it is, under a manager.
func (w *World) visit(id DealID, at time.Time, stage StageID, manager UserID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.edit(id, at, func(d *deal, now int64) {
		d.manager = manager
		w.enter(d, now, stage, manager)
	})
}

// semantics of the stages: the rows are in the order of time.
func (v *visits) semantics() []Semantics {
	last := make([]int, len(v.titles)) // the stage of each case's last row
	total := make([]int, len(v.names))
	final := make([]int, len(v.names))
	for _, row := range v.rows {
		last[row.deal] = row.stage
		total[row.stage]++
	}
	for _, stage := range last {
		final[stage]++
	}
	out := make([]Semantics, len(v.names))
	for i := range out {
		out[i] = Process
		if 10*final[i] >= 9*total[i] {
			out[i] = Success
		}
	}
	return out
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
