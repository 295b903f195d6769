// Package doctor looks at everything that a nightly run depends on and says what is wrong and
// what to do. It changes nothing, and what can't be asked keeps it from nothing else.
package doctor

import (
	"context"
	"time"

	"stagelag/bitrix24"
	"stagelag/calendar"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/warehouse"
)

// Severity is how bad a finding is.
type Severity string

// The severities, the worst last.
const (
	OK      Severity = "ok"
	Warning Severity = "warning" // runs go on, and something is less than it could be
	Problem Severity = "problem" // runs fail, or what is shown is not to be relied on
)

// A Finding is one thing that was looked at.
type Finding struct {
	// Check names what was looked at; the same names come in the same order.
	Check    string   `json:"check"`
	Severity Severity `json:"severity"`
	// Text is what is so, on one line.
	Text string `json:"text"`
	// ToDo is what to do about it; empty where nothing is.
	ToDo string `json:"to_do,omitempty"`
}

// A Report is all that was found.
type Report struct {
	Severity Severity  `json:"severity"` // the worst of the findings'
	Findings []Finding `json:"findings"`
}

// A Patient is what is looked at.
type Patient struct {
	Config config.Config
	// Warehouse is where the configuration says that it is.
	Warehouse warehouse.Config
	Client    *bitrix24.Client
	Now       func() time.Time
}

// patience bounds how long the portal, and the warehouse, are asked.
const patience = 2 * time.Minute

// Examine looks at everything.
func Examine(ctx context.Context, p Patient) Report {
	e := examination{Patient: p, furthest: transform.NoDay}
	for _, warning := range p.Config.Warnings {
		e.find("configuration", Warning, warning, "see the table of keys in docs/configuration.md")
	}
	if len(p.Config.Warnings) == 0 {
		e.find("configuration", OK, "can be read", "")
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	e.portal(limited)
	cancel()
	limited, cancel = context.WithTimeout(ctx, patience)
	e.warehouse(limited)
	cancel()
	e.ends()
	limited, cancel = context.WithTimeout(ctx, patience)
	e.letters(limited)
	cancel()
	e.schedule()
	report := Report{Severity: OK, Findings: e.findings}
	for _, f := range e.findings {
		if f.Severity == Problem || f.Severity == Warning && report.Severity == OK {
			report.Severity = f.Severity
		}
	}
	return report
}

// An examination collects findings.
type examination struct {
	Patient
	findings []Finding
	// description is the portal's; nil where it could not be asked.
	description *extractor.Description
	// calendars are those of the configuration; nil where they could not be read.
	calendars *calendar.Loaded
	// furthest is the last date that plans reach to, as far as it is known; NoDay where it is not.
	furthest transform.Day
}

func (e *examination) find(check string, severity Severity, text, toDo string) {
	e.findings = append(e.findings, Finding{Check: check, Severity: severity, Text: oneLine(text), ToDo: oneLine(toDo)})
}
