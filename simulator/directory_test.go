package simulator_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"stagelag/simulator"
)

func TestCategories(t *testing.T) {
	w := newWorld()
	for id := simulator.FunnelID(6); id <= 56; id++ {
		w.AddFunnel(simulator.Funnel{ID: id, Name: fmt.Sprint("Funnel ", id)})
	}
	s := serve(t, w, simulator.Options{})
	got := s.call("crm.category.list", object{"entityTypeId": 2})
	wantEqual(t, "the default funnel", got.at("result", "categories", 0), any(object{
		"id": 0.0, "name": "General", "sort": 100.0, "entityTypeId": 2.0, "isDefault": "Y",
	}))
	wantEqual(t, "another funnel", got.at("result", "categories", 1), any(object{
		"id": 5.0, "name": "Projects", "sort": 200.0, "entityTypeId": 2.0, "isDefault": "N", "originId": "", "originatorId": "",
	}))
	wantEqual(t, "total", got.at("total"), any(53.0))
	wantEqual(t, "funnels in one answer", len(got.column("id", "result", "categories")), 53)
}

func TestStatuses(t *testing.T) {
	tests := []struct {
		name   string
		filter object
		want   []any
	}{
		{"the default funnel", object{"ENTITY_ID": "DEAL_STAGE"}, []any{"NEW", "EXECUTING", "WON", "LOSE", "APOLOGY"}},
		{"another funnel", object{"ENTITY_ID": "DEAL_STAGE_5"}, []any{"C5:NEW", "C5:DOCS", "C5:WON", "C5:LOSE"}},
		{"there is no DEAL_STAGE_0", object{"ENTITY_ID": "DEAL_STAGE_0"}, nil},
		{"a choice of funnels", object{"@ENTITY_ID": []string{"DEAL_STAGE_5", "DEAL_STAGE_7"}}, []any{"C5:NEW", "C5:DOCS", "C5:WON", "C5:LOSE"}},
		{"one stage", object{"STATUS_ID": "C5:WON"}, []any{"C5:WON"}},
	}
	s := serve(t, newWorld(), simulator.Options{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := s.call("crm.status.list", object{"filter": test.filter, "order": object{"SORT": "ASC"}})
			wantEqual(t, "stages", got.column("STATUS_ID", "result"), test.want)
			wantEqual(t, "total", got.at("total"), any(float64(len(test.want))))
		})
	}
}

func TestTypesOfStatuses(t *testing.T) {
	tests := []struct {
		name   string
		quirks simulator.Quirks
		stage  string
		want   any
	}{
		{"final, in a funnel", simulator.Quirks{}, "C5:WON", object{
			"ID": "8", "ENTITY_ID": "DEAL_STAGE_5", "STATUS_ID": "C5:WON", "NAME": "Won", "NAME_INIT": "", "SORT": "30", "SYSTEM": "Y",
			"CATEGORY_ID": "5", "COLOR": "#7BD500", "SEMANTICS": "S", "EXTRA": object{"SEMANTICS": "success", "COLOR": "#7BD500"},
		}},
		{"in process, in the default funnel", simulator.Quirks{}, "NEW", object{
			"ID": "1", "ENTITY_ID": "DEAL_STAGE", "STATUS_ID": "NEW", "NAME": "New", "NAME_INIT": "", "SORT": "10", "SYSTEM": "N",
			"CATEGORY_ID": nil, "COLOR": "#39A8EF", "SEMANTICS": nil, "EXTRA": object{"SEMANTICS": "process", "COLOR": "#39A8EF"},
		}},
		{"empty in another way", simulator.Quirks{MixesEmpties: true}, "NEW", object{
			"ID": "1", "ENTITY_ID": "DEAL_STAGE", "STATUS_ID": "NEW", "NAME": "New", "NAME_INIT": "", "SORT": "10", "SYSTEM": "N",
			"CATEGORY_ID": "", "COLOR": "#39A8EF", "SEMANTICS": "", "EXTRA": object{"SEMANTICS": "process", "COLOR": "#39A8EF"},
		}},
		{"a failure with an apology", simulator.Quirks{}, "APOLOGY", object{
			"ID": "5", "ENTITY_ID": "DEAL_STAGE", "STATUS_ID": "APOLOGY", "NAME": "Analysis", "NAME_INIT": "", "SORT": "50", "SYSTEM": "N",
			"CATEGORY_ID": nil, "COLOR": "#FF5752", "SEMANTICS": "F", "EXTRA": object{"SEMANTICS": "apology", "COLOR": "#FF5752"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, newWorld(), simulator.Options{Quirks: test.quirks})
			wantEqual(t, "row", s.call("crm.status.list", object{"filter": object{"STATUS_ID": test.stage}}).at("result", 0), test.want)
		})
	}
}

func TestStagesChange(t *testing.T) {
	w := newWorld()
	s := serve(t, w, simulator.Options{})
	w.AddStage(5, morning.Add(time.Hour), simulator.Stage{ID: "C5:1", Name: "Design", Sort: 25})
	w.RenameStage(5, morning.Add(time.Hour), "C5:DOCS", "Papers")
	w.DeleteStage(5, morning.Add(2*time.Hour), "C5:NEW")
	names := func() string {
		got := s.call("crm.status.entity.items", object{"entityId": "DEAL_STAGE_5"})
		return fmt.Sprint(got.column("NAME", "result"))
	}
	wantEqual(t, "before", names(), "[New Documents Won Lost]")
	s.clock.Add(time.Hour)
	wantEqual(t, "after an hour", names(), "[New Papers Design Won Lost]")
	s.clock.Add(time.Hour)
	wantEqual(t, "after two", names(), "[Papers Design Won Lost]")
}

