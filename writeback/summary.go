package writeback

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"stagelag/locale"
	"stagelag/plain"
)

// maxReason is how many characters of a reason a person gets to see.
const maxReason = 300

// Write writes the summary for a person.
func (s Summary) Write(out io.Writer, p *locale.Printer) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	p.Fprintf(&b, "Write-back of run %d\n\n", s.RunID)
	line := func(name string, n int) { fmt.Fprintf(t, "  %s\t%d\n", p.Text(name), n) }
	if s.IsDry {
		line("would write", s.Planned)
	} else {
		line("written", s.Written)
	}
	line("unchanged", s.Unchanged)
	refused := 0
	for _, refusal := range s.Refused {
		refused += refusal.Count
	}
	line("refused", refused)
	if s.Left > 0 {
		line("left for the next time", s.Left)
	}
	_ = t.Flush() // into memory
	for _, refusal := range s.Refused {
		p.Fprintf(&b, "\n  %d refused, such as deal %d: %s", refusal.Count, refusal.Deal, plain.Text(p.Text(refusal.Reason), maxReason))
	}
	if len(s.Refused) > 0 {
		b.WriteByte('\n')
	}
	p.Fprintf(&b, "\n%s to the portal, %s in all, of which %s waiting for its limits\n",
		p.Count(int64(s.Requests), "%d request", "%d requests"), short(p, s.Took), short(p, s.Waited))
	if s.Place != "" {
		p.Fprintf(&b, "Warehouse: %s\n", plain.Text(s.Place, 0))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func short(p *locale.Printer, d time.Duration) string {
	if d >= time.Minute {
		return p.Text(plain.Duration(d))
	}
	return p.Sprintf("%.1f s", d.Seconds())
}
