package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/plain"
	"stagelag/transform"
	"stagelag/views"
)

// JSONVersion is the version of the JSON form. Fields are added under the same version; one
// that goes or changes its meaning brings the next. docs/report.md tells each.
const JSONVersion = 1

type jsonReport struct {
	Version        int              `json:"version"`
	Run            jsonRun          `json:"run"`
	Period         jsonPeriod       `json:"period"`
	IsPeriodOver   bool             `json:"is_period_over"`
	Before         jsonPeriod       `json:"before"`
	By             By               `json:"by"`
	Funnels        []jsonNamed      `json:"funnels"`
	IsFiltered     bool             `json:"is_filtered"`
	Departments    []string         `json:"departments"`
	DaysAre        string           `json:"days_are"`
	Total          jsonRow          `json:"total"`
	DaysLostToDate int64            `json:"days_lost_to_date"`
	Levels         []jsonLevel      `json:"levels"`
	Trend          []jsonTrend      `json:"trend"`
	Visits         []jsonVisit      `json:"visits"`
	PlanChanges    []jsonPlanChange `json:"plan_changes"`
	OtherChanges   []jsonCauseCount `json:"other_plan_changes"`
	Gaps           []jsonGap        `json:"gaps"`
}

type jsonRun struct {
	RunID       loader.RunID `json:"run_id"`
	AsOf        string       `json:"as_of"`
	PublishedAt time.Time    `json:"published_at"`
}

type jsonPeriod struct {
	From string `json:"from"`
	To   string `json:"to"`
}

type jsonNamed struct {
	FunnelID   extractor.FunnelID `json:"funnel_id"`
	FunnelName string             `json:"funnel_name"`
}

type jsonLevel struct {
	By   By        `json:"by"`
	Rows []jsonRow `json:"rows"`
}

type jsonQuality struct {
	VisitsClosed         int64    `json:"visits_closed"`
	VisitsClosedWithPlan int64    `json:"visits_closed_with_plan"`
	VisitsOnTime         int64    `json:"visits_on_time"`
	VisitsLate           int64    `json:"visits_late"`
	OnTimeRate           *float64 `json:"on_time_rate"`
	PlanCoverage         *float64 `json:"plan_coverage"`
	IsFew                bool     `json:"is_few"`
	DaysLost             int64    `json:"days_lost"`

	VisitsClosedWithFirstPlan int64    `json:"visits_closed_with_first_plan"`
	VisitsOnTimeFirstPlan     int64    `json:"visits_on_time_first_plan"`
	OnTimeRateFirstPlan       *float64 `json:"on_time_rate_first_plan"`
	IsFewFirstPlan            bool     `json:"is_few_first_plan"`
}

type jsonRow struct {
	ManagerID  *extractor.ManagerID `json:"manager_id,omitempty"`
	FunnelID   *extractor.FunnelID  `json:"funnel_id,omitempty"`
	StageID    *extractor.StageID   `json:"stage_id,omitempty"`
	Name       string               `json:"name,omitempty"`
	FunnelName string               `json:"funnel_name,omitempty"`
	jsonQuality
	DaysLostBefore int64   `json:"days_lost_before"`
	DaysLostTrend  []int64 `json:"days_lost_trend"`
	VisitsOpen     int64   `json:"visits_open"`
	VisitsOverdue  int64   `json:"visits_overdue"`
	VisitsNoPlan   int64   `json:"visits_no_plan"`
	VisitsWaiting  int64   `json:"visits_waiting"`
	PlanChanges    int64   `json:"plan_changes"`
	DaysMoved      int64   `json:"days_moved"`
	DaysForgiven   int64   `json:"days_forgiven"`
}

type jsonTrend struct {
	jsonPeriod
	HasData bool `json:"has_data"`
	jsonQuality
}

type jsonVisit struct {
	DealID        extractor.DealID    `json:"deal_id"`
	DealTitle     string              `json:"deal_title"`
	DealURL       string              `json:"deal_url"`
	VisitNo       uint32              `json:"visit_no"`
	FunnelID      extractor.FunnelID  `json:"funnel_id"`
	FunnelName    string              `json:"funnel_name"`
	StageID       extractor.StageID   `json:"stage_id"`
	StageName     string              `json:"stage_name"`
	ManagerID     extractor.ManagerID `json:"manager_id"`
	ManagerName   string              `json:"manager_name"`
	EnteredDate   string              `json:"entered_date"`
	LeftDate      *string             `json:"left_date"`
	PlanDays      *int32              `json:"plan_days"`
	PlannedEnd    *string             `json:"planned_end"`
	Status        string              `json:"status"`
	OverdueDays   int64               `json:"overdue_days"`
	PausedDays    int64               `json:"paused_days"`
	DaysLost      int64               `json:"days_lost"`
	IsClosed      bool                `json:"is_closed"`
	IsOpenOverdue bool                `json:"is_open_overdue"`
}

