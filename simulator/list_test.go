package simulator_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"stagelag/simulator"
)

func TestPages(t *testing.T) {
	w := newWorld()
	manyDeals(w, 120)
	tests := []struct {
		name                     string
		quirks                   simulator.Quirks
		method                   string
		start                    any
		first, last, total, next any
	}{
		{"the first page", simulator.Quirks{}, "crm.deal.list", nil, "1", "50", 120.0, 50.0},
		{"the second page", simulator.Quirks{}, "crm.deal.list", 50, "51", "100", 120.0, 100.0},
		{"the last page has no next", simulator.Quirks{}, "crm.deal.list", "100", "101", "120", 120.0, nil},
		{"beyond the end there is nothing", simulator.Quirks{}, "crm.deal.list", 150, nil, nil, 120.0, nil},
		{"a start within a page is rounded down", simulator.Quirks{}, "crm.deal.list", 99, "51", "100", 120.0, 100.0},
		{"a start within a page is taken where that is so", simulator.Quirks{TakesAnyStart: true}, "crm.deal.list", 99, "100", "120", 120.0, nil},
		{"uncounted, a classic method tells 0", simulator.Quirks{}, "crm.deal.list", -1, "1", "50", 0.0, nil},
		{"uncounted, a controller tells nothing", simulator.Quirks{}, "crm.item.list", -1, 1.0, 50.0, nil, nil},
		{"uncounted, a controller tells 0 where that is so", simulator.Quirks{CountsUncountedAsZero: true}, "crm.item.list", -1, 1.0, 50.0, 0.0, nil},
		{"a controller counts", simulator.Quirks{}, "crm.item.list", 100, 101.0, 120.0, 120.0, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, w, simulator.Options{Quirks: test.quirks})
			got := s.call(test.method, object{"entityTypeId": 2, "start": test.start, "order": object{"id": "ASC"}, "select": []string{"id"}})
			ids := idsOf(got)
			wantEqual(t, "first and last", fmt.Sprint(firstAndLast(ids)...), fmt.Sprint(test.first, test.last))
			wantEqual(t, "total", got.at("total"), test.total)
			wantEqual(t, "next", got.at("next"), test.next)
		})
	}
}

// idsOf are the ids of the rows, whichever family of methods told them.
func idsOf(a answer) []any {
	if ids := a.column("id", "result", "items"); ids != nil {
		return ids
	}
	if ids := a.column("ID", "result", "items"); ids != nil {
		return ids
	}
	return a.column("ID", "result")
}

func firstAndLast(ids []any) []any {
	if len(ids) == 0 {
		return []any{nil, nil}
	}
	return []any{ids[0], ids[len(ids)-1]}
}

func TestWithoutAnOrderThereIsNone(t *testing.T) {
	w := newWorld()
	manyDeals(w, 30)
	s := serve(t, w, simulator.Options{})
	for _, method := range []string{"crm.deal.list", "crm.item.list", "crm.stagehistory.list"} {
		ids := idsOf(s.call(method, object{"entityTypeId": 2}))
		wantEqual(t, method+": rows", len(ids), 30)
		isSorted := slices.IsSortedFunc(ids, func(a, b any) int { return len(fmt.Sprint(a)) - len(fmt.Sprint(b)) })
		wantEqual(t, method+": sorted by id", isSorted, false)
	}
}

// filterWorld has six deals that differ in everything.
func filterWorld() *simulator.World {
	w := newWorld()
	at := func(day, hour int) time.Time { return time.Date(2026, 3, day, hour, 0, 0, 0, moscow) }
	w.AddDeal(simulator.Deal{Title: "Roof", Stage: "NEW", Manager: 1, Cents: 150_00, Created: at(1, 10), Close: at(20, 0),
		Fields: map[string]any{"UF_CRM_DAYS": 5, "UF_CRM_URGENT": true}})
	w.AddDeal(simulator.Deal{Title: "roofing", Stage: "WON", Manager: 1, Cents: 150_50, Created: at(2, 10)})
	w.AddDeal(simulator.Deal{Title: "Barn", Stage: "NEW", Manager: 2, Cents: 90_00, Created: at(3, 10),
		Fields: map[string]any{"UF_CRM_TAGS": []string{"41", "42"}}})
	w.AddDeal(simulator.Deal{Title: "Farm barn", Funnel: 5, Stage: "C5:DOCS", Created: at(4, 10),
		Fields: map[string]any{"UF_CRM_DAYS": 0, "UF_CRM_1700000001": "2026-04-01"}})
	w.AddDeal(simulator.Deal{Title: "50% house", Funnel: 5, Stage: "C5:NEW", Created: at(5, 10), IsRecurring: true})
	w.AddDeal(simulator.Deal{Title: "", Stage: "LOSE", Manager: 3, Created: at(6, 10),
		Fields: map[string]any{"UF_CRM_DAYS": 12, "UF_CRM_TAGS": []string{"42"}}})
	return w
}

