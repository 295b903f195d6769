package bitrix24_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"stagelag/bitrix24"
	"stagelag/simulator"
)

func (s *site) mustHaveFields(c *bitrix24.Client, names ...string) *bitrix24.Fields {
	s.t.Helper()
	fields, err := bitrix24.NewFields(c, s.mustDescribe(c), names)
	if err != nil {
		s.t.Fatal(err)
	}
	return fields
}

// valued is a world of three deals, the second of them in funnel 5, of which the first two have
// values.
func valued() *simulator.World {
	w := someDeals(3, 1)
	w.ChangeFunnel(2, noon, 5, "C5:NEW")
	w.SetField(1, noon, "UF_CRM_DAYS", 7)
	w.SetField(1, noon, "UF_CRM_DUE", time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC))
	w.SetField(2, noon, "UF_CRM_DAYS", 8)
	w.Advance(noon)
	return w
}

// lines are items in one line each.
func lines(items []bitrix24.Item) []string {
	shown := make([]string, len(items))
	for i, item := range items {
		shown[i] = fmt.Sprint(item.ID, " ", item.Values)
	}
	slices.Sort(shown)
	return shown
}

func TestFieldsAreRead(t *testing.T) {
	const one, two, three = "1 map[UF_CRM_DAYS:7 UF_CRM_DUE:2026-04-01]", "2 map[UF_CRM_DAYS:8]", "3 map[]"
	tests := []struct {
		name    string
		funnels []bitrix24.ID
		want    []string
	}{
		{"of all deals", nil, []string{one, two, three}},
		{"of one funnel", []bitrix24.ID{0}, []string{one, three}},
		{"of a funnel without deals", []bitrix24.ID{7}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, valued(), simulator.Options{})
			fields := s.mustHaveFields(s.connect(), "UF_CRM_DAYS", "UF_CRM_DUE")
			var got []bitrix24.Item
			for items, err := range fields.Read(t.Context(), test.funnels, 0) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, items...)
			}
			if !slices.Equal(lines(got), test.want) {
				t.Errorf("Read = %v, want %v", lines(got), test.want)
			}
		})
	}
	t.Run("of single deals, gone ones left out", func(t *testing.T) {
		s := newSite(t, valued(), simulator.Options{})
		got, err := s.mustHaveFields(s.connect(), "UF_CRM_DAYS").ReadByID(t.Context(), []bitrix24.ID{2, 3, 99})
		if want := []string{two, three}; err != nil || !slices.Equal(lines(got), want) {
			t.Errorf("ReadByID = %v, %v, want %v", lines(got), err, want)
		}
	})
}

func TestAFieldThatThePortalLacksIsAnError(t *testing.T) {
	s := newSite(t, someDeals(1, 1), simulator.Options{})
	client := s.connect()
	if _, err := bitrix24.NewFields(client, s.mustDescribe(client), []string{"UF_CRM_NONE"}); err == nil || err.Error() != "the portal has no deal field UF_CRM_NONE" {
		t.Errorf("NewFields: %v", err)
	}
}

func TestFieldsAreWritten(t *testing.T) {
	s := newSite(t, valued(), simulator.Options{})
	fields := s.mustHaveFields(s.connect(), "UF_CRM_DAYS", "UF_CRM_DUE")
	before, err := fields.ReadByID(t.Context(), []bitrix24.ID{1})
	if err != nil || len(before) != 1 {
		t.Fatalf("ReadByID: %v, %v", before, err)
	}
	_ = s.clock.Sleep(t.Context(), time.Hour)
	results, err := fields.Update(t.Context(), []bitrix24.Update{
		{DealID: 1, Values: map[string]string{"UF_CRM_DAYS": "9"}},
		{DealID: 99, Values: map[string]string{"UF_CRM_DAYS": "9"}},
		{DealID: 2, Values: map[string]string{"UF_CRM_DAYS": "", "UF_CRM_DUE": "2026-05-01"}},
	})
	if err != nil || len(results) != 3 {
		t.Fatalf("Update: %v, %v", results, err)
	}
	// What an update does not name stays.
	want := []string{"1 map[UF_CRM_DAYS:9 UF_CRM_DUE:2026-04-01]", "2 map[UF_CRM_DUE:2026-05-01]"}
	if got := lines([]bitrix24.Item{results[0].After, results[2].After}); !slices.Equal(got, want) {
		t.Errorf("Update left %v, want %v", got, want)
	}
	shown, err := fields.ReadByID(t.Context(), []bitrix24.ID{1, 2})
	if err != nil || !slices.Equal(lines(shown), want) {
		t.Errorf("the portal shows %v, %v after the update, want %v", lines(shown), err, want)
	}
	if results[0].Err != nil || results[2].Err != nil || results[1].Err == nil {
		t.Errorf("errors %v, %v and %v, want one for the deal that is not there", results[0].Err, results[1].Err, results[2].Err)
	}
	if got := results[0]; !got.Before.Equal(before[0].UpdatedAt) || !got.After.UpdatedAt.After(got.Before) {
		t.Errorf("deal 1 was changed at %v before and at %v by the update, want %v and a later time", got.Before, got.After.UpdatedAt, before[0].UpdatedAt)
	}
}

func TestFieldsAreAdded(t *testing.T) {
	added := []bitrix24.NewField{{Name: "UF_CRM_STATE", Type: "string", Label: "State"}}
	tests := []struct {
		name   string
		quirks simulator.Quirks
		want   []string
	}{
		{"by an administrator", simulator.Quirks{}, []string{"UF_CRM_STATE string State"}},
		{"by nobody else", simulator.Quirks{IsNotAdmin: true}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, someDeals(1, 1), simulator.Options{Quirks: test.quirks})
			client := s.connect()
			refusals, err := client.AddFields(t.Context(), added)
			if err != nil || len(refusals) != 1 || (refusals[0] == nil) != (len(test.want) == 1) {
				t.Errorf("AddFields = %v, %v", refusals, err)
			}
			var got []string
			for _, field := range s.mustDescribe(client).Fields {
				if field.Name == added[0].Name {
					got = append(got, fmt.Sprint(field.Name, " ", field.Type, " ", field.Title))
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("the portal has %q, want %q", got, test.want)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	s := newSite(t, someDeals(1, 1), simulator.Options{Quirks: simulator.Quirks{IsNotAdmin: true}, Scopes: []string{"crm"}})
	client := s.connect()
	d, answers, err := client.DescribeWith(t.Context(), func(int) []bitrix24.Command {
		return []bitrix24.Command{{Method: "crm.category.list", Params: []bitrix24.Param{{Name: "entityTypeId", Value: bitrix24.DealType}}}}
	})
	if err != nil {
		t.Fatal(err)
	}
	if !d.Clock.Equal(noon) || d.IsAdmin || d.ShowsPeople() || !d.HasScope("crm") || len(d.Warnings) != 2 {
		t.Errorf("Describe = %+v", d)
	}
	if len(answers) != 1 || answers[0].Err != nil || !slices.ContainsFunc(d.Fields, func(f bitrix24.Field) bool { return f.Name == "UF_CRM_DUE" && f.Type == "date" }) {
		t.Errorf("further answers %v, fields %v", answers, d.Fields)
	}
	if requests := client.Stats().Requests; requests != 1 {
		t.Errorf("%d requests, want 1", requests)
	}
}