func TestManyStages(t *testing.T) {
	w := newWorld()
	for i := range 60 {
		w.AddStage(5, time.Time{}, simulator.Stage{ID: simulator.StageID(fmt.Sprint("C5:", i)), Name: "Step"})
	}
	all := serve(t, w, simulator.Options{}).call("crm.status.list", nil)
	wantEqual(t, "rows in one answer", len(all.column("ID", "result")), 69)
	paged := serve(t, w, simulator.Options{Quirks: simulator.Quirks{PagesStatuses: true}}).call("crm.status.list", nil)
	wantEqual(t, "rows in a page", len(paged.column("ID", "result")), 50)
	wantEqual(t, "next", paged.at("next"), any(50.0))
}

func TestUsers(t *testing.T) {
	w := newWorld()
	for range 60 {
		w.AddUser(simulator.User{Name: "Clerk"})
	}
	tests := []struct {
		name   string
		params object
		want   string // how many, first and last
	}{
		{"fired ones are there, hidden ones are not", object{}, "50 [1 51]"},
		{"the second page", object{"start": 50}, "12 [52 63]"},
		{"by a list of ids", object{"FILTER": object{"ID": []int{1, 2, 3, 63}}}, "3 [1 63]"},
		{"after an id", object{"filter": object{">ID": 60}}, "3 [61 63]"},
		{"only active ones", object{"FILTER": object{"ACTIVE": true, "<ID": 5}}, "2 [1 4]"},
		{"only fired ones", object{"FILTER": object{"ACTIVE": "N"}}, "1 [2 2]"},
		{"by a department", object{"FILTER": object{"UF_DEPARTMENT": 1}}, "1 [2 2]"},
		{"downwards", object{"order": "DESC"}, "50 [63 14]"},
	}
	s := serve(t, w, simulator.Options{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			params := object{"sort": "ID", "order": "ASC"}
			maps.Copy(params, test.params)
			ids := s.call("user.get", params).column("ID", "result")
			wantEqual(t, "ids", fmt.Sprint(len(ids), firstAndLast(ids)), test.want)
		})
	}
}

func TestTypesOfUsers(t *testing.T) {
	full := object{
		"ID": "1", "ACTIVE": true, "NAME": "Ann", "LAST_NAME": "Lee", "SECOND_NAME": "", "WORK_POSITION": "", "TIME_ZONE": "",
		"IS_ONLINE": "N", "DATE_REGISTER": "", "LAST_LOGIN": "", "TIMESTAMP_X": object{}, "UF_DEPARTMENT": []any{}, "USER_TYPE": "employee",
		"EMAIL": "ann@example.org",
	}
	brief := object{}
	for name, v := range full {
		if name != "EMAIL" {
			brief[name] = v
		}
	}
	for scope, want := range map[string]object{"user": full, "user_basic": full, "user_brief": brief} {
		t.Run(scope, func(t *testing.T) {
			s := serve(t, newWorld(), simulator.Options{Scopes: []string{scope}})
			wantEqual(t, "user", s.call("user.get", object{"FILTER": object{"ID": 1}}).at("result", 0), any(want))
		})
	}
}

func TestPeopleChange(t *testing.T) {
	w := newWorld()
	s := serve(t, w, simulator.Options{})
	w.EditUser(1, morning.Add(time.Hour), func(u *simulator.User) { u.IsFired = true })
	w.EditUser(2, morning.Add(time.Hour), func(u *simulator.User) { u.IsHidden = true })
	params := object{"sort": "ID"}
	wantEqual(t, "active before", s.call("user.get", params).column("ACTIVE", "result"), []any{true, false})
	s.clock.Add(time.Hour)
	wantEqual(t, "active after", s.call("user.get", params).column("ACTIVE", "result"), []any{false})
}

func TestDepartments(t *testing.T) {
	w := newWorld()
	w.AddDepartment(simulator.Department{ID: 1, Name: "Company"})
	for id := simulator.DepartmentID(2); id <= 60; id++ {
		w.AddDepartment(simulator.Department{ID: id, Name: fmt.Sprint("Department ", id), Parent: 1, Head: 2})
	}
	s := serve(t, w, simulator.Options{})
	got := s.call("department.get", object{"sort": "ID"})
	wantEqual(t, "the root", got.at("result", 0), any(object{"ID": "1", "NAME": "Company", "SORT": "500"}))
	wantEqual(t, "another", got.at("result", 1), any(object{"ID": "2", "NAME": "Department 2", "SORT": "500", "PARENT": "1", "UF_HEAD": "2"}))
	wantEqual(t, "next", got.at("next"), any(50.0))
	wantEqual(t, "the second page", len(s.call("department.get", object{"START": 50}).column("ID", "result")), 10)
	wantEqual(t, "by id", s.call("department.get", object{"ID": 7}).column("NAME", "result"), []any{"Department 7"})
}