func TestFilters(t *testing.T) {
	tests := []struct {
		name   string
		filter object
		want   string // ids
	}{
		{"equal without a sign", object{"stageId": "NEW"}, "[1 3]"},
		{"equal", object{"=assignedById": 1}, "[1 2]"},
		{"an array is a choice", object{"stageId": []string{"NEW", "LOSE"}}, "[1 3 6]"},
		{"in", object{"@id": []int{6, 2, 2, 99}}, "[2 6]"},
		{"in, and within a range", object{"@id": []int{2, 3, 4}, ">id": 2}, "[3 4]"},
		{"in nothing", object{"@id": []int{}}, "[]"},
		{"not in", object{"!@id": []int{1, 2, 3}}, "[4 5 6]"},
		{"not", object{"!stageId": "NEW"}, "[2 4 5 6]"},
		{"not, in full", object{"!=assignedById": 1}, "[3 4 5 6]"},
		{"a range", object{">id": 2, "<=id": 4}, "[3 4]"},
		{"an open range", object{">=id": "5"}, "[5 6]"},
		{"an empty range", object{">id": 4, "<id": 5}, "[]"},
		{"the default funnel among others", object{"@categoryId": []int{0}}, "[1 2 3 6]"},
		{"amounts", object{">opportunity": 150, "<=opportunity": "150.50"}, "[2]"},
		{"times with an offset", object{">=createdTime": "2026-03-04T07:00:00+00:00"}, "[4 5 6]"},
		{"times without an offset are the server's", object{"<createdTime": "2026-03-02 10:00:01"}, "[1 2]"},
		{"days", object{">closedate": "2026-03-19"}, "[1]"},
		{"no day", object{"=begindate": ""}, "[1 2 3 4 5 6]"},
		{"a day of a custom field", object{"=ufCrm_1700000001": "2026-04-01"}, "[4]"},
		{"a number of a custom field", object{">ufCrmDays": 4}, "[1 6]"},
		{"zero is a number, not nothing", object{"=ufCrmDays": 0}, "[4]"},
		{"no number", object{"=ufCrmDays": ""}, "[2 3 5]"},
		{"a flag reads Y and is asked for as 1", object{"=ufCrmUrgent": 1}, "[1]"},
		{"a flag asked for as it reads", object{"=ufCrmUrgent": "Y"}, "[]"},
		{"one of several values", object{"=ufCrmTags": 42}, "[3 6]"},
		{"any of several values", object{"@ufCrmTags": []int{41, 43}}, "[3]"},
		{"a part of a text, in any case", object{"%title": "BARN"}, "[3 4]"},
		{"not a part of a text", object{"!%title": "barn"}, "[1 2 5 6]"},
		{"a pattern", object{"=%title": "r%f%"}, "[1 2]"},
		{"a pattern, the other way round", object{"%=title": "%barn"}, "[3 4]"},
		{"not a pattern", object{"!=%title": "%o%"}, "[3 4 6]"},
		{"not a pattern, the other way round", object{"!%=title": "%"}, "[]"},
		{"templates", object{"=isRecurring": "Y"}, "[5]"},
		{"either of two", object{"0": object{"logic": "OR", "0": object{"stageId": "WON"}, "1": object{"stageId": "LOSE"}}}, "[2 6]"},
		{"either of two, at the top", object{"logic": "OR", "0": object{"=id": 1}, "1": object{"=id": 4, "categoryId": 5}}, "[1 4]"},
		{"either of two, and more", object{"<id": 6, "0": object{"logic": "OR", "0": object{"stageId": "WON"}, "1": object{"stageId": "LOSE"}}}, "[2]"},
		{"both of two", object{"0": object{"stageId": "NEW", ">id": 1}}, "[3]"},
		{"a broken number is what PHP makes of it", object{">id": "4th"}, "[5 6]"},
	}
	s := serve(t, filterWorld(), simulator.Options{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := s.call("crm.item.list", object{"entityTypeId": 2, "filter": test.filter, "order": object{"id": "ASC"}})
			wantEqual(t, "ids", fmt.Sprint(idsOf(got)), test.want)
			counted := fmt.Sprint(got.at("total"))
			wantEqual(t, "total", counted, fmt.Sprint(len(idsOf(got))))
		})
	}
}

