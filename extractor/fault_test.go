package extractor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"stagelag/bitrix24"
	"stagelag/extractor"
	"stagelag/simulator"
)

func TestAPassingFaultChangesNothing(t *testing.T) {
	faults := map[string]simulator.Fault{
		"502":                  {HTML: 502},
		"504":                  {HTML: 504},
		"503 without a code":   {HTML: 503},
		"HTML with 200":        {HTML: 200},
		"no answer":            {Drops: true},
		"cut body":             {CutsBody: true},
		"cut JSON":             {CutsJSON: true},
		"internal error":       {Error: &simulator.InternalServerError},
		"too many requests":    {Error: &simulator.QueryLimitExceeded},
		"operating time":       {Error: &simulator.OperationTimeLimit},
		"lost after it ran":    {RunsFirst: true, Drops: true},
		"number for a code":    {Error: &simulator.Error{Status: 500, Code: "0", IsNumber: true, Text: "No"}},
		"an error without one": {Error: &simulator.Error{Status: 502, Text: "No"}},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			for nth := 1; nth <= 5; nth++ {
				s := newSite(t, twoFunnels(120, 3), simulator.Options{})
				s.portal.Inject(simulator.Nth(nth, fault))
				result := s.mustExtract()
				s.mustKnow(everyDeal)
				if len(result.Waited) != 1 {
					t.Errorf("request %d: waited %v, want one wait", nth, result.Waited)
				}
			}
		})
	}
}

func TestFaultsBetweenGoodAnswersDoNotAddUp(t *testing.T) {
	s := newSite(t, twoFunnels(600, 2), slowPages)
	isOdd := false
	s.portal.Inject(func(*simulator.Call) *simulator.Fault {
		if isOdd = !isOdd; !isOdd {
			return nil
		}
		return &simulator.Fault{HTML: 502}
	})
	s.mustExtract()
	s.mustKnow(everyDeal)
}

func TestATimeOutIsAskedAgainWithHalfTheCommands(t *testing.T) {
	s := newSite(t, twoFunnels(2500, 1), simulator.Options{})
	sent := 0
	s.transport = func(r *http.Request) (*http.Response, error) {
		if sent++; sent == 4 {
			return nil, os.ErrDeadlineExceeded
		}
		return s.clock.RoundTrip(r)
	}
	s.mustExtract()
	s.mustKnow(everyDeal)
	if got := len(s.portal.Log()[3].Commands); got != 25 {
		t.Errorf("%d commands after a time-out of 50, want 25", got)
	}
}

func TestAFaultThatStaysEndsTheRun(t *testing.T) {
	s := newSite(t, twoFunnels(10, 1), simulator.Options{})
	s.portal.Inject(simulator.FromNth(3, simulator.Fault{HTML: 502}))
	_, err := s.extract()
	if want := "deals: batch: bad gateway (HTTP 502); the portal, or what stands before it, is down"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("Extract: %v, want %s, and what to do", err, want)
	}
	if tries := len(s.portal.Log()) - 2; tries < 3 || tries > 6 {
		t.Errorf("%d tries, want a few", tries)
	}
}

func TestErrorsOfCommandsInAGoodBatch(t *testing.T) {
	passing := map[string]simulator.Error{
		"internal error": simulator.InternalServerError,
		"operating time": simulator.OperationTimeLimit,
		"requests":       simulator.QueryLimitExceeded,
	}
	for name, failure := range passing {
		for _, key := range []string{"c00", "c01", "c03"} {
			t.Run(name+" of "+key, func(t *testing.T) {
				s := newSite(t, twoFunnels(300, 6), simulator.Options{})
				isOdd := false
				s.portal.Inject(func(*simulator.Call) *simulator.Fault {
					if isOdd = !isOdd; !isOdd {
						return nil
					}
					return &simulator.Fault{Commands: map[string]*simulator.Error{key: &failure}}
				})
				s.mustExtract()
				s.mustKnow(everyDeal)
			})
		}
	}
	t.Run("for good", func(t *testing.T) {
		for _, method := range []string{"crm.category.list", "crm.item.fields", "crm.status.list", "crm.item.list", "crm.stagehistory.list"} {
			s := newSite(t, twoFunnels(300, 6), simulator.Options{})
			s.portal.Inject(simulator.OnCommands(method, simulator.InsufficientScope))
			_, err := s.extract()
			wantCode(t, err, bitrix24.CodeInsufficientScope)
			if err != nil && !strings.Contains(err.Error(), method) {
				t.Errorf("%v does not name %s", err, method)
			}
		}
	})
}

func TestACancelledRunEndsAtOnce(t *testing.T) {
	s := newSite(t, twoFunnels(300, 2), simulator.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	client := bitrix24.NewClient(bitrix24.ClientOptions{Webhook: s.webhook, Clock: s.clock})
	description, err := extractor.Describe(ctx, client)
	if err != nil {
		t.Fatal(err)
	}
	s.portal.Inject(func(*simulator.Call) *simulator.Fault {
		cancel()
		return &simulator.Fault{Hold: make(chan struct{})}
	})
	_, err = extractor.Extract(ctx, client, s.landing, extractor.Options{Description: description})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Extract: %v, want context canceled", err)
	}
	s.mustHide("an error", fmt.Sprintf("%v %#v", err, err))
}

