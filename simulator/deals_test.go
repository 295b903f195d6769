package simulator_test

import (
	"testing"
	"time"

	"stagelag/simulator"
)

// typingWorld has a deal with a value in most of its fields, and one with almost none.
func typingWorld() *simulator.World {
	w := newWorld()
	w.AddField(simulator.Field{Name: "UF_CRM_RATE", Type: "double", Label: "Rate"})
	w.AddField(simulator.Field{Name: "UF_CRM_NOTE", Type: "string", Label: "Note"})
	w.AddField(simulator.Field{Name: "UF_CRM_SEEN", Type: "datetime", Label: "Seen"})
	created := time.Date(2026, 1, 5, 11, 20, 30, 0, moscow)
	id := w.AddDeal(simulator.Deal{
		Title: "Roof", Funnel: 5, Stage: "C5:NEW", Manager: 1, CreatedBy: 2, Company: 7,
		Cents: 150_50, Currency: "EUR", Created: created, Begin: created, Close: time.Date(2026, 2, 10, 0, 0, 0, 0, moscow),
		Fields: map[string]any{
			"UF_CRM_DAYS": 10, "UF_CRM_1700000001": "2026-02-01", "UF_CRM_TAGS": []string{"41", "42"}, "UF_CRM_URGENT": true,
			"UF_CRM_RATE": 0.25, "UF_CRM_NOTE": "abc", "UF_CRM_SEEN": created,
		},
	})
	w.Move(id, created.Add(time.Hour), "C5:DOCS")
	w.AddDeal(simulator.Deal{Stage: "NEW", AppearsAt: created})
	return w
}

func TestTypesOfValues(t *testing.T) {
	tests := []struct {
		item, classic           string
		inItem, inClassic       any // of the full deal
		emptyItem, emptyClassic any // of the other one
	}{
		{"id", "ID", 1.0, "1", 2.0, "2"},
		{"title", "TITLE", "Roof", "Roof", nil, nil},
		{"categoryId", "CATEGORY_ID", 5.0, "5", 0.0, "0"},
		{"stageId", "STAGE_ID", "C5:DOCS", "C5:DOCS", "NEW", "NEW"},
		{"stageSemanticId", "STAGE_SEMANTIC_ID", "P", "P", "P", "P"},
		{"opportunity", "OPPORTUNITY", 150.5, "150.50", 0.0, "0.00"},
		{"currencyId", "CURRENCY_ID", "EUR", "EUR", nil, nil},
		{"companyId", "COMPANY_ID", 7.0, "7", 0.0, "0"},
		{"assignedById", "ASSIGNED_BY_ID", 1.0, "1", 0.0, "0"},
		{"createdBy", "CREATED_BY_ID", 2.0, "2", 0.0, "0"},
		{"isRecurring", "IS_RECURRING", "N", "N", "N", "N"},
		{"closed", "CLOSED", "N", "N", "N", "N"},
		{"createdTime", "DATE_CREATE", "2026-01-05T11:20:30+03:00", "2026-01-05T11:20:30+03:00", nil, nil},
		{"movedTime", "MOVED_TIME", "2026-01-05T12:20:30+03:00", "2026-01-05T12:20:30+03:00", nil, nil},
		{"updatedTime", "DATE_MODIFY", "2026-01-05T12:20:30+03:00", "2026-01-05T12:20:30+03:00", nil, nil},
		{"closedate", "CLOSEDATE", "2026-02-10T03:00:00+03:00", "2026-02-10T03:00:00+03:00", nil, nil},
		{"probability", "PROBABILITY", nil, nil, nil, nil},
		{"ufCrmDays", "UF_CRM_DAYS", 10.0, "10", nil, nil},
		{"ufCrmRate", "UF_CRM_RATE", 0.25, "0.25", nil, nil},
		{"ufCrm_1700000001", "UF_CRM_1700000001", "2026-02-01T03:00:00+03:00", "2026-02-01T03:00:00+03:00", nil, nil},
		{"ufCrmSeen", "UF_CRM_SEEN", "2026-01-05T11:20:30+03:00", "2026-01-05T11:20:30+03:00", nil, nil},
		{"ufCrmNote", "UF_CRM_NOTE", "abc", "abc", nil, nil},
		{"ufCrmTags", "UF_CRM_TAGS", []any{41.0, 42.0}, []any{"41", "42"}, []any{}, []any{}},
		{"ufCrmUrgent", "UF_CRM_URGENT", "Y", "1", "N", "0"},
	}
	s := serve(t, typingWorld(), simulator.Options{})
	items := s.call("crm.item.list", object{"entityTypeId": 2, "order": object{"id": "ASC"}})
	classics := s.call("crm.deal.list", object{"order": object{"ID": "ASC"}})
	for _, test := range tests {
		t.Run(test.item, func(t *testing.T) {
			wantEqual(t, "item", items.at("result", "items", 0, test.item), test.inItem)
			wantEqual(t, "classic", classics.at("result", 0, test.classic), test.inClassic)
			wantEqual(t, "empty item", items.at("result", "items", 1, test.item), test.emptyItem)
			wantEqual(t, "empty classic", classics.at("result", 1, test.classic), test.emptyClassic)
		})
	}
}