func TestWrongFilters(t *testing.T) {
	tests := []struct {
		name   string
		method string
		params object
		want   any // the error, or the number of rows
	}{
		{"items refuse unknown names", "crm.item.list", object{"filter": object{"PHASE": "NEW"}}, "INVALID_ARG_VALUE"},
		{"items take the names of the classic methods", "crm.item.list", object{"filter": object{">ID": 4}, "order": object{"ID": "ASC"}}, 2},
		{"items take names in any case", "crm.item.list", object{"filter": object{">Id": 4}}, 2},
		{"items refuse unknown names in a choice", "crm.item.list", object{"filter": object{"0": object{"logic": "OR", "0": object{"wish": 1}}}}, "INVALID_ARG_VALUE"},
		{"items refuse names that only show", "crm.item.list", object{"filter": object{"observers": 1}}, "INVALID_ARG_VALUE"},
		{"items refuse broken times", "crm.item.list", object{"filter": object{">updatedTime": "yesterday"}}, "INVALID_ARG_VALUE"},
		{"items refuse unknown orders", "crm.item.list", object{"order": object{"PHASE": "ASC"}}, "INVALID_ARG_VALUE"},
		{"items refuse unknown directions", "crm.item.list", object{"order": object{"id": "UP"}}, "INVALID_ARG_VALUE"},
		{"history refuses unknown names", "crm.stagehistory.list", object{"filter": object{"DEAL_ID": 1}}, "INVALID_ARG_VALUE"},
		{"classic methods drop unknown names", "crm.deal.list", object{"filter": object{"WISH": 1}}, 6},
		{"classic methods drop choices", "crm.deal.list", object{"filter": object{"0": object{"logic": "OR", "0": object{"ID": 1}}}}, 6},
		{"classic methods drop what is not like", "crm.deal.list", object{"filter": object{"!%TITLE": "barn"}}, 6},
		{"classic methods take names in any case", "crm.deal.list", object{"FILTER": object{">id": 4}}, 2},
		{"classic methods drop broken times", "crm.deal.list", object{"filter": object{">DATE_CREATE": "yesterday"}}, 6},
		{"classic methods drop broken times in any form", "crm.deal.list", object{"filter": object{"!@DATE_CREATE": []string{"yesterday"}}}, 6},
		{"classic methods want an array", "crm.deal.list", object{"filter": "ID=1"}, ""},
	}
	s := serve(t, filterWorld(), simulator.Options{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.params["entityTypeId"] = 2
			got := s.call(test.method, test.params)
			outcome := got.at("error")
			if outcome == nil {
				outcome = len(idsOf(got))
			}
			wantEqual(t, "outcome", outcome, test.want)
		})
	}
}

func TestIgnoredISOFilters(t *testing.T) {
	s := serve(t, filterWorld(), simulator.Options{Quirks: simulator.Quirks{IgnoresISOFilters: true}})
	for filter, want := range map[string]int{"2026-03-05T10:00:00+03:00": 6, "2026-03-05 10:00:00": 2} {
		got := s.call("crm.item.list", object{"entityTypeId": 2, "filter": object{">=createdTime": filter}})
		wantEqual(t, "rows since "+filter, len(idsOf(got)), want)
	}
}

func TestOrders(t *testing.T) {
	tests := []struct {
		name  string
		order string // a query, which keeps its order
		want  string
	}{
		{"by id", "order[id]=ASC", "[1 2 3 4 5 6]"},
		{"by id, downwards", "order[id]=desc", "[6 5 4 3 2 1]"},
		{"by an amount, ties by id", "order[opportunity]=DESC", "[2 1 3 4 5 6]"},
		{"by two", "order[categoryId]=DESC&order[title]=ASC", "[5 4 6 3 1 2]"},
		{"what has no value comes first", "order[ufCrmDays]=ASC", "[2 3 5 4 1 6]"},
	}
	s := serve(t, filterWorld(), simulator.Options{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := s.send("GET", s.WebhookURL(s.base)+"crm.item.list?entityTypeId=2&"+test.order, "", "")
			wantEqual(t, "ids", fmt.Sprint(idsOf(got)), test.want)
		})
	}
}

