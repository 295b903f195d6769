package letter

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"stagelag/locale"
	"stagelag/plain"
)

// outcomeWords are what the outcomes are to a person.
var outcomeWords = map[Outcome]string{
	Sent: "sent", Failed: "not delivered", Uncertain: "uncertain, counts as sent", Left: "not tried", Planned: "would be sent",
	Before: "was sent before", Unsure: "uncertain before, counts as sent",
	NothingDue: "nothing overdue or due", Dismissed: "dismissed, gets no letter", Unknown: "not shown by the portal, gets no letter",
}

// Write writes the summary for a person; of a dry run with the letters themselves, which keep their language.
func (s *Summary) Write(out io.Writer, p *locale.Printer) error {
	var b strings.Builder
	if s.IsDry {
		s.writeTexts(&b, p)
	}
	p.Fprintf(&b, "Letters of run %d, as of %s\n\n", s.RunID, s.AsOf)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i := range s.Letters {
		l := &s.Letters[i]
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", l.Kind, strings.TrimSpace(l.Recipient+" "+plain.Text(l.Name, longestName)), l.about(p), l.became(p))
	}
	_ = t.Flush() // into memory
	if len(s.Letters) == 0 {
		p.Fprintf(&b, "  nobody gets one\n")
	}
	if s.NothingDue > 0 {
		p.Fprintf(&b, "\n%s nothing overdue or due, and no letter.\n", p.Count(int64(s.NothingDue), "%d other manager has", "%d other managers have"))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (s *Summary) writeTexts(b *strings.Builder, p *locale.Printer) {
	for i := range s.Letters {
		l := &s.Letters[i]
		if l.Text == "" {
			continue
		}
		fmt.Fprintf(b, "=== %s: %s\n", p.Text(l.to()), p.Text(outcomeWords[l.Outcome]))
		if l.Subject != "" {
			p.Fprintf(b, "Subject: %s\nWith: %s, %d KB\n\n", l.Subject, l.Attachment, (l.Size+1023)/1024)
		}
		b.WriteString(strings.TrimSpace(l.Text) + "\n\n")
	}
}

// about is what the letter to a manager is about.
func (l *Letter) about(p *locale.Printer) string {
	if l.Late+l.Due == 0 {
		return ""
	}
	return p.Sprintf("%d overdue, %d due today", l.Late, l.Due)
}

// became is what became of a letter.
func (l *Letter) became(p *locale.Printer) string {
	text := p.Text(outcomeWords[l.Outcome])
	if (l.Outcome == Before || l.Outcome == Unsure) && !l.At.IsZero() {
		text += ", " + l.At.UTC().Format(time.RFC3339)
	}
	if l.Error != "" {
		text += ": " + p.Text(l.Error)
	}
	return text
}
