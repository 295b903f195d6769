package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"stagelag/plain"
	"stagelag/transform"
)

// A Dialect is how CSV is written.
type Dialect string

// The dialects. RFC4180 has commas, ISO dates and points; ExcelRussian is what Excel with
// Russian settings opens by a double click: semicolons, commas in numbers, a byte order
// mark.
const (
	RFC4180      Dialect = "rfc4180"
	ExcelRussian Dialect = "excel-ru"
)

// Dialects are all dialects.
var Dialects = []Dialect{RFC4180, ExcelRussian}

// WriteCSV writes one table of the report. Sums are left to the reader: there is no line of
// totals.
func WriteCSV(out io.Writer, r *Report, l Language, which Table, dialect Dialect) error {
	v := voiceOf(r, l)
	t := v.table(r, which)
	w := csv.NewWriter(out)
	w.UseCRLF = true
	if dialect == ExcelRussian {
		w.Comma = ';'
		if _, err := io.WriteString(out, "\ufeff"); err != nil {
			return err
		}
	}
	header := make([]string, 0, len(t.columns))
	for _, c := range t.columns {
		header = append(header, noFormula(c.title))
	}
	lines := [][]string{header}
	for _, row := range t.rows {
		line := make([]string, 0, len(row))
		for _, cell := range row {
			line = append(line, dialect.cell(cell))
		}
		lines = append(lines, line)
	}
	return w.WriteAll(lines)
}

func (d Dialect) cell(cell any) string {
	switch c := cell.(type) {
	case nil:
		return ""
	case text:
		return noFormula(string(c))
	case link:
		return noFormula(string(c))
	case label:
		return string(c)
	case int64:
		return strconv.FormatInt(c, 10)
	case share:
		return d.number(strconv.FormatFloat(float64(c), 'f', 4, 64))
	case money:
		return d.number(decimal.Decimal(c).StringFixed(2))
	case transform.Day:
		if c != transform.NoDay && d == ExcelRussian {
			return c.Time().Format("02.01.2006")
		}
		return c.String()
	default:
		panic(fmt.Sprintf("report: a cell of the type %T", cell))
	}
}

// number is a number that is no whole one.
func (d Dialect) number(text string) string {
	if d == ExcelRussian {
		return strings.Replace(text, ".", ",", 1)
	}
	return text
}

// innerFormula is what begins a cell of its own in a program that divides a line elsewhere
// than it was written to be: after a comma, or after a semicolon where Windows is Russian.
var innerFormula = regexp.MustCompile("([;,][ \u00a0\u3000\"']*)([=+@＝＋－＠-])")

// noFormula is a text that no spreadsheet takes for a formula: an apostrophe stands before
// what would begin one, behind blanks too, and in the wide letters that some programs take
// for the narrow ones.
func noFormula(s string) string {
	shown := innerFormula.ReplaceAllString(plain.Text(s, 0), "$1'$2")
	begin, _ := utf8.DecodeRuneInString(strings.TrimLeft(shown, " \u00a0\u3000"))
	if strings.ContainsRune("=+-@＝＋－＠", begin) || s != "" && strings.ContainsRune("\t\r\n", rune(s[0])) {
		return "'" + shown
	}
	return shown
}