func TestPagesShiftWhenDealsGo(t *testing.T) {
	w := newWorld()
	manyDeals(w, 120)
	s := serve(t, w, simulator.Options{})
	byOffset := object{"entityTypeId": 2, "order": object{"id": "ASC"}, "start": 50}
	byKey := object{"entityTypeId": 2, "order": object{"id": "ASC"}, "filter": object{">id": 50}, "start": -1}
	w.DeleteDeal(10, morning)
	wantEqual(t, "first of the second page", idsOf(s.call("crm.item.list", byOffset))[0], any(52.0))
	wantEqual(t, "first after the key", idsOf(s.call("crm.item.list", byKey))[0], any(51.0))
	w.HideDeal(51, morning)
	wantEqual(t, "first after the key without a hidden one", idsOf(s.call("crm.item.list", byKey))[0], any(52.0))
	wantEqual(t, "total", s.call("crm.deal.list", nil).at("total"), any(118.0))
}

func TestSelect(t *testing.T) {
	w := newWorld()
	w.AddDeal(simulator.Deal{Title: "Roof", Stage: "NEW", Created: morning, Fields: map[string]any{"UF_CRM_DAYS": 5}})
	const days, due, tags, urgent = "ufCrmDays", "ufCrm_1700000001", "ufCrmTags", "ufCrmUrgent"
	tests := []struct {
		name   string
		quirks simulator.Quirks
		method string
		params object
		want   any
	}{
		{"names, unknown ones ignored", simulator.Quirks{}, "crm.item.list", object{"select": []string{"id", "title", "id", "wish", days}},
			object{"id": 1.0, "title": "Roof", days: 5.0}},
		{"the mask for custom fields", simulator.Quirks{}, "crm.item.list", object{"select": []string{"uf*"}},
			object{days: 5.0, due: nil, tags: []any{}, urgent: "N"}},
		{"original names", simulator.Quirks{}, "crm.item.list", object{"select": []string{"id", "UF_CRM_DAYS", days}, "useOriginalUfNames": "Y"},
			object{"id": 1.0, "UF_CRM_DAYS": 5.0}},
		{"original names lose system fields where that is so", simulator.Quirks{LosesFieldsByOriginalNames: true}, "crm.item.list",
			object{"select": []string{"id", "UF_CRM_DAYS"}, "useOriginalUfNames": "Y"}, object{"UF_CRM_DAYS": 5.0}},
		{"original names lose all where that is so", simulator.Quirks{LosesFieldsByOriginalNames: true}, "crm.item.list",
			object{"select": []string{"id", "title"}, "useOriginalUfNames": "Y"}, []any{}},
		{"classic names", simulator.Quirks{}, "crm.deal.list", object{"select": []string{"ID", "UF_CRM_DAYS"}}, object{"ID": "1", "UF_CRM_DAYS": "5"}},
		{"the classic mask for custom fields", simulator.Quirks{}, "crm.deal.list", object{"select": []string{"ID", "UF_*"}},
			object{"ID": "1", "UF_CRM_DAYS": "5", "UF_CRM_1700000001": nil, "UF_CRM_TAGS": []any{}, "UF_CRM_URGENT": "0"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, w, simulator.Options{Quirks: test.quirks})
			test.params["entityTypeId"] = 2
			got := s.call(test.method, test.params)
			row := got.at("result", "items", 0)
			if row == nil {
				row = got.at("result", 0)
			}
			wantEqual(t, "row", row, test.want)
		})
	}
}

func TestMaskForAllFields(t *testing.T) {
	w := newWorld()
	w.AddDeal(simulator.Deal{Title: "Roof", Stage: "NEW", Created: morning})
	s := serve(t, w, simulator.Options{})
	tests := []struct {
		name      string
		row       any
		hasSystem bool
		hasCustom bool
	}{
		{"items with the star", s.call("crm.item.list", object{"entityTypeId": 2, "select": []string{"*"}}).at("result", "items", 0), true, true},
		{"items without a select", s.call("crm.item.list", object{"entityTypeId": 2}).at("result", "items", 0), true, true},
		{"classic with the star", s.call("crm.deal.list", object{"select": []string{"*"}}).at("result", 0), true, false},
		{"classic without a select", s.call("crm.deal.list", nil).at("result", 0), true, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			row := test.row.(object)
			_, hasItemStage := row["stageId"]
			_, hasStage := row["STAGE_ID"]
			_, hasItemDays := row["ufCrmDays"]
			_, hasDays := row["UF_CRM_DAYS"]
			wantEqual(t, "system fields", hasItemStage || hasStage, test.hasSystem)
			wantEqual(t, "custom fields", hasItemDays || hasDays, test.hasCustom)
		})
	}
}
