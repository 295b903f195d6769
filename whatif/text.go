package whatif

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"stagelag/locale"
	"stagelag/plain"
)

// WriteText writes the comparison for a person: the totals, and of each table the rows that differ, or all of them.
func (c *Comparison) WriteText(w io.Writer, all bool, l *locale.Printer) error {
	var b strings.Builder
	l.Fprintf(&b, "What if, as of %s (run %d); nothing is published\n\n", c.AsOf, c.RunID)
	if len(c.Other) == 0 {
		l.Fprintf(&b, "  The configuration is that of the last published run.\n")
	}
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, change := range c.Other {
		fmt.Fprintf(t, "  %s\t%s\t->  %s\n", plain.Text(change.Key, 60), plain.Text(l.Text(change.Published), 60), plain.Text(l.Text(change.WhatIf), 60))
	}
	t.Flush()
	fmt.Fprintf(&b, "\n%18s", "")
	fmt.Fprintf(&b, "%14s%14s%10s\n", l.Text("published"), l.Text("what if"), l.Text("change"))
	p, o := &c.Total.Published, &c.Total.WhatIf
	line := func(name string, before, now int64) {
		fmt.Fprintf(&b, "  %-18s%12d%14d%10s\n", l.Text(name), before, now, signed(now-before))
	}
	line("visits closed", p.Closed, o.Closed)
	line("  with a plan", p.ClosedWithPlan, o.ClosedWithPlan)
	line("  on time", p.OnTime, o.OnTime)
	fmt.Fprintf(&b, "  %-18s%12s%14s\n", l.Text("  on-time rate"), p.rate(l), o.rate(l))
	line("days lost", p.OverdueDays, o.OverdueDays)
	line("open deals", p.Open, o.Open)
	line("  overdue now", p.Overdue, o.Overdue)
	line("  without a plan", p.NoPlan, o.NoPlan)

	var rows []row
	for i := range c.Stages {
		r := &c.Stages[i]
		rows = append(rows, row{[]string{plain.Text(r.FunnelName, 20), plain.Text(r.StageName, 28)}, &r.Both})
	}
	writeRows(&b, "By stage", []string{"funnel", "stage"}, rows, all, l)
	rows = nil
	for i := range c.Funnels {
		rows = append(rows, row{[]string{plain.Text(c.Funnels[i].FunnelName, 32)}, &c.Funnels[i].Both})
	}
	writeRows(&b, "By funnel", []string{"funnel"}, rows, all, l)
	rows = nil
	namesakes := map[string]int{}
	for i := range c.Managers {
		namesakes[plain.Look(c.Managers[i].ManagerName)]++
	}
	for i := range c.Managers {
		r := &c.Managers[i]
		name := plain.Text(r.ManagerName, 32)
		if namesakes[plain.Look(r.ManagerName)] > 1 {
			name += fmt.Sprintf(" (#%d)", r.ManagerID)
		}
		rows = append(rows, row{[]string{name}, &r.Both})
	}
	writeRows(&b, "By manager", []string{"manager"}, rows, all, l)
	for _, note := range c.Notes {
		l.Fprintf(&b, "\nNote: %s\n", l.Text(note))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// mostRows is how many rows of a table are shown unless all are.
const mostRows = 25

// A row is a line of a table.
type row struct {
	names []string
	*Both
}

// writeRows writes a table. Where a number is the same in both, it stands there once.
func writeRows(b *strings.Builder, title string, heads []string, rows []row, all bool, l *locale.Printer) {
	same, more := 0, 0
	lines := [][]string{append(append([]string{}, heads...), "closed with a plan", "on time", "days lost", "", "overdue now")}
	for _, r := range rows {
		if !all && !r.Differs() {
			same++
			continue
		}
		if !all && len(lines) > mostRows {
			more++
			continue
		}
		p, o := &r.Published, &r.WhatIf
		change := ""
		if d := o.OverdueDays - p.OverdueDays; d != 0 {
			change = signed(d)
		}
		lines = append(lines, append(append([]string{}, r.names...),
			both(fmt.Sprint(p.ClosedWithPlan), fmt.Sprint(o.ClosedWithPlan)), both(p.rate(l), o.rate(l)),
			both(fmt.Sprint(p.OverdueDays), fmt.Sprint(o.OverdueDays)), change, both(fmt.Sprint(p.Overdue), fmt.Sprint(o.Overdue))))
	}
	for i, head := range lines[0] {
		lines[0][i] = l.Text(head)
	}
	fmt.Fprintf(b, "\n%s\n\n", l.Text(title))
	if len(lines) > 1 {
		t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
		for _, line := range lines {
			fmt.Fprintf(t, "  %s\n", strings.Join(line, "\t"))
		}
		t.Flush()
	}
	if more > 0 {
		l.Fprintf(b, "  and %d more that differ (--all shows them)\n", more)
	}
	switch {
	case len(lines) == 1 && same > 0:
		l.Fprintf(b, "  no row differs (--all shows all %d)\n", same)
	case len(lines) == 1:
		l.Fprintf(b, "  nothing\n")
	case same == 1:
		l.Fprintf(b, "  and 1 with the same numbers (--all shows it)\n")
	case same > 1:
		l.Fprintf(b, "  and %d with the same numbers (--all shows them)\n", same)
	}
}

func both(before, now string) string {
	if before == now {
		return before
	}
	return before + " -> " + now
}

func signed(n int64) string {
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%+d", n)
}

// rate is the on-time rate.
func (n *Numbers) rate(l *locale.Printer) string {
	if n.ClosedWithPlan == 0 {
		return "-"
	}
	return l.Sprintf("%.1f %%", 100*float64(n.OnTime)/float64(n.ClosedWithPlan))
}
