package nightly_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"stagelag/bitrix24"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/simulator"
	"stagelag/warehouse/warehousetest"
)

// BenchmarkReading reads all deals and stage changes of a portal without limits and lands them, in turns with a client
// that only reads: it asks as the common ones do, for the number of rows and then for all pages at once, fifty of
// fifty rows to a request, decodes them, and keeps nothing. It gives the seconds of both, and what ours takes of
// theirs, then the seconds of a whole first pass, from an empty warehouse to the published run.
func BenchmarkReading(b *testing.B) {
	world, suggested := benchWorld(b)
	var ours, theirs, pass time.Duration
	rows := 0
	for b.Loop() {
		s := newSiteOn(b, warehousetest.Migrated(b), world, suggested, firstNight)
		begun := time.Now()
		rows = readAll(b, s.webhook, "crm.deal.list", "select[]=*&select[]=UF_*&order[ID]=ASC", "result") +
			readAll(b, s.webhook, "crm.stagehistory.list", "entityTypeId=2&order[ID]=ASC", "items")
		theirs += time.Since(begun)
		begun = time.Now()
		if read := s.extract(b); read != rows {
			b.Fatalf("%d rows were read, the other client reads %d", read, rows)
		}
		ours += time.Since(begun)
		s = newSiteOn(b, warehousetest.Migrated(b), world, suggested, firstNight)
		begun = time.Now()
		s.run(false)
		pass += time.Since(begun)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(rows), "rows")
	b.ReportMetric(ours.Seconds()/float64(b.N), "seconds")
	b.ReportMetric(theirs.Seconds()/float64(b.N), "other-client-s")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "ratio")
	b.ReportMetric(pass.Seconds()/float64(b.N), "pass-s")
}

// benchWorld is the world of the log that the variable names, or a generated one of its size.
func benchWorld(b *testing.B) (*simulator.World, simulator.Suggested) {
	name := os.Getenv(logVariable)
	if name == "" {
		world, suggested := simulator.Generate(simulator.GenerateOptions{Seed: 1, Deals: 25_000, Now: firstNight, HistoryDays: 1200})
		return world, suggested
	}
	file, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	world, err := simulator.ReadVisits(file)
	if err != nil {
		b.Fatal(err)
	}
	return world, simulator.Suggested{TimeZone: "Europe/Moscow"}
}

// extract lands all deals and changes, and gives how many there were.
func (s *site) extract(b *testing.B) int {
	b.Helper()
	ctx := context.Background()
	client := bitrix24.NewClient(bitrix24.ClientOptions{Webhook: s.cfg.Portal.URL, Limits: bitrix24.Unlimited, Clock: hasty{}})
	description, err := extractor.Describe(ctx, client)
	if err != nil {
		b.Fatal(err)
	}
	run, err := loader.Begin(ctx, s.w, loader.Start{Now: time.Now, At: time.Now(), AsOf: 20_000, PortalHost: client.Portal()})
	if err != nil {
		b.Fatal(err)
	}
	result, err := extractor.Extract(ctx, client, run.Landing(), extractor.Options{Description: description})
	if err != nil {
		b.Fatal(err)
	}
	return result.DealsRead + result.ChangesRead
}

// readAll reads a list as the common clients do, and gives how many rows it had.
func readAll(b *testing.B, webhook, method, parameters, list string) int {
	b.Helper()
	type answer struct {
		Result any `json:"result"`
		Total  int `json:"total"`
	}
	post := func(method string, form url.Values, into any) error {
		response, err := http.PostForm(strings.TrimSuffix(webhook, "/")+"/"+method+".json", form)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		return json.NewDecoder(response.Body).Decode(into)
	}
	first, err := url.ParseQuery(parameters)
	if err != nil {
		b.Fatal(err)
	}
	var page answer
	if err := post(method, first, &page); err != nil {
		b.Fatal(err)
	}
	counts := make([]int, (page.Total+2499)/2500)
	var group errgroup.Group
	for i := range counts {
		group.Go(func() error {
			form := url.Values{"halt": {"0"}}
			for k := range 50 {
				if start := i*2500 + k*50; start < page.Total {
					form.Set(fmt.Sprintf("cmd[page%d]", k), method+"?"+parameters+"&start="+strconv.Itoa(start))
				}
			}
			var batch struct {
				Result struct {
					Result map[string]any `json:"result"`
				} `json:"result"`
			}
			if err := post("batch", form, &batch); err != nil {
				return err
			}
			for _, rows := range batch.Result.Result {
				if wrapped, ok := rows.(map[string]any); ok {
					rows = wrapped[list]
				}
				counts[i] += len(rows.([]any))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	rows := 0
	for _, n := range counts {
		rows += n
	}
	return rows
}
