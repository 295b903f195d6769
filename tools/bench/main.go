// Bench reads the output of go test -bench from standard input, prints it as it comes, and
// writes it as JSON and as the tables of a page:
//
//	go test -bench . ./... | go run ./tools/bench docs/performance
//
// The tables go into docs/performance.md, between the lines <!-- measured --> and
// <!-- /measured -->; the JSON into docs/performance.json.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A report is all that was measured in one go.
type report struct {
	Date    string   `json:"date"`
	Machine string   `json:"machine"`
	Cores   int      `json:"cores"`
	Go      string   `json:"go"`
	Commit  string   `json:"commit"`
	Results []result `json:"results"`
}

// A result is one line of one benchmark.
type result struct {
	Package string             `json:"package"`
	Name    string             `json:"name"`
	Runs    int                `json:"runs"`
	Metrics map[string]float64 `json:"metrics"` // by unit
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "bench: give the page's path without its .md")
		os.Exit(2)
	}
	if err := run(os.Stdin, os.Args[1], time.Now()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, page string, now time.Time) error {
	measured, err := read(in, now)
	if err != nil {
		return err
	}
	document, err := os.ReadFile(page + ".md")
	if err != nil {
		return err
	}
	between := regexp.MustCompile(`(?s)(<!-- measured -->\n).*(<!-- /measured -->)`)
	if !between.Match(document) {
		return fmt.Errorf("%s.md has no place for the tables", page)
	}
	text, err := json.MarshalIndent(measured, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(page+".json", append(text, '\n'), 0o644); err != nil { //nolint:gosec // a public document
		return err
	}
	document = between.ReplaceAllFunc(document, func([]byte) []byte {
		return []byte("<!-- measured -->\n" + measured.tables() + "<!-- /measured -->")
	})
	return os.WriteFile(page+".md", document, 0o644) //nolint:gosec // a public document
}

// read copies what it reads to standard output. A benchmark that failed is an error.
func read(in io.Reader, now time.Time) (report, error) {
	all := report{Date: now.Format(time.DateOnly), Cores: runtime.NumCPU(), Go: runtime.Version(), Machine: runtime.GOOS + "/" + runtime.GOARCH}
	if commit, err := exec.CommandContext(context.Background(), "git", "rev-parse", "--short", "HEAD").Output(); err == nil {
		all.Commit = strings.TrimSpace(string(commit))
	}
	of, hasFailed := "", false
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		fmt.Println(line)
		switch {
		case strings.HasPrefix(line, "pkg: "):
			of = strings.TrimPrefix(line, "pkg: ")
		case strings.HasPrefix(line, "cpu: "):
			all.Machine = strings.TrimPrefix(line, "cpu: ") + ", " + runtime.GOOS + "/" + runtime.GOARCH
		case strings.HasPrefix(line, "FAIL"), strings.HasPrefix(line, "--- FAIL"):
			hasFailed = true
		default:
			if r, ok := parse(line); ok {
				r.Package = of
				all.Results = append(all.Results, r)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return report{}, err
	}
	if hasFailed || len(all.Results) == 0 {
		return report{}, fmt.Errorf("%d benchmarks were read and some failed: nothing is written", len(all.Results))
	}
	return all, nil
}

var suffix = regexp.MustCompile(`-\d+$`) // the number of processors

// parse reads a line as in "BenchmarkLoad-2  3  12.5 derived-s  1.2 ratio".
func parse(line string) (result, bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 || len(fields)%2 != 0 || !strings.HasPrefix(fields[0], "Benchmark") {
		return result{}, false
	}
	runs, err := strconv.Atoi(fields[1])
	if err != nil {
		return result{}, false
	}
	r := result{Name: suffix.ReplaceAllString(strings.TrimPrefix(fields[0], "Benchmark"), ""), Runs: runs, Metrics: map[string]float64{}}
	for i := 2; i < len(fields); i += 2 {
		if r.Metrics[fields[i+1]], err = strconv.ParseFloat(fields[i], 64); err != nil {
			return result{}, false
		}
	}
	return r, true
}

// tables has one table for each set of units that benchmarks of a package have in common, in the order
// of their first lines.
func (r report) tables() string {
	var heads []string
	rows := map[string]string{}
	for _, one := range r.Results {
		units := slices.Sorted(maps.Keys(one.Metrics))
		head := fmt.Sprintf("\n| %#q | runs | %s |\n|---|%s\n", strings.TrimPrefix(one.Package, "stagelag/"), strings.Join(units, " | "), strings.Repeat("---:|", len(units)+1))
		if rows[head] == "" {
			heads = append(heads, head)
		}
		rows[head] += fmt.Sprintf("| %s | %d |", strings.ReplaceAll(one.Name, "_", " "), one.Runs)
		for _, unit := range units {
			rows[head] += " " + short(one.Metrics[unit]) + " |"
		}
		rows[head] += "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nMeasured on %s, commit %s, on %d cores of %s, with %s.\n", r.Date, r.Commit, r.Cores, r.Machine, r.Go)
	for _, head := range heads {
		b.WriteString(head + rows[head])
	}
	return b.String() + "\n"
}

// short writes a number with three digits or all that are before the point.
func short(n float64) string {
	if n >= 100 {
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	return strconv.FormatFloat(n, 'g', 3, 64)
}
