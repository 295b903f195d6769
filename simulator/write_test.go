package simulator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stagelag/simulator"
)

// writableWorld has a deal in each funnel, and one that the webhook may not change.
func writableWorld() *simulator.World {
	w := newWorld()
	created := morning.Add(-time.Hour)
	w.AddDeal(simulator.Deal{Title: "Roof", Stage: "NEW", Manager: 2, Created: created})
	w.AddDeal(simulator.Deal{Title: "Barn", Funnel: 5, Stage: "C5:NEW", Manager: 2, Created: created})
	w.AddDeal(simulator.Deal{Title: "Farm", Stage: "NEW", Created: created, IsReadOnly: true})
	return w
}

func TestItemUpdate(t *testing.T) {
	tests := []struct {
		name    string
		id      int
		fields  object
		error   any
		changed bool
		rows    int // of history afterwards
		field   string
		value   any
	}{
		{"a custom field", 1, object{"ufCrmDays": 7}, nil, true, 1, "ufCrmDays", 7.0},
		{"a date", 1, object{"ufCrm_1700000001": "2026-05-01"}, nil, true, 1, "ufCrm_1700000001", "2026-05-01T03:00:00+03:00"},
		{"several values", 1, object{"ufCrmTags": []int{42, 41}}, nil, true, 1, "ufCrmTags", []any{42.0, 41.0}},
		{"a flag", 1, object{"ufCrmUrgent": "Y"}, nil, true, 1, "ufCrmUrgent", "Y"},
		{"a system field", 1, object{"title": "House", "opportunity": 12.5}, nil, true, 1, "opportunity", 12.5},
		{"an unknown field is ignored", 1, object{"wish": 1}, nil, false, 1, "title", "Roof"},
		{"a read-only field is ignored", 1, object{"createdTime": "2020-01-01"}, nil, false, 1, "title", "Roof"},
		{"the same value is no change", 1, object{"title": "Roof", "assignedById": "2"}, nil, false, 1, "title", "Roof"},
		{"another stage writes history", 1, object{"stageId": "WON"}, nil, true, 2, "stageSemanticId", "S"},
		{"a stage of another funnel is ignored", 1, object{"stageId": "C5:WON"}, nil, false, 1, "stageId", "NEW"},
		{"another funnel begins with its first stage", 1, object{"categoryId": 5}, nil, true, 2, "stageId", "C5:NEW"},
		{"another funnel and stage", 1, object{"stageId": "C5:DOCS", "categoryId": 5}, nil, true, 2, "stageId", "C5:DOCS"},
		{"no such deal", 9, object{"title": "x"}, "NOT_FOUND", false, 0, "", nil},
		{"a deal that may not be changed", 3, object{"title": "x"}, "ACCESS_DENIED", false, 1, "title", "Farm"},
		{"text in a number field", 1, object{"ufCrmDays": "soon"}, "CRM_FIELD_ERROR_VALUE_NOT_VALID", false, 1, "ufCrmDays", nil},
		{"text in a date field", 1, object{"ufCrm_1700000001": "soon"}, "CRM_FIELD_ERROR_VALUE_NOT_VALID", false, 1, "ufCrm_1700000001", nil},
		{"a single value where there are several", 1, object{"ufCrmTags": 42}, "100", false, 1, "ufCrmTags", []any{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, writableWorld(), simulator.Options{})
			got := s.call("crm.item.update", object{"entityTypeId": 2, "id": test.id, "fields": test.fields})
			wantEqual(t, "error", got.at("error"), test.error)
			item := s.call("crm.item.get", object{"entityTypeId": 2, "id": test.id})
			if test.error == nil {
				wantEqual(t, "answer", got.at("result"), item.at("result"))
			}
			wantEqual(t, "value", item.at("result", "item", test.field), test.value)
			wantEqual(t, "changed", item.at("result", "item", "updatedTime") == "2026-03-10T09:00:00+03:00", test.changed)
			wantEqual(t, "events", len(s.world.Events()) == 1, test.changed)
			wantEqual(t, "rows", len(s.rowsOf(test.id)), test.rows)
		})
	}
}

func TestWhoUpdated(t *testing.T) {
	s := serve(t, writableWorld(), simulator.Options{})
	s.call("crm.item.update", object{"entityTypeId": 2, "id": 1, "fields": object{"title": "House"}})
	got := s.call("crm.deal.get", object{"id": 1})
	wantEqual(t, "modified by", got.at("result", "MODIFY_BY_ID"), any("1"))
	wantEqual(t, "event", s.world.Events(), []simulator.Event{{Name: "ONCRMDEALUPDATE", Deal: 1, At: morning.UTC()}})
}

func TestDealUpdate(t *testing.T) {
	tests := []struct {
		name   string
		params object
		status int
		result any // true, or the text of the error
		field  string
		value  any
	}{
		{"a custom field", object{"id": 2, "fields": object{"UF_CRM_DAYS": 7}}, 200, true, "UF_CRM_DAYS", "7"},
		{"clearing", object{"id": 2, "fields": object{"UF_CRM_DAYS": ""}}, 200, true, "UF_CRM_DAYS", nil},
		{"a stage", object{"id": 2, "fields": object{"STAGE_ID": "C5:WON"}}, 200, true, "STAGE_SEMANTIC_ID", "S"},
		{"the funnel stays", object{"id": 2, "fields": object{"CATEGORY_ID": 0}}, 200, true, "CATEGORY_ID", "5"},
		{"unknown fields are ignored", object{"id": 2, "fields": object{"WISH": 1}}, 200, true, "TITLE", "Barn"},
		{"no such deal", object{"id": 9, "fields": object{}}, 400, "Not found", "", nil},
		{"a deal that may not be changed", object{"id": 3, "fields": object{"TITLE": "x"}}, 400, "Access denied", "", nil},
		{"fields that are no array", object{"id": 2, "fields": "x"}, 400, "Parameter 'fields' must be array", "", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, writableWorld(), simulator.Options{})
			got := s.call("crm.deal.update", test.params)
			wantEqual(t, "status", got.status, test.status)
			result := got.at("result")
			if result == nil {
				wantEqual(t, "code", got.at("error"), any(""))
				result = got.at("error_description")
			}
			wantEqual(t, "result", result, test.result)
			wantEqual(t, "value", s.call("crm.deal.get", object{"id": 2}).at("result", test.field), test.value)
		})
	}
}

