package writeback

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"stagelag/plain"
)

// maxReason is how many characters of a reason a person gets to see.
const maxReason = 300

// WriteTo writes the summary for a person.
func (s Summary) WriteTo(out io.Writer) (int64, error) {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(&b, "Write-back of run %d\n\n", s.RunID)
	if s.IsDry {
		fmt.Fprintf(t, "  would write\t%d\n", s.Planned)
	} else {
		fmt.Fprintf(t, "  written\t%d\n", s.Written)
	}
	fmt.Fprintf(t, "  unchanged\t%d\n", s.Unchanged)
	refused := 0
	for _, refusal := range s.Refused {
		refused += refusal.Count
	}
	fmt.Fprintf(t, "  refused\t%d\n", refused)
	if s.Left > 0 {
		fmt.Fprintf(t, "  left for the next time\t%d\n", s.Left)
	}
	_ = t.Flush() // into memory
	for _, refusal := range s.Refused {
		fmt.Fprintf(&b, "\n  %d refused, such as deal %d: %s", refusal.Count, refusal.Deal, plain.Text(refusal.Reason, maxReason))
	}
	if len(s.Refused) > 0 {
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "\n%d requests to the portal, %s in all, of which %s waiting\n", s.Requests, short(s.Took), short(s.Waited))
	n, err := io.WriteString(out, b.String())
	return int64(n), err
}

func short(d time.Duration) string {
	if d >= time.Minute {
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
