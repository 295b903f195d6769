package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"stagelag/forecast"
	"stagelag/locale"
	"stagelag/warehouse"
)

// forecastsOfTheDemo checks the forecasts of the demo's history. What is counted is counted again from the facts.
func forecastsOfTheDemo(t *testing.T, folder string, w *warehouse.Warehouse) {
	t.Helper()
	of := func(args ...string) (stdout, stderr string, code int) {
		return call(t, folder, "", append([]string{"forecast", "--check", "--config", "data/demo/stagelag.yaml"}, args...)...)
	}
	stdout, stderr, code := of("--json")
	type score struct {
		Forecasts int64
		Late      struct {
			Bins []struct{ Forecasts int64 }
		}
		LikelyEnds int64    `json:"likely_ends"`
		Reached    *float64 `json:"likely_ends_reached"`
		Median     *float64 `json:"median_error_days"`
		Mean       *float64 `json:"mean_error_days"`
		NaiveMean  *float64 `json:"naive_mean_error_days"`
	}
	var check struct {
		From, To, AsOf string
		Total          score
		Stages         []score
	}
	err := json.Unmarshal([]byte(stdout), &check)
	period := fmt.Sprintf("day BETWEEN '%s' AND '%s'", check.From, check.To)
	open := told(t, w, "SELECT count() FROM deal_stage_days WHERE day > entered_date AND "+period+
		" AND (funnel_id, stage_id) IN (SELECT funnel_id, stage_id FROM deal_stages WHERE stage_semantics = 'process')")
	if err != nil || code != 0 || fmt.Sprintln(check.Total.Forecasts) != open || open == "0\n" {
		t.Errorf("forecast --json: exit code %d, %v, %s: %d forecasts, want the %s visits and dates of the period", code, err, stderr, check.Total.Forecasts, open)
	}
	late, ofStages := int64(0), int64(0)
	for _, bin := range check.Total.Late.Bins {
		late += bin.Forecasts
	}
	for _, stage := range check.Stages {
		ofStages += stage.Forecasts
	}
	if late == 0 || check.Total.LikelyEnds == 0 || check.Total.Reached == nil || ofStages != check.Total.Forecasts {
		t.Errorf("forecast --json has %d probabilities, %d likely ends, and %d forecasts by stage of %d", late, check.Total.LikelyEnds, ofStages, check.Total.Forecasts)
	}
	if s := check.Total; s.Median == nil || s.Mean == nil || s.NaiveMean == nil || *s.Mean == 0 || *s.NaiveMean == 0 {
		t.Errorf("forecast --json lacks an error of the expected ends: %s", stdout)
	}
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"text", nil, 0, "Forecasts of every open visit on each date from " + check.From + " to " + check.To + ", compared with what came"},
		{"one date", []string{"--from", check.To}, 0, "from " + check.To + " to " + check.To},
		{"a date before all", []string{"--to", "2001-01-01"}, 0, "\nall    0 "},
		{"a date to come", []string{"--to", "2140-01-01"}, 2, "stagelag: forecast: --to 2140-01-01 is after "},
		{"a first date to come", []string{"--from", "2140-01-01"}, 2, "stagelag: forecast: --from 2140-01-01 is after "},
	} {
		if stdout, stderr, code := of(test.args...); code != test.code || !strings.Contains(stdout+stderr, test.want) {
			t.Errorf("%s: forecast %v: exit code %d, %s%s, want %d and %q", test.name, test.args, code, stdout, stderr, test.code, test.want)
		}
	}
}

// TestForecastsThatAreNoBetter: the check says in words which of the two errors is no better than the naive one.
func TestForecastsThatAreNoBetter(t *testing.T) {
	const median, mean = "\nBy the median error in all, the expected ends are no better", "\nBy the mean error in all, the expected ends are no better"
	for _, test := range []struct {
		name             string
		off, naive       forecast.Errors // forecasts by days off
		isMedian, isMean bool            // the lines that are there
	}{
		{"both equal", forecast.Errors{1, 1, 1}, forecast.Errors{1, 1, 1}, true, true},
		{"a smaller mean", forecast.Errors{1, 1, 1}, forecast.Errors{1, 1, 0, 1}, true, false},
		{"a smaller median", forecast.Errors{2, 0, 0, 1}, forecast.Errors{0, 3}, false, true},
		{"both smaller", forecast.Errors{2, 1}, forecast.Errors{0, 0, 3}, false, false},
		{"no forecasts", nil, nil, false, false},
	} {
		var b bytes.Buffer
		check := &forecastCheck{total: forecast.Score{Errors: test.off, NaiveErrors: test.naive}}
		if err := check.writeText(&b, locale.For(locale.English)); err != nil {
			t.Fatal(err)
		}
		if isMedian, isMean := strings.Contains(b.String(), median), strings.Contains(b.String(), mean); isMedian != test.isMedian || isMean != test.isMean {
			t.Errorf("%s: the line of the median error is there: %v, that of the mean error: %v, want %v and %v:\n%s", test.name, isMedian, isMean, test.isMedian, test.isMean, b.String())
		}
	}
}
