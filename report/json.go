package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/shopspring/decimal"

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
	Version        int                   `json:"version"`
	Run            jsonRun               `json:"run"`
	Period         jsonPeriod            `json:"period"`
	IsPeriodOver   bool                  `json:"is_period_over"`
	Before         jsonPeriod            `json:"before"`
	By             By                    `json:"by"`
	ByDimension    *string               `json:"by_dimension"`
	Funnels        []jsonNamed           `json:"funnels"`
	IsFiltered     bool                  `json:"is_filtered"`
	Departments    []string              `json:"departments"`
	Managers       []extractor.ManagerID `json:"managers"`
	Companies      []extractor.CompanyID `json:"companies"`
	Dimensions     []jsonDimension       `json:"dimensions"`
	DaysAre        string                `json:"days_are"`
	KnownFrom      *string               `json:"managers_known_from"`
	Findings       []jsonFinding         `json:"findings"`
	Total          jsonRow               `json:"total"`
	DaysLostToDate int64                 `json:"days_lost_to_date"`
	Amounts        []jsonAmount          `json:"amounts"`
	Levels         []jsonLevel           `json:"levels"`
	Cells          []jsonCell            `json:"managers_by_stage"`
	StageTimes     []jsonStageTime       `json:"stage_times"`
	Ahead          jsonAhead             `json:"ahead"`
	Trend          []jsonTrend           `json:"trend"`
	Visits         []jsonVisit           `json:"visits"`
	PlanChanges    []jsonPlanChange      `json:"plan_changes"`
	OtherChanges   []jsonCauseCount      `json:"other_plan_changes"`
	Gaps           []jsonGap             `json:"gaps"`
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

type jsonDimension struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type jsonFinding struct {
	Kind   FindingKind `json:"kind"`
	TextEN string      `json:"text_en"`
	TextRU string      `json:"text_ru"`
}

type jsonAmount struct {
	Currency      string      `json:"currency"`
	DealsOpen     int64       `json:"deals_open"`
	AmountOpen    json.Number `json:"amount_open"`
	DealsOverdue  int64       `json:"deals_overdue"`
	AmountOverdue json.Number `json:"amount_overdue"`
	NoAmount      int64       `json:"deals_overdue_no_amount"`
}

type jsonLevel struct {
	By            By        `json:"by"`
	IsOverlapping bool      `json:"is_overlapping"`
	Rows          []jsonRow `json:"rows"`
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

	VisitsClosedAssumed int64    `json:"visits_closed_assumed"`
	DaysLostAssumed     int64    `json:"days_lost_assumed"`
	AssumedShare        *float64 `json:"assumed_share"`
}

// jsonAtEnd is null in each field while the end is to come.
type jsonAtEnd struct {
	VisitsOpen    *int64 `json:"visits_open_at_end"`
	VisitsOverdue *int64 `json:"visits_overdue_at_end"`
	VisitsNoPlan  *int64 `json:"visits_no_plan_at_end"`
	VisitsWaiting *int64 `json:"visits_waiting_at_end"`
}

type jsonRow struct {
	ManagerID  *extractor.ManagerID `json:"manager_id,omitempty"`
	FunnelID   *extractor.FunnelID  `json:"funnel_id,omitempty"`
	StageID    *extractor.StageID   `json:"stage_id,omitempty"`
	CompanyID  *extractor.CompanyID `json:"company_id,omitempty"`
	Name       string               `json:"name,omitempty"`
	FunnelName string               `json:"funnel_name,omitempty"`
	jsonQuality
	DaysLostBefore *int64   `json:"days_lost_before"`
	DaysLostTrend  []*int64 `json:"days_lost_trend"`
	VisitsOpen     int64    `json:"visits_open"`
	VisitsOverdue  int64    `json:"visits_overdue"`
	VisitsNoPlan   int64    `json:"visits_no_plan"`
	VisitsWaiting  int64    `json:"visits_waiting"`
	jsonAtEnd
	PlanChanges  int64 `json:"plan_changes"`
	DaysMoved    int64 `json:"days_moved"`
	DaysForgiven int64 `json:"days_forgiven"`
}

type jsonTrend struct {
	jsonPeriod
	HasData   bool `json:"has_data"`
	IsAssumed bool `json:"is_assumed"`
	jsonQuality
	jsonAtEnd
}

// jsonStage is a stage of a funnel, wherever one stands.
type jsonStage struct {
	FunnelID   extractor.FunnelID `json:"funnel_id"`
	FunnelName string             `json:"funnel_name"`
	StageID    extractor.StageID  `json:"stage_id"`
	StageName  string             `json:"stage_name"`
}

