package extractor

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"stagelag/bitrix24"
	"stagelag/simulator"
)

// someReader reads the field UF_CRM_DAYS of a portal that has a funnel 3 with a stage C3:WON.
func someReader(t testing.TB) *reader {
	t.Helper()
	world := simulator.NewWorld()
	world.AddFunnel(simulator.Funnel{ID: 3, Name: "Projects", Stages: []simulator.Stage{{ID: "C3:WON", Name: "Won", Semantics: simulator.Success}}})
	world.AddField(simulator.Field{Name: "UF_CRM_DAYS", Type: "integer", Label: "Days"})
	portal := simulator.New(world, simulator.Options{Now: time.Now})
	server := httptest.NewServer(portal)
	t.Cleanup(server.Close)
	webhook, err := bitrix24.ParseWebhook(portal.WebhookURL(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	client := bitrix24.NewClient(bitrix24.ClientOptions{Webhook: webhook, Limits: bitrix24.Unlimited, Clock: bitrix24.WallClock(time.Now)})
	description, err := Describe(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	r, err := newReader(client, description, nil, []string{"UF_CRM_DAYS"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestADealWithoutSemanticsTakesThemFromItsStage(t *testing.T) {
	deals, err := someReader(t).decodeDeals(jsontext.Value(`{"items":[{"id":"7","categoryId":"3","stageId":"C3:WON","opportunity":"1e-3","assignedById":null,"ufCrmDays":"4"}]}`))
	if err != nil || len(deals) != 1 {
		t.Fatalf("decodeDeals: %v, %v", deals, err)
	}
	deal := deals[0]
	if deal.Semantics != Success || deal.ID != 7 || deal.FunnelID != 3 || !deal.Amount.IsZero() || deal.Fields["UF_CRM_DAYS"] != "4" {
		t.Errorf("decodeDeals: %+v", deal)
	}
}

func TestRowsThatCannotBeUsed(t *testing.T) {
	r := someReader(t)
	for _, page := range []string{`{"items":[[]]}`, `{"items":[{}]}`, `{"items":[{"id":0}]}`, `{"items":[{"id":"x"}]}`, `{"items":7}`, `7`, `{"items":[{"id":1,"categoryId":4294967296}]}`} {
		if deals, err := r.decodeDeals(jsontext.Value(page)); err == nil {
			t.Errorf("decodeDeals(%s) = %v, want an error", page, deals)
		}
	}
	for _, page := range []string{`{"items":[[]]}`, `{"items":[{"ID":1,"CREATED_TIME":"2026-01-05T11:20:30+03:00"}]}`, `{"items":[{"ID":1,"OWNER_ID":2,"TYPE_ID":256,"CREATED_TIME":"2026-01-05T11:20:30+03:00"}]}`} {
		if changes, err := r.decodeChanges(jsontext.Value(page)); err == nil {
			t.Errorf("decodeChanges(%s) = %v, want an error", page, changes)
		}
	}
}

func FuzzDeals(f *testing.F) {
	for _, seed := range []string{
		`{"items":[{"id":7,"title":"Roof","categoryId":3,"stageId":"C3:NEW","opportunity":150,"createdTime":"2026-01-05T11:20:30+03:00","ufCrmDays":[1]}]}`,
		`{"items":{"1":{"id":"8"},"0":{"id":"7"}}}`, `[]`, `{"items":[]}`, `{"items":[[]]}`,
	} {
		f.Add([]byte(seed))
	}
	r := someReader(f)
	f.Fuzz(func(t *testing.T, page []byte) {
		deals, err := r.decodeDeals(page)
		for _, deal := range deals {
			_, hasEmpty := deal.Fields[""]
			if err == nil && (deal.ID == 0 || hasEmpty || deal.Amount.Exponent() < -2 || deal.CreatedAt.Location() != time.UTC) {
				t.Errorf("decodeDeals(%q) gave %+v", page, deal)
			}
		}
	})
}

func FuzzChanges(f *testing.F) {
	for _, seed := range []string{
		`{"items":[{"ID":901,"TYPE_ID":1,"OWNER_ID":7,"CREATED_TIME":"2026-01-05T11:20:30+03:00","CATEGORY_ID":3,"STAGE_SEMANTIC_ID":"P","STAGE_ID":"C3:NEW"}]}`,
		`{"items":[{"ID":"901","TYPE_ID":"1","OWNER_ID":"7","CREATED_TIME":"05.01.2026 11:20:30","CATEGORY_ID":"0"}]}`,
	} {
		f.Add([]byte(seed))
	}
	r := someReader(f)
	f.Fuzz(func(t *testing.T, page []byte) {
		changes, err := r.decodeChanges(page)
		for _, change := range changes {
			if err == nil && (change.ID == 0 || change.DealID == 0 || change.ChangedAt.IsZero()) {
				t.Errorf("decodeChanges(%q) gave %+v", page, change)
			}
		}
	})
}

// What is no amount that can be shown is handed on as what it is.
func TestAmountOf(t *testing.T) {
	tests := []struct {
		name       string
		text       bitrix24.Text
		want, none string
	}{
		{"an amount", "150.50", "150.5", ""},
		{"a negative one", "-3", "-3", ""},
		{"more digits than cents", "1.005", "1.01", ""},
		{"none at all", " ", "0", ""},
		{"the largest", "9999999999999999.99", "9999999999999999.99", ""},
		{"one cent more", "10000000000000000.00", "0", "10000000000000000.00"},
		{"what is rounded to more", "9999999999999999.995", "0", "9999999999999999.995"},
		{"one beyond the other end", "-1e17", "0", "-1e17"},
		{"a text", "ten", "0", "ten"},
		{"a long one", bitrix24.Text(strings.Repeat("9", 200)), "0", strings.Repeat("9", 99) + "…"},
		{"what a terminal would obey", "\x1b[31m", "0", "[31m"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if amount, none := amountOf(test.text); amount.String() != test.want || strings.TrimSpace(none) != test.none {
				t.Errorf("amountOf(%q) = %s, %q, want %s, %q", test.text, amount, none, test.want, test.none)
			}
		})
	}
}