type jsonPlanChange struct {
	DealID           extractor.DealID    `json:"deal_id"`
	DealTitle        string              `json:"deal_title"`
	DealURL          string              `json:"deal_url"`
	VisitNo          uint32              `json:"visit_no"`
	FunnelID         extractor.FunnelID  `json:"funnel_id"`
	FunnelName       string              `json:"funnel_name"`
	StageID          extractor.StageID   `json:"stage_id"`
	StageName        string              `json:"stage_name"`
	ManagerID        extractor.ManagerID `json:"manager_id"`
	ManagerName      string              `json:"manager_name"`
	KnownOn          string              `json:"known_on"`
	PlannedEndBefore *string             `json:"planned_end_before"`
	PlannedEnd       *string             `json:"planned_end"`
	DaysMoved        *int32              `json:"days_moved"`
	DaysForgiven     int64               `json:"days_forgiven"`
}

type jsonCauseCount struct {
	Cause string `json:"cause"`
	Count int64  `json:"count"`
}

type jsonGap struct {
	Reason   string        `json:"reason"`
	Count    int64         `json:"count"`
	Deals    int64         `json:"deals"`
	InPeriod int64         `json:"in_period"`
	Items    []jsonGapItem `json:"items"`
}

type jsonGapItem struct {
	DealID     extractor.DealID  `json:"deal_id"`
	DealTitle  string            `json:"deal_title"`
	DealURL    string            `json:"deal_url"`
	VisitNo    *uint32           `json:"visit_no"`
	StageID    extractor.StageID `json:"stage_id"`
	Detail     string            `json:"detail"`
	IsInPeriod bool              `json:"is_in_period"`
}

// WriteJSON writes the report for programs. It is the same in every language; texts from
// the portal are as the portal has them, with what a terminal would obey escaped.
func WriteJSON(out io.Writer, r *Report) error {
	j := jsonReport{
		Version: JSONVersion, Run: jsonRun{RunID: r.Run.ID, AsOf: r.Run.AsOf.String(), PublishedAt: r.Run.PublishedAt},
		Period: jsonSpan(r.Period), IsPeriodOver: r.IsPeriodOver, Before: jsonSpan(r.Before),
		By: r.Level().By, IsFiltered: r.IsFiltered, DaysAre: "calendar",
		Total: jsonRowOf("", &r.Total), DaysLostToDate: r.DaysLostToDate,
		// What is empty is a list too.
		Funnels: []jsonNamed{}, Departments: append([]string{}, r.Departments...), Visits: []jsonVisit{}, PlanChanges: []jsonPlanChange{}, OtherChanges: []jsonCauseCount{}, Gaps: []jsonGap{},
	}
	if r.CountsWorkingDays {
		j.DaysAre = "working"
	}
	for _, f := range r.Funnels {
		j.Funnels = append(j.Funnels, jsonNamed{FunnelID: f.ID, FunnelName: f.Name})
	}
	for _, level := range r.Levels {
		l := jsonLevel{By: level.By, Rows: []jsonRow{}}
		for i := range level.Rows {
			l.Rows = append(l.Rows, jsonRowOf(level.By, &level.Rows[i]))
		}
		j.Levels = append(j.Levels, l)
	}
	for _, t := range r.Trend {
		j.Trend = append(j.Trend, jsonTrend{jsonPeriod: jsonSpan(t.Period), HasData: t.HasData, jsonQuality: jsonQualityOf(t.Quality)})
	}
	for i := range r.PlanChanges {
		j.PlanChanges = append(j.PlanChanges, jsonPlanChangeOf(&r.PlanChanges[i]))
	}
	for _, other := range r.OtherPlanChanges {
		j.OtherChanges = append(j.OtherChanges, jsonCauseCount{Cause: other.Cause, Count: other.Count})
	}
	for _, gap := range r.Gaps {
		g := jsonGap{Reason: gap.Reason, Count: gap.Count, Deals: gap.Deals, InPeriod: gap.InPeriod}
		for _, item := range gap.Items {
			g.Items = append(g.Items, jsonGapItem{
				DealID: item.DealID, DealTitle: item.DealTitle, DealURL: item.DealURL, VisitNo: item.VisitNo,
				StageID: item.StageID, Detail: item.Detail, IsInPeriod: item.IsInPeriod,
			})
		}
		j.Gaps = append(j.Gaps, g)
	}
	content, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return fmt.Errorf("write the JSON: %w", err)
	}
	// The visits are many, so each is written by itself. Within a text a line never ends, so this is their place.
	const noVisits = "\n  \"visits\": []"
	before, after, _ := strings.Cut(string(content), noVisits)
	b := bufio.NewWriter(out)
	writeEscaped(b, before+strings.TrimSuffix(noVisits, "]"))
	for i := range r.Visits {
		visit, err := json.MarshalIndent(jsonVisitOf(&r.Visits[i]), "    ", "  ")
		if err != nil {
			return fmt.Errorf("write the JSON: %w", err)
		}
		if i > 0 {
			writeEscaped(b, ",")
		}
		writeEscaped(b, "\n    "+string(visit))
	}
	if len(r.Visits) > 0 {
		writeEscaped(b, "\n  ")
	}
	writeEscaped(b, "]"+after+"\n")
	return b.Flush()
}