func TestUpdatesInABatch(t *testing.T) {
	s := serve(t, writableWorld(), simulator.Options{})
	commands := object{}
	for id := 1; id <= 3; id++ {
		commands[fmt.Sprint("u", id)] = fmt.Sprintf("crm.item.update?entityTypeId=2&id=%d&fields[ufCrmDays]=%d", id, 10*id)
	}
	got := s.call("batch", object{"cmd": commands})
	wantEqual(t, "first", got.at("result", "result", "u1", "item", "ufCrmDays"), any(10.0))
	wantEqual(t, "second", got.at("result", "result", "u2", "item", "ufCrmDays"), any(20.0))
	wantEqual(t, "third", got.at("result", "result_error", "u3", "error"), any("ACCESS_DENIED"))
	wantEqual(t, "cost", s.Log()[0].Cost, 9*time.Second)
}

func TestUpdateIntoAndOutOfAFilterInMidRun(t *testing.T) {
	w := newWorld()
	manyDeals(w, 120)
	s := serve(t, w, simulator.Options{})
	page := func(after int) []any {
		return idsOf(s.call("crm.item.list", object{"entityTypeId": 2, "filter": object{"stageId": "NEW", ">id": after}, "order": object{"id": "ASC"}, "start": -1}))
	}
	wantEqual(t, "first page", firstAndLast(page(0)), []any{1.0, 50.0})
	w.Move(51, morning, "WON") // out of it, ahead of the cursor
	w.Move(7, morning, "WON")  // out of it and back, behind the cursor
	w.Move(7, morning, "NEW")
	wantEqual(t, "second page", firstAndLast(page(50)), []any{52.0, 101.0})
}

func TestImport(t *testing.T) {
	s := serve(t, writableWorld(), simulator.Options{})
	var many []object
	for range 21 {
		many = append(many, object{"title": "x"})
	}
	wantEqual(t, "too many", s.call("crm.item.batchImport", object{"entityTypeId": 2, "data": many}).at("error"), any("MAX_IMPORT_BATCH_SIZE_EXCEEDED"))
	got := s.call("crm.item.batchImport", object{"entityTypeId": 2, "data": []object{
		{"id": 1, "title": "Shed", "categoryId": 5, "stageId": "C5:DOCS", "ufCrmDays": 3},
		{"title": "Lost", "categoryId": 77},
	}})
	wantEqual(t, "created, not changed", got.at("result", "items", 0), any(object{"item": object{"id": 4.0}}))
	wantEqual(t, "refused", got.at("result", "items", 1, "error"), any("CRM_FIELD_ERROR_VALUE_NOT_VALID"))
	item := s.call("crm.item.get", object{"entityTypeId": 2, "id": 4})
	wantEqual(t, "title", item.at("result", "item", "title"), any("Shed"))
	wantEqual(t, "days", item.at("result", "item", "ufCrmDays"), any(3.0))
	wantEqual(t, "rows", s.rowsOf(4), []string{"1 5 C5:DOCS P"})
	wantEqual(t, "total", s.call("crm.deal.list", nil).at("total"), any(4.0))
}

func TestUserfieldAdd(t *testing.T) {
	tests := []struct {
		name   string
		quirks simulator.Quirks
		field  string
		code   string // of the field that is there afterwards
		error  any
	}{
		{"the prefix is added", simulator.Quirks{}, "OVERDUE_DAYS", "UF_CRM_OVERDUE_DAYS", nil},
		{"a part of the prefix is completed", simulator.Quirks{}, "UF_OVERDUE", "UF_CRM_OVERDUE", nil},
		{"small letters become capitals", simulator.Quirks{}, "uf_crm_overdue", "UF_CRM_OVERDUE", nil},
		{"a name that is taken", simulator.Quirks{}, "DAYS", "", "ERROR_CORE"},
		{"a name with other characters", simulator.Quirks{}, "DAYS-LATE", "", "ERROR_CORE"},
		{"a name that is too long", simulator.Quirks{}, strings.Repeat("X", 44), "", "ERROR_CORE"},
		{"not an administrator", simulator.Quirks{IsNotAdmin: true}, "OVERDUE_DAYS", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, newWorld(), simulator.Options{Quirks: test.quirks})
			got := s.call("crm.deal.userfield.add", object{"fields": object{"FIELD_NAME": test.field, "USER_TYPE_ID": "integer", "LABEL": "Overdue days"}})
			wantEqual(t, "error", got.at("error"), test.error)
			item := s.call("crm.item.fields", object{"entityTypeId": 2}).at("result", "fields").(object)
			classic := s.call("crm.deal.fields", nil)
			if test.code != "" {
				wantEqual(t, "id", got.at("result"), any(5.0))
				wantEqual(t, "label", classic.at("result", test.code, "formLabel"), any("Overdue days"))
			}
			wantEqual(t, "is among the items' fields", hasUpperName(item, test.code), test.code != "")
		})
	}
}

func hasUpperName(fields object, name string) bool {
	for _, field := range fields {
		if (answer{body: field}).at("upperName") == name {
			return true
		}
	}
	return false
}