func TestMixedEmpties(t *testing.T) {
	s := serve(t, typingWorld(), simulator.Options{Quirks: simulator.Quirks{MixesEmpties: true}})
	got := s.call("crm.item.get", object{"entityTypeId": 2, "id": 2})
	wantEqual(t, "number", got.at("result", "item", "ufCrmDays"), any(""))
	wantEqual(t, "list", got.at("result", "item", "ufCrmTags"), any(false))
}

func TestNonsenseInANumberField(t *testing.T) {
	w := newWorld()
	w.AddDeal(simulator.Deal{Stage: "NEW", Created: morning, Fields: map[string]any{"UF_CRM_DAYS": "abc"}})
	s := serve(t, w, simulator.Options{})
	wantEqual(t, "value", s.call("crm.item.get", object{"entityTypeId": 2, "id": 1}).at("result", "item", "ufCrmDays"), any("abc"))
}

func TestZones(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name          string
		zone          *time.Location
		created, date string
	}{
		{"east of Greenwich", moscow, "2026-01-05T11:20:30+03:00", "2026-02-10T03:00:00+03:00"},
		{"Greenwich", time.UTC, "2026-01-05T08:20:30+00:00", "2026-02-10T00:00:00+00:00"},
		{"west of Greenwich a date falls on the day before", time.FixedZone("", -5*60*60), "2026-01-05T03:20:30-05:00", "2026-02-09T19:00:00-05:00"},
		{"with daylight saving", berlin, "2026-01-05T09:20:30+01:00", "2026-02-10T01:00:00+01:00"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, typingWorld(), simulator.Options{Zone: test.zone})
			got := s.call("crm.item.get", object{"entityTypeId": 2, "id": 1})
			wantEqual(t, "createdTime", got.at("result", "item", "createdTime"), any(test.created))
			wantEqual(t, "closedate", got.at("result", "item", "closedate"), any(test.date))
		})
	}
}

func TestDaylightSavingInMidHistory(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld()
	id := w.AddDeal(simulator.Deal{Stage: "NEW", Created: time.Date(2025, 10, 24, 12, 0, 0, 0, berlin)})
	w.Move(id, time.Date(2025, 10, 27, 12, 0, 0, 0, berlin), "EXECUTING")
	s := serve(t, w, simulator.Options{Zone: berlin})
	got := s.call("crm.stagehistory.list", object{"entityTypeId": 2, "order": object{"ID": "ASC"}})
	wantEqual(t, "times", got.column("CREATED_TIME", "result", "items"), []any{"2025-10-24T12:00:00+02:00", "2025-10-27T12:00:00+01:00"})
}

func TestSkewedCreation(t *testing.T) {
	s := serve(t, typingWorld(), simulator.Options{Quirks: simulator.Quirks{CreatedSkew: time.Hour}})
	got := s.call("crm.item.get", object{"entityTypeId": 2, "id": 1})
	wantEqual(t, "createdTime", got.at("result", "item", "createdTime"), any("2026-01-05T12:20:30+03:00"))
	wantEqual(t, "movedTime", got.at("result", "item", "movedTime"), any("2026-01-05T12:20:30+03:00"))
}

func TestNamesOfCustomFields(t *testing.T) {
	tests := []struct{ original, item string }{
		{"UF_CRM_1700000001", "ufCrm_1700000001"},
		{"UF_CRM_3_DIGIT", "ufCrm3Digit"},
		{"UF_CRM_3_1700000001", "ufCrm3_1700000001"},
		{"UF_CRM_3_DIGIT10", "ufCrm_3_DIGIT10"},
		{"UF_CRM_DOCS_DAYS", "ufCrmDocsDays"},
		{"UF_CRM_3DIGIT", "ufCrm_3DIGIT"},
	}
	w := newWorld()
	for _, test := range tests[1:] { // the first is in every new world of the tests
		w.AddField(simulator.Field{Name: test.original, Type: "string", Label: "Label of " + test.original})
	}
	s := serve(t, w, simulator.Options{})
	items := s.call("crm.item.fields", object{"entityTypeId": 2})
	byOriginal := s.call("crm.item.fields", object{"entityTypeId": 2, "useOriginalUfNames": "Y"})
	classic := s.call("crm.deal.fields", nil)
	for _, test := range tests {
		t.Run(test.original, func(t *testing.T) {
			wantEqual(t, "upperName", items.at("result", "fields", test.item, "upperName"), any(test.original))
			wantEqual(t, "upperName by the original", byOriginal.at("result", "fields", test.original, "upperName"), any(test.original))
			wantEqual(t, "title", classic.at("result", test.original, "title"), any(test.original))
		})
	}
}