type jsonCell struct {
	ManagerID   extractor.ManagerID `json:"manager_id"`
	ManagerName string              `json:"manager_name"`
	jsonStage
	jsonQuality
}

type jsonStageTime struct {
	jsonStage
	VisitsClosed   int64  `json:"visits_closed"`
	WithPlan       int64  `json:"visits_closed_with_plan"`
	MedianDays     int64  `json:"median_days"`
	P85Days        int64  `json:"p85_days"`
	MedianPlanDays *int64 `json:"median_plan_days"`
	IsOverPlan     bool   `json:"is_p85_over_plan"`
	IsFew          bool   `json:"is_few"`
	MedianElapsed  int64  `json:"median_elapsed_days"`
	P85Elapsed     int64  `json:"p85_elapsed_days"`
}

type jsonAhead struct {
	Horizons []jsonHorizon    `json:"horizons"`
	Deals    []jsonLikelyDeal `json:"deals"`
	Record   jsonRecord       `json:"record"`
}

type jsonHorizon struct {
	Days       int     `json:"days"`
	Coming     int64   `json:"deals"`
	LikelyLate int64   `json:"deals_likely_late"`
	Unknown    int64   `json:"deals_unknown"`
	Expected   float64 `json:"deals_expected_late"`
}

type jsonLikelyDeal struct {
	DealID    extractor.DealID `json:"deal_id"`
	DealTitle string           `json:"deal_title"`
	DealURL   string           `json:"deal_url"`
	jsonStage
	ManagerID       extractor.ManagerID `json:"manager_id"`
	ManagerName     string              `json:"manager_name"`
	PlannedEnd      string              `json:"planned_end"`
	LateProbability float64             `json:"late_probability"`
	ExpectedEnd     *string             `json:"expected_end"`
	LikelyEnd       *string             `json:"likely_end"`
	Amount          *json.Number        `json:"amount"`
	Currency        string              `json:"currency"`
}

type jsonRecord struct {
	Forecasts int64     `json:"forecasts"`
	IsBetter  *bool     `json:"is_better"`
	MedianOff *int64    `json:"median_days_off"`
	NaiveOff  *int64    `json:"median_days_off_naive"`
	Bins      []jsonBin `json:"bins"`
}

type jsonBin struct {
	From      float64 `json:"from"`
	Forecasts int64   `json:"forecasts"`
	Foreseen  float64 `json:"foreseen"`
	CameLate  float64 `json:"came_late"`
}

// jsonStay is the visit that something is about, and whom it counts for.
type jsonStay struct {
	DealID    extractor.DealID `json:"deal_id"`
	DealTitle string           `json:"deal_title"`
	DealURL   string           `json:"deal_url"`
	VisitNo   uint32           `json:"visit_no"`
	jsonStage
	ManagerID   extractor.ManagerID `json:"manager_id"`
	ManagerName string              `json:"manager_name"`
	Department  *string             `json:"department"`
}

type jsonVisit struct {
	jsonStay
	EnteredDate   string  `json:"entered_date"`
	LeftDate      *string `json:"left_date"`
	PlanDays      *int32  `json:"plan_days"`
	PlannedEnd    *string `json:"planned_end"`
	Status        string  `json:"status"`
	ElapsedDays   int64   `json:"elapsed_days"`
	CountingDays  int64   `json:"counting_days"`
	OverdueDays   int64   `json:"overdue_days"`
	PausedDays    int64   `json:"paused_days"`
	DaysLost      int64   `json:"days_lost"`
	IsClosed      bool    `json:"is_closed"`
	IsOpenOverdue bool    `json:"is_open_overdue"`
}

