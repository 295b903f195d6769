package simulator_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"stagelag/simulator"
)

func TestCompanies(t *testing.T) {
	w := newWorld()
	for i := range 60 {
		w.AddCompany(simulator.Company{Title: fmt.Sprint("Company ", i+1), Created: morning.AddDate(0, 0, -1)})
	}
	w.EditCompany(3, morning.Add(time.Hour), func(c *simulator.Company) { c.Title = "Renamed" })
	w.EditCompany(4, time.Time{}, func(c *simulator.Company) { c.IsHidden = true })
	w.DeleteCompany(5, morning.Add(time.Hour))
	s := serve(t, w, simulator.Options{})
	s.clock.Add(2 * time.Hour)
	list := func(further object) answer {
		params := object{"entityTypeId": 4, "select": []any{"id", "title"}, "order": object{"id": "ASC"}}
		maps.Copy(params, further)
		return s.call("crm.item.list", params)
	}
	all := list(nil)
	wantEqual(t, "a page", len(all.column("id", "result", "items")), 50)
	wantEqual(t, "the total, without the hidden and the deleted one", all.at("total"), any(58.0))
	wantEqual(t, "a row", all.at("result", "items", 2), any(object{"id": 3.0, "title": "Renamed"}))
	wantEqual(t, "by id", list(object{"filter": object{"@id": []any{3, 4, 5, 6}}}).column("id", "result", "items"), []any{3.0, 6.0})
	wantEqual(t, "changed", list(object{"filter": object{">=updatedTime": morning.Format(time.RFC3339)}}).column("id", "result", "items"), []any{3.0})
	classic := s.call("crm.company.list", object{"filter": object{"ID": 3}, "select": []any{"ID", "TITLE"}})
	wantEqual(t, "the classic method", classic.at("result", 0), any(object{"ID": "3", "TITLE": "Renamed"}))
	wantEqual(t, "another kind of records", s.call("crm.item.list", object{"entityTypeId": 31}).at("error"), any("NOT_FOUND"))
}

func TestElementsOfLists(t *testing.T) {
	w := newWorld()
	w.AddField(simulator.Field{Name: "UF_CRM_COLOUR", Type: "enumeration", Options: []string{"Red", "Blue"}})
	w.AddField(simulator.Field{Name: "UF_CRM_NOTE", Type: "string"})
	for _, hides := range []bool{false, true} {
		s := serve(t, w, simulator.Options{Quirks: simulator.Quirks{HidesListItems: hides}})
		told := s.call("crm.item.fields", object{"entityTypeId": 2}).at("result", "fields", "ufCrmColour", "items")
		want := any([]any{object{"ID": "43", "VALUE": "Red"}, object{"ID": "44", "VALUE": "Blue"}})
		if hides {
			want = nil
		}
		wantEqual(t, "the elements among the fields", told, want)
		rows := s.call("crm.deal.userfield.list", object{"filter": object{"FIELD_NAME": "UF_CRM_COLOUR"}})
		wantEqual(t, "an element", rows.at("result", 0, "LIST", 1), any(object{"ID": "44", "SORT": "200", "VALUE": "Blue", "DEF": "N", "XML_ID": ""}))
		rows = s.call("crm.deal.userfield.list", object{"filter": object{"FIELD_NAME": "UF_CRM_NOTE"}})
		wantEqual(t, "the elements of a field that is no list", rows.at("result", 0, "LIST"), nil)
	}
}