func TestNamesThatWouldBeOne(t *testing.T) {
	w := newWorld()
	w.AddField(simulator.Field{Name: "UF_CRM_DAYS_", Type: "integer", ItemName: "UF_CRM_DAYS_"})
	w.AddDeal(simulator.Deal{Stage: "NEW", Created: morning, Fields: map[string]any{"UF_CRM_DAYS": 1, "UF_CRM_DAYS_": 2}})
	s := serve(t, w, simulator.Options{})
	fields := s.call("crm.item.fields", object{"entityTypeId": 2})
	wantEqual(t, "upperName", fields.at("result", "fields", "UF_CRM_DAYS_", "upperName"), any("UF_CRM_DAYS_"))
	got := s.call("crm.item.list", object{"entityTypeId": 2, "select": []string{"ufCrmDays", "UF_CRM_DAYS_"}})
	wantEqual(t, "item", got.at("result", "items", 0), any(object{"ufCrmDays": 1.0, "UF_CRM_DAYS_": 2.0}))
}

func TestFieldDescriptions(t *testing.T) {
	s := serve(t, newWorld(), simulator.Options{})
	items := s.call("crm.item.fields", object{"entityTypeId": 2})
	wantEqual(t, "a custom field", items.at("result", "fields", "ufCrmTags"), any(object{
		"type": "enumeration", "isRequired": false, "isReadOnly": false, "isImmutable": false, "isMultiple": true, "isDynamic": true,
		"title": "UF_CRM_TAGS", "listLabel": "Tags", "formLabel": "Tags", "filterLabel": "Tags", "settings": []any{},
		"items":     []any{object{"ID": "41", "VALUE": "Red"}, object{"ID": "42", "VALUE": "Blue"}},
		"upperName": "UF_CRM_TAGS",
	}))
	wantEqual(t, "a system field", items.at("result", "fields", "stageId"), any(object{
		"type": "crm_status", "isRequired": false, "isReadOnly": false, "isImmutable": false, "isMultiple": false, "isDynamic": false,
		"statusType": "DEAL_STAGE", "title": "Stage", "upperName": "STAGE_ID",
	}))
	list := s.call("crm.deal.userfield.list", object{"order": object{"ID": "ASC"}, "filter": object{"USER_TYPE_ID": "date"}})
	wantEqual(t, "the list of custom fields", list.at("result"), any([]any{object{
		"ID": "2", "ENTITY_ID": "CRM_DEAL", "FIELD_NAME": "UF_CRM_1700000001", "USER_TYPE_ID": "date", "XML_ID": nil, "SORT": "200",
		"MULTIPLE": "N", "MANDATORY": "N", "SHOW_FILTER": "E", "SHOW_IN_LIST": "Y", "EDIT_IN_LIST": "Y", "IS_SEARCHABLE": "N", "SETTINGS": []any{},
	}}))
	labelled := s.call("crm.deal.userfield.list", object{"filter": object{"LANG": "en", "FIELD_NAME": "UF_CRM_DAYS"}})
	wantEqual(t, "a label", labelled.at("result", 0, "EDIT_FORM_LABEL"), any("Days"))
}

func TestAFieldThatIsDeletedDisappears(t *testing.T) {
	s := serve(t, typingWorld(), simulator.Options{})
	params := object{"entityTypeId": 2, "select": []string{"id", "ufCrmDays"}, "order": object{"id": "ASC"}}
	wantEqual(t, "before", s.call("crm.item.list", params).at("result", "items", 0), any(object{"id": 1.0, "ufCrmDays": 10.0}))
	s.world.RemoveField("UF_CRM_DAYS", morning)
	wantEqual(t, "after", s.call("crm.item.list", params).at("result", "items", 0), any(object{"id": 1.0}))
}

func TestRecurringTemplatesAreListed(t *testing.T) {
	w := newWorld()
	w.AddDeal(simulator.Deal{Stage: "NEW", Created: morning, IsRecurring: true})
	s := serve(t, w, simulator.Options{})
	wantEqual(t, "item", s.call("crm.item.get", object{"entityTypeId": 2, "id": 1}).at("result", "item", "isRecurring"), any("Y"))
	wantEqual(t, "classic", s.call("crm.deal.get", object{"id": 1}).at("result", "IS_RECURRING"), any("Y"))
}
