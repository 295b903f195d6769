package calendar

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"stagelag/config"
	"stagelag/plain"
	"stagelag/transform"
)

// byteOrderMark is what some programs begin a text in UTF-8 with.
const byteOrderMark = "\uFEFF"

// file reads a list from a CSV or iCalendar file.
func (r *reader) file(named config.List) []Exception {
	text, err := os.ReadFile(named.Name)
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		err = perr.Err // the name is in the complaint already
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.problems.add(named.Place, "calendar.lists: there is no file %s", named.Name)
		return nil
	case err != nil:
		r.problems.add(named.Place, "calendar.lists: %s: %v", named.Name, err)
		return nil
	}
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	base := filepath.Base(named.Name)
	before := len(r.problems.complaints)
	var days []Exception
	if strings.EqualFold(filepath.Ext(base), ".ics") || bytes.HasPrefix(bytes.TrimSpace(text), []byte("BEGIN:VCALENDAR")) {
		days = r.iCalendar(named.Name, base, text)
	} else {
		days = r.csv(named.Name, base, text)
	}
	if len(days) == 0 && len(r.problems.complaints) == before {
		r.problems.addLine(named.Name, 0, "has no day; expected lines such as 2026-12-31,off,Inventory, or a calendar with all-day events")
	}
	return days
}

// A collection is the days of one list. A date may be named twice, with one meaning.
type collection struct {
	*reader
	file, source string
	days         map[transform.Day]Exception
	lines        map[transform.Day]int
}

func (r *reader) collect(file, source string) *collection {
	return &collection{reader: r, file: file, source: source, days: map[transform.Day]Exception{}, lines: map[transform.Day]int{}}
}

func (c *collection) add(line int, e Exception) {
	if e.Source == "" {
		e.Source = c.source
	}
	earlier, isThere := c.days[e.Day]
	switch {
	case !isThere:
		c.days[e.Day], c.lines[e.Day] = e, line
	case earlier.Counts != e.Counts:
		meaning := map[bool]string{false: "off", true: "work"}
		c.problems.addLine(c.file, line, "%s is %s here and %s on line %d, take one of them out", e.Day, meaning[e.Counts], meaning[earlier.Counts], c.lines[e.Day])
	}
}

// all are the days in their order.
func (c *collection) all() []Exception {
	days := make([]Exception, 0, len(c.days))
	for _, day := range slices.Sorted(maps.Keys(c.days)) {
		days = append(days, c.days[day])
	}
	return days
}

// columns are those of a CSV in their order where it has no head.
var columns = []string{"date", "kind", "name", "source"}

// csv reads date,kind[,name[,source]]. The head may be missing, and then the columns are in
// this order; a semicolon divides them where the first line has one. Empty lines and those
// that begin with # say nothing.
func (r *reader) csv(file, source string, text []byte) []Exception {
	c := r.collect(file, source)
	rows := csv.NewReader(bytes.NewReader(text))
	rows.FieldsPerRecord, rows.Comment, rows.TrimLeadingSpace = -1, '#', true
	if first, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n")); bytes.Contains(first, []byte(";")) {
		rows.Comma = ';'
	}
	at := map[string]int{"date": 0, "kind": 1, "name": 2, "source": 3}
	for isFirst := true; ; isFirst = false {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return c.all()
		}
		if err != nil {
			line, text := 0, err.Error()
			if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
				line, text = wrong.StartLine, wrong.Err.Error()
			}
			r.problems.addLine(file, line, "not CSV: %s; the file may be cut off", text)
			return nil
		}
		line, _ := rows.FieldPos(0)
		if isFirst && strings.EqualFold(strings.TrimSpace(row[0]), "date") || isFirst && !isDateLike(row[0]) {
			if at = r.head(file, line, row); at == nil {
				return nil
			}
			continue
		}
		e, err := dayOf(row, at)
		if err != nil {
			r.problems.addLine(file, line, "%v", err)
			continue
		}
		c.add(line, e)
	}
}

func isDateLike(text string) bool { return strings.ContainsAny(text, "0123456789") }

// head is where the columns are, nil where those that are needed are missing.
func (r *reader) head(file string, line int, row []string) map[string]int {
	at := map[string]int{}
	for i, name := range row {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, isTaken := at[name]; !isTaken && slices.Contains(columns, name) {
			at[name] = i
		}
	}
	for _, name := range columns[:2] {
		if _, ok := at[name]; !ok {
			r.problems.addLine(file, line, "there is no column %s; expected the head date,kind,name,source", name)
			return nil
		}
	}
	return at
}

func dayOf(row []string, at map[string]int) (Exception, error) {
	column := func(name string) string {
		if i, ok := at[name]; ok && i < len(row) {
			return strings.TrimSpace(plain.Text(row[i], 200))
		}
		return ""
	}
	if len(row) <= max(at["date"], at["kind"]) {
		return Exception{}, errors.New("the line has no kind, off or work; the file may be cut off")
	}
	day, err := transform.ParseDay(column("date"))
	if err != nil {
		return Exception{}, err
	}
	e := Exception{Day: day, Name: column("name"), Source: column("source")}
	switch kind := strings.ToLower(column("kind")); kind {
	case "off":
	case "work":
		e.Counts = true
	default:
		return Exception{}, fmt.Errorf("%.40q is not a kind of day, write off or work", kind)
	}
	return e, nil
}
