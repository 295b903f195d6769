package letter

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"stagelag/plain"
)

// outcomeWords are what the outcomes are to a person.
var outcomeWords = map[Outcome]string{
	Sent: "sent", Failed: "not delivered", Uncertain: "uncertain, counts as sent", Left: "not tried", Planned: "would be sent",
	Before: "was sent before", Unsure: "uncertain before, counts as sent",
	NothingDue: "nothing overdue or due", Dismissed: "dismissed, gets no letter", Unknown: "not shown by the portal, gets no letter",
}

// WriteTo writes the summary for a person; of a dry run with the letters themselves.
func (s *Summary) WriteTo(out io.Writer) (int64, error) {
	var b strings.Builder
	if s.IsDry {
		s.writeTexts(&b)
	}
	fmt.Fprintf(&b, "Letters of run %d, as of %s\n\n", s.RunID, s.AsOf)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i := range s.Letters {
		l := &s.Letters[i]
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", l.Kind, strings.TrimSpace(l.Recipient+" "+plain.Text(l.Name, longestName)), l.about(), l.became())
	}
	_ = t.Flush() // into memory
	if len(s.Letters) == 0 {
		b.WriteString("  nobody gets one\n")
	}
	if s.NothingDue > 0 {
		fmt.Fprintf(&b, "\n%s nothing overdue or due, and no letter.\n", count(s.NothingDue, "other manager has", "other managers have"))
	}
	n, err := io.WriteString(out, b.String())
	return int64(n), err
}

func (s *Summary) writeTexts(b *strings.Builder) {
	for i := range s.Letters {
		l := &s.Letters[i]
		if l.Text == "" {
			continue
		}
		fmt.Fprintf(b, "=== %s: %s\n", l.to(), outcomeWords[l.Outcome])
		if l.Subject != "" {
			fmt.Fprintf(b, "Subject: %s\nWith: %s, %d KB\n\n", l.Subject, l.Attachment, (l.Size+1023)/1024)
		}
		b.WriteString(strings.TrimSpace(l.Text) + "\n\n")
	}
}

// about is what the letter to a manager is about.
func (l *Letter) about() string {
	if l.Late+l.Due == 0 {
		return ""
	}
	return fmt.Sprintf("%d overdue, %d due today", l.Late, l.Due)
}

// became is what became of a letter.
func (l *Letter) became() string {
	text := outcomeWords[l.Outcome]
	if (l.Outcome == Before || l.Outcome == Unsure) && !l.At.IsZero() {
		text += ", " + l.At.UTC().Format(time.RFC3339)
	}
	if l.Error != "" {
		text += ": " + l.Error
	}
	return text
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