// What portals differ in changes nothing of what is landed.
func TestQuirksOfPortals(t *testing.T) {
	quirks := map[string]simulator.Quirks{
		"references stay as text":        {UnresolvedReferences: simulator.KeptAsText},
		"references become containers":   {UnresolvedReferences: simulator.DeepestContainer},
		"references are dropped":         {UnresolvedReferences: simulator.Dropped},
		"filters on time are ignored":    {IgnoresISOFilters: true},
		"history as text, mixed empties": {WritesHistoryAsText: true, MixesEmpties: true, WritesIntegerTimes: true},
		"totals are zero":                {CountsUncountedAsZero: true, TakesAnyStart: true},
		"no operating time":              {HidesOperating: true},
		"no reset time":                  {HidesOperatingReset: true},
		"older history":                  {DropsUnknownHistoryFilters: true},
		"stages in pages":                {PagesStatuses: true},
		"the owner is no administrator":  {IsNotAdmin: true},
	}
	for name, quirk := range quirks {
		t.Run(name, func(t *testing.T) {
			for _, deals := range []int{49, 50, 350, 351} {
				s := newSite(t, twoFunnels(deals, 2), simulator.Options{Limits: simulator.Standard, Quirks: quirk, Costs: slowPages.Costs})
				s.mustExtract()
				s.mustKnow(everyDeal)
				s.world.Move(9, s.clock.Now(), "WON")
				s.world.DeleteDeal(11, s.clock.Now())
				s.later()
				s.mustKnow(everyDeal)
			}
		})
	}
}

// A portal that ignores a filter sends too much. Where that does no harm it is left out; where
// it would make a wrong conclusion of what is missing, the run ends.
func TestFiltersThatThePortalIgnores(t *testing.T) {
	tests := []struct {
		filter string
		want   string // the error
	}{
		{"@categoryId", ""},
		{"@CATEGORY_ID", ""},
		{">=updatedTime", ""},
		{">id", "deals: crm.item.list: the portal ignores the filter on ids: asked for those above 100, it sent 2"},
		{">ID", "stage changes: crm.stagehistory.list: the portal ignores the filter on ids: asked for those above 100, it sent 2"},
		{"<=id", "sweep for deleted deals: crm.item.list: the portal ignores the filter on ids: asked for those up to 100, it sent 102"},
		{"@id", "sweep for deleted deals: crm.item.list: the portal ignores the filter on ids: it sent 1 unasked"},
		{"@OWNER_ID", "changed deals: crm.stagehistory.list: the portal ignores the filter on deals: it sent a change of deal 1 unasked"},
	}
	for _, test := range tests {
		t.Run(test.filter, func(t *testing.T) {
			s := newSite(t, twoFunnels(400, 3), slowPages)
			s.options.Funnels = []extractor.FunnelID{5}
			ignored := regexp.MustCompile("&" + regexp.QuoteMeta(url.QueryEscape("filter["+test.filter+"]")) + `[^&"]*`)
			s.transport = func(r *http.Request) (*http.Response, error) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					return nil, err
				}
				body = ignored.ReplaceAll(body, nil)
				r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
				return s.clock.RoundTrip(r)
			}
			_, err := s.extract()
			if err == nil {
				s.mustKnow(inService)
				s.world.DeleteDeal(8, s.clock.Now())
				s.world.DeleteDeal(12, s.clock.Now())
				s.world.AddDeal(simulator.Deal{
					Title: "Imported", Funnel: 5, Stage: "C5:NEW",
					Created: noon.AddDate(0, -1, 0), AppearsAt: s.clock.Now().Add(time.Hour), HasNoHistory: true,
				})
				s.world.Move(10, s.clock.Now(), "C5:WON")
				s.nextDay()
				_, err = s.extract()
			}
			if test.want == "" && err == nil {
				s.mustKnow(inService)
			}
			if got := strings.TrimPrefix(fmt.Sprint(err), "<nil>"); got != test.want {
				t.Errorf("Extract: %s, want %s", got, test.want)
			}
		})
	}
}

func TestManyFunnelsAndStages(t *testing.T) {
	w := simulator.NewWorld()
	for f := range simulator.FunnelID(60) {
		funnel := simulator.Funnel{ID: f, Name: fmt.Sprint("Funnel ", f)}
		for k := range 70 {
			funnel.Stages = append(funnel.Stages, simulator.Stage{ID: simulator.StageID(fmt.Sprintf("C%d:%d", f, k)), Name: "Stage", Sort: 10 * (70 - k)})
		}
		w.AddFunnel(funnel)
	}
	s := newSite(t, w, simulator.Options{Limits: simulator.Standard, Quirks: simulator.Quirks{PagesStatuses: true}})
	result := s.mustExtract()
	if len(result.Funnels) != 60 {
		t.Fatalf("%d funnels, want 60", len(result.Funnels))
	}
	for _, funnel := range result.Funnels {
		if len(funnel.Stages) != 70 || funnel.Stages[0].Name != "Stage" {
			t.Errorf("funnel %d has %d stages, want 70", funnel.ID, len(funnel.Stages))
		}
	}
}