type jsonPlanChange struct {
	jsonStay
	KnownOn          string  `json:"known_on"`
	PlannedEndBefore *string `json:"planned_end_before"`
	PlannedEnd       *string `json:"planned_end"`
	DaysMoved        *int32  `json:"days_moved"`
	DaysForgiven     int64   `json:"days_forgiven"`
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
		By: r.Level().By, IsFiltered: r.IsFiltered, DaysAre: "calendar", KnownFrom: dateOrNil(r.ManagersKnownFrom),
		Total: jsonRowOf(r, "", &r.Total), DaysLostToDate: r.DaysLostToDate, Ahead: jsonAheadOf(&r.Ahead),
		// What is empty is a list too.
		Funnels: []jsonNamed{}, Departments: append([]string{}, r.Choice.Departments...), Managers: append([]extractor.ManagerID{}, r.Choice.Managers...),
		Companies: append([]extractor.CompanyID{}, r.Choice.Companies...), Dimensions: []jsonDimension{}, Findings: []jsonFinding{}, Amounts: []jsonAmount{},
		Cells: []jsonCell{}, StageTimes: []jsonStageTime{}, Visits: []jsonVisit{}, PlanChanges: []jsonPlanChange{}, OtherChanges: []jsonCauseCount{}, Gaps: []jsonGap{},
	}
	if r.CountsWorkingDays {
		j.DaysAre = "working"
	}
	if r.Dimension != "" {
		j.ByDimension = &r.Dimension
	}
	for _, d := range r.Choice.Dimensions {
		j.Dimensions = append(j.Dimensions, jsonDimension(d))
	}
	en, ru := voiceOf(r, English), voiceOf(r, Russian)
	for _, f := range r.Findings() {
		j.Findings = append(j.Findings, jsonFinding{Kind: f.Kind, TextEN: en.finding(r, &f), TextRU: ru.finding(r, &f)})
	}
	for _, a := range r.Amounts {
		j.Amounts = append(j.Amounts, jsonAmount{
			Currency: a.Currency, DealsOpen: a.Open, AmountOpen: jsonMoney(a.OpenAmount),
			DealsOverdue: a.Overdue, AmountOverdue: jsonMoney(a.OverdueAmount), NoAmount: a.NoAmount,
		})
	}
	for _, f := range r.Funnels {
		j.Funnels = append(j.Funnels, jsonNamed{FunnelID: f.ID, FunnelName: f.Name})
	}
	for _, level := range r.Levels {
		l := jsonLevel{By: level.By, IsOverlapping: level.IsOverlapping, Rows: []jsonRow{}}
		for i := range level.Rows {
			l.Rows = append(l.Rows, jsonRowOf(r, level.By, &level.Rows[i]))
		}
		j.Levels = append(j.Levels, l)
	}
	for i := range r.Cells {
		c := &r.Cells[i]
		j.Cells = append(j.Cells, jsonCell{
			ManagerID: c.ManagerID, ManagerName: c.Manager, jsonStage: jsonStage{c.FunnelID, c.Funnel, c.StageID, c.Stage},
			jsonQuality: jsonQualityOf(c.Quality),
		})
	}
	for i := range r.StageTimes {
		j.StageTimes = append(j.StageTimes, jsonStageTimeOf(&r.StageTimes[i]))
	}
	for _, t := range r.Trend {
		j.Trend = append(j.Trend, jsonTrend{
			jsonPeriod: jsonSpan(t.Period), HasData: t.HasData, IsAssumed: t.IsAssumed, jsonQuality: jsonQualityOf(t.Quality),
			jsonAtEnd: jsonAtEndOf(&t.AtEnd, t.HasData && t.Period.To <= r.Run.AsOf),
		})
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
		VisitsClosedAssumed: q.ClosedAssumed, DaysLostAssumed: q.DaysLostAssumed, AssumedShare: orNil(q.Assumed()),
	}
}

func jsonAtEndOf(s *State, isKnown bool) jsonAtEnd {
	if !isKnown {
		return jsonAtEnd{}
	}
	return jsonAtEnd{VisitsOpen: &s.Open, VisitsOverdue: &s.Overdue, VisitsNoPlan: &s.NoPlan, VisitsWaiting: &s.Waiting}
}

func jsonStageTimeOf(t *StageTime) jsonStageTime {
	j := jsonStageTime{
		jsonStage: jsonStage{t.FunnelID, t.Funnel, t.StageID, t.Stage}, VisitsClosed: t.Closed, WithPlan: t.WithPlan,
		MedianDays: t.Median, P85Days: t.P85, IsOverPlan: t.IsOver(), IsFew: t.IsFew(), MedianElapsed: t.MedianElapsed, P85Elapsed: t.P85Elapsed,
	}
	if t.WithPlan > 0 {
		j.MedianPlanDays = &t.MedianPlan
	}
	return j
}