// writeEscaped writes JSON with escapes for the characters that a terminal obeys. What is written around texts is plain.
func writeEscaped(b *bufio.Writer, text string) {
	for _, r := range text {
		if r != '\n' && plain.IsObeyed(r) {
			fmt.Fprintf(b, `\u%04x`, r)
			continue
		}
		_, _ = b.WriteRune(r) // Flush gives the error
	}
}

func jsonSpan(p Period) jsonPeriod {
	return jsonPeriod{From: p.From.String(), To: p.To.String()}
}

func jsonQualityOf(q Quality) jsonQuality {
	return jsonQuality{
		VisitsClosed: q.Closed, VisitsClosedWithPlan: q.ClosedWithPlan, VisitsOnTime: q.OnTime, VisitsLate: q.Late,
		OnTimeRate: orNil(q.Rate()), PlanCoverage: orNil(q.Coverage()), IsFew: q.IsFew(), DaysLost: q.DaysLost,
		VisitsClosedWithFirstPlan: q.ClosedWithFirstPlan, VisitsOnTimeFirstPlan: q.OnTimeFirstPlan,
		OnTimeRateFirstPlan: orNil(q.FirstPlanRate()), IsFewFirstPlan: q.IsFewFirstPlan(),
	}
}

func jsonRowOf(by By, row *Row) jsonRow {
	j := jsonRow{
		Name: row.Name, FunnelName: row.Funnel, jsonQuality: jsonQualityOf(row.Quality),
		DaysLostBefore: row.DaysLostBefore, DaysLostTrend: row.Trend,
		VisitsOpen: row.Open, VisitsOverdue: row.OpenOverdue, VisitsNoPlan: row.OpenNoPlan, VisitsWaiting: row.Waiting,
		PlanChanges: row.PlanChanges, DaysMoved: row.DaysMoved, DaysForgiven: row.DaysForgiven,
	}
	switch by {
	case ByManager:
		j.ManagerID = &row.Key.ManagerID
	case ByStage:
		j.FunnelID, j.StageID = &row.Key.FunnelID, &row.Key.StageID
	case ByFunnel:
		j.FunnelID = &row.Key.FunnelID
	}
	return j
}

func jsonVisitOf(v *Visit) jsonVisit {
	j := jsonVisit{
		DealID: v.DealID, DealTitle: v.DealTitle, DealURL: v.DealURL, VisitNo: v.VisitNo,
		FunnelID: v.FunnelID, FunnelName: v.Funnel, StageID: v.StageID, StageName: v.Stage, ManagerID: v.ManagerID, ManagerName: v.Manager,
		EnteredDate: v.Entered.String(), LeftDate: dateOrNil(v.Left), PlannedEnd: dateOrNil(v.Planned), Status: v.Status,
		OverdueDays: v.OverdueDays, PausedDays: v.PausedDays, DaysLost: v.DaysLost, IsClosed: v.IsClosed, IsOpenOverdue: v.IsOpenOverdue,
	}
	if v.Planned != transform.NoDay {
		j.PlanDays = &v.PlanDays
	}
	return j
}

func jsonPlanChangeOf(c *views.PlanChange) jsonPlanChange {
	return jsonPlanChange{
		DealID: c.DealID, DealTitle: c.DealTitle, DealURL: c.DealURL, VisitNo: c.VisitNo,
		FunnelID: c.FunnelID, FunnelName: c.Funnel, StageID: c.StageID, StageName: c.Stage, ManagerID: c.ManagerID, ManagerName: c.Manager,
		KnownOn: c.KnownOn.String(), PlannedEndBefore: dateOrNil(c.Before), PlannedEnd: dateOrNil(c.After),
		DaysMoved: c.DaysMoved, DaysForgiven: c.DaysForgiven,
	}
}

func orNil(share float64, ok bool) *float64 {
	if !ok {
		return nil
	}
	return &share
}

func dateOrNil(d transform.Day) *string {
	if d == transform.NoDay {
		return nil
	}
	text := d.String()
	return &text
}
