package whatif

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"stagelag/extractor"
	"stagelag/locale"
	"stagelag/plain"
	"stagelag/setup"
)

// WriteText writes the norms as a table for a person.
func (n *Norms) WriteText(w io.Writer, l *locale.Printer) error {
	var b strings.Builder
	share := percent(n.Share)
	l.Fprintf(&b, "How long the visits lasted that had ended by %s (run %d), in %s\n\n", n.AsOf, n.RunID, l.Text(n.unit()))
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	isMixed := n.isMixed()
	line := func(counted string, cells ...string) {
		if isMixed {
			cells = append(cells, counted)
		}
		fmt.Fprintf(t, "  %s\n", strings.Join(cells, "\t"))
	}
	head := []string{"funnel", "stage", "ended", "half within", l.Sprintf("%s within", share), "norm", "on time", "proposed", "on time"}
	for i, name := range head {
		head[i] = l.Text(name)
	}
	line(l.Text("counted in"), head...)
	for i := range n.Stages {
		s := &n.Stages[i]
		proposed := text(s.Proposed)
		if s.Proposed == nil {
			proposed = l.Text("too few")
		}
		line(l.Text(s.unit()), plain.Text(s.FunnelName, 20), plain.Text(s.StageName, 28), strconv.FormatInt(s.Ended, 10), text(s.Median), text(s.Days),
			text(s.Norm), rateText(l, s.NormRate), proposed, rateText(l, s.ProposedRate))
	}
	t.Flush()
	l.Fprintf(&b, `
A norm is proposed from %d visits on: the days within which %s of them ended. On time is the share of
these visits that a norm would have left in time, whatever plan their deals carried. What a norm
does to the numbers: stagelag what-if --norm STAGE=DAYS. For the configuration: stagelag norms --yaml.
`, n.Least, share)
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteYAML writes plan.norms for a configuration, with comments in the language of the printer.
func (n *Norms) WriteYAML(w io.Writer, l *locale.Printer) error {
	var b strings.Builder
	if n.HasProposal() {
		fmt.Fprintf(&b, "# %s\nplan:\n  norms:\n", l.Sprintf("Proposed by stagelag norms as of %s: within so many days %s of the visits ended, in %s.", n.AsOf, percent(n.Share), l.Text(n.unit())))
	} else {
		fmt.Fprintf(&b, "# %s\nplan:\n  norms: []\n", l.Sprintf("As of %s no norm is proposed: no stage has %d visits that have ended.", n.AsOf, n.Least))
	}
	seen := map[extractor.StageID]bool{}
	funnel := ""
	for i := range n.Stages {
		s := &n.Stages[i]
		if s.FunnelName != funnel || i == 0 {
			funnel = s.FunnelName
			fmt.Fprintf(&b, "    # %s\n", plain.Text(funnel, 100))
		}
		switch {
		case s.Proposed == nil:
			fmt.Fprintf(&b, "    # %s\n", plain.Text(l.Sprintf("%s, %s: %s, too few for a norm", s.StageID, s.StageName, visits(l, s.Ended)), 150))
		case seen[s.StageID]: // a norm is that of a stage id, in all funnels
			fmt.Fprintf(&b, "    # %s\n", setup.NormLine(s.StageID, *s.Proposed, s.Remark(l)))
		default:
			fmt.Fprintf(&b, "    %s\n", setup.NormLine(s.StageID, *s.Proposed, s.Remark(l)))
			seen[s.StageID] = true
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Remark says what a proposal comes from.
func (s *StageNorm) Remark(l *locale.Printer) string {
	remark := l.Sprintf("%s: %s, half within %d, on time %s", s.StageName, visits(l, s.Ended), *s.Median, rateText(l, s.ProposedRate))
	if s.Norm != nil {
		remark += " " + l.Sprintf("(with %d: %s)", *s.Norm, rateText(l, s.NormRate))
	}
	return remark
}

func visits(l *locale.Printer, n int64) string { return l.Count(n, "%d visit", "%d visits") }

// isMixed is whether the funnels count in different calendars.
func (n *Norms) isMixed() bool {
	for i := range n.Stages {
		if n.Stages[i].IsWorking != n.Stages[0].IsWorking {
			return true
		}
	}
	return false
}

// unit is what the days are counted in.
func (n *Norms) unit() string {
	switch {
	case n.isMixed():
		return "the counting days of each funnel's calendar"
	case len(n.Stages) > 0 && n.Stages[0].IsWorking:
		return "working days"
	default:
		return "calendar days"
	}
}

func (s *StageNorm) unit() string {
	if s.IsWorking {
		return "working days"
	}
	return "calendar days"
}

func text(days *int32) string {
	if days == nil {
		return "-"
	}
	return strconv.Itoa(int(*days))
}

func rateText(l *locale.Printer, rate *float64) string {
	if rate == nil {
		return "-"
	}
	return l.Sprintf("%.1f %%", 100**rate)
}

func percent(share float64) string {
	return strconv.FormatFloat(100*share, 'f', -1, 64) + " %"
}