func jsonAheadOf(a *Ahead) jsonAhead {
	j := jsonAhead{Horizons: []jsonHorizon{}, Deals: []jsonLikelyDeal{}, Record: jsonRecord{Forecasts: a.Record.Forecasts, Bins: []jsonBin{}}}
	for _, h := range a.Horizons {
		j.Horizons = append(j.Horizons, jsonHorizon(h))
	}
	for i := range a.Deals {
		d := &a.Deals[i]
		deal := jsonLikelyDeal{
			DealID: d.DealID, DealTitle: d.DealTitle, DealURL: d.DealURL, jsonStage: jsonStage{d.FunnelID, d.Funnel, d.StageID, d.Stage},
			ManagerID: d.ManagerID, ManagerName: d.Manager, PlannedEnd: d.Planned.String(), LateProbability: d.LateProbability,
			ExpectedEnd: dateOrNil(d.Expected), LikelyEnd: dateOrNil(d.Likely), Currency: d.Currency,
		}
		if d.Amount != nil {
			deal.Amount = new(jsonMoney(*d.Amount))
		}
		j.Deals = append(j.Deals, deal)
	}
	if a.Record.Forecasts > 0 {
		j.Record.MedianOff, j.Record.NaiveOff = &a.Record.Off, &a.Record.NaiveOff
	}
	if a.IsJudged() {
		j.Record.IsBetter = new(a.IsBetter())
	}
	for _, b := range a.Record.Bins {
		j.Record.Bins = append(j.Record.Bins, jsonBin(b))
	}
	return j
}

func jsonMoney(amount decimal.Decimal) json.Number { return json.Number(amount.StringFixed(2)) }

// jsonRowOf is a row of a level, or the total without one. Where people can't be compared, it has no numbers of other
// periods.
func jsonRowOf(r *Report, by By, row *Row) jsonRow {
	isOfPeople := by.isOfPeople() || r.Choice.IsOfPeople()
	j := jsonRow{
		Name: row.Name, FunnelName: row.Funnel, jsonQuality: jsonQualityOf(row.Quality), DaysLostTrend: make([]*int64, len(row.Trend)),
		VisitsOpen: row.Now.Open, VisitsOverdue: row.Now.Overdue, VisitsNoPlan: row.Now.NoPlan, VisitsWaiting: row.Now.Waiting,
		jsonAtEnd: jsonAtEndOf(&row.AtEnd, r.isEndKnown()), PlanChanges: row.PlanChanges, DaysMoved: row.DaysMoved, DaysForgiven: row.DaysForgiven,
	}
	if r.isComparable(isOfPeople) {
		j.DaysLostBefore = &row.DaysLostBefore
	}
	for i := range row.Trend {
		if r.isShown(i, isOfPeople) {
			j.DaysLostTrend[i] = &row.Trend[i]
		}
	}
	switch by {
	case ByManager:
		j.ManagerID = &row.Key.ManagerID
	case ByStage:
		j.FunnelID, j.StageID = &row.Key.FunnelID, &row.Key.StageID
	case ByFunnel:
		j.FunnelID = &row.Key.FunnelID
	case ByCompany:
		j.CompanyID = &row.Key.CompanyID
	case ByDepartment, ByDimension:
	}
	return j
}

func jsonStayOf(id views.VisitID, s *views.Subject, department, title, url string) jsonStay {
	j := jsonStay{
		DealID: id.DealID, DealTitle: title, DealURL: url, VisitNo: id.VisitNo,
		jsonStage: jsonStage{s.FunnelID, s.Funnel, s.StageID, s.Stage}, ManagerID: s.ManagerID, ManagerName: s.Manager,
	}
	if department != "" {
		j.Department = &department
	}
	return j
}

func jsonVisitOf(v *Visit) jsonVisit {
	j := jsonVisit{
		jsonStay:    jsonStayOf(v.VisitID, &v.Subject, v.Department, v.DealTitle, v.DealURL),
		EnteredDate: v.Entered.String(), LeftDate: dateOrNil(v.Left), PlannedEnd: dateOrNil(v.Planned), Status: v.Status,
		ElapsedDays: v.Elapsed, CountingDays: v.Spent,
		OverdueDays: v.OverdueDays, PausedDays: v.PausedDays, DaysLost: v.DaysLost, IsClosed: v.IsClosed, IsOpenOverdue: v.IsOpenOverdue,
	}
	if v.HasPlan() {
		j.PlanDays = &v.PlanDays
	}
	return j
}

func jsonPlanChangeOf(c *views.PlanChange) jsonPlanChange {
	return jsonPlanChange{
		jsonStay: jsonStayOf(c.VisitID, &c.Subject, c.Department, c.DealTitle, c.DealURL),
		KnownOn:  c.KnownOn.String(), PlannedEndBefore: dateOrNil(c.Before), PlannedEnd: dateOrNil(c.After),
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
