package simulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stagelag/simulator"
	"stagelag/simulator/simulatortest"
)

// A site is a portal that serves over HTTP.
type site struct {
	*simulator.Portal
	t     *testing.T
	base  string
	clock *simulatortest.Clock
	world *simulator.World
}

var (
	moscow  = time.FixedZone("", 3*60*60)
	morning = time.Date(2026, 3, 10, 9, 0, 0, 0, moscow) // when the sites of the tests go on the air
)

func serve(t *testing.T, w *simulator.World, options simulator.Options) *site {
	t.Helper()
	return serveAt(t, w, options, simulatortest.NewClock(morning))
}

func serveAt(t *testing.T, w *simulator.World, options simulator.Options, c *simulatortest.Clock) *site {
	t.Helper()
	options.Now = c.Now
	p := simulator.New(w, options)
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return &site{Portal: p, t: t, base: server.URL, clock: c, world: w}
}

// An answer is what a test's call brought back.
type answer struct {
	status int
	body   any // decoded JSON
}

// at is what stands under a path of names and positions, nil where there is nothing.
func (a answer) at(path ...any) any {
	v := a.body
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// column is one member of each item of the list under a path, nil if the first has none.
func (a answer) column(name string, path ...any) []any {
	list, _ := a.at(path...).([]any)
	var all []any
	for _, item := range list {
		all = append(all, answer{body: item}.at(name))
	}
	if len(all) > 0 && all[0] == nil {
		return nil
	}
	return all
}

// object is a set of parameters.
type object = map[string]any

// call posts parameters as JSON, and wants an answer in JSON.
func (s *site) call(method string, params object) answer {
	s.t.Helper()
	body, err := json.Marshal(params)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.send(http.MethodPost, s.WebhookURL(s.base)+method, "application/json", string(body))
}

func (s *site) send(verb, url, contentType, body string) answer {
	s.t.Helper()
	request, err := http.NewRequest(verb, url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	out := answer{status: response.StatusCode}
	if err := json.Unmarshal(text, &out.body); err != nil {
		s.t.Fatalf("%s answered %q: %v", url, text, err)
	}
	return out
}

func wantEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// newWorld has a default funnel, the funnel 5, three people and a few fields.
func newWorld() *simulator.World {
	w := simulator.NewWorld()
	w.AddFunnel(simulator.Funnel{ID: 0, Name: "General", Stages: []simulator.Stage{
		{ID: "NEW", Name: "New"},
		{ID: "EXECUTING", Name: "In progress"},
		{ID: "WON", Name: "Won", Semantics: simulator.Success},
		{ID: "LOSE", Name: "Lost", Semantics: simulator.Failure},
		{ID: "APOLOGY", Name: "Analysis", Semantics: simulator.Failure},
	}})
	w.AddFunnel(simulator.Funnel{ID: 5, Name: "Projects", Stages: []simulator.Stage{
		{ID: "C5:NEW", Name: "New"},
		{ID: "C5:DOCS", Name: "Documents"},
		{ID: "C5:WON", Name: "Won", Semantics: simulator.Success},
		{ID: "C5:LOSE", Name: "Lost", Semantics: simulator.Failure},
	}})
	w.AddUser(simulator.User{Name: "Ann", LastName: "Lee", Email: "ann@example.org"})
	w.AddUser(simulator.User{Name: "Bob", LastName: "Ray", Departments: []simulator.DepartmentID{1}, IsFired: true})
	w.AddUser(simulator.User{Name: "Robot", IsHidden: true})
	w.AddField(simulator.Field{Name: "UF_CRM_DAYS", Type: "integer", Label: "Days"})
	w.AddField(simulator.Field{Name: "UF_CRM_1700000001", Type: "date", Label: "Due"})
	w.AddField(simulator.Field{Name: "UF_CRM_TAGS", Type: "enumeration", Label: "Tags", IsMultiple: true, Options: []string{"Red", "Blue"}})
	w.AddField(simulator.Field{Name: "UF_CRM_URGENT", Type: "boolean", Label: "Urgent"})
	return w
}

// manyDeals adds deals to funnel 0, one a minute up to the morning.
func manyDeals(w *simulator.World, n int) {
	for i := range n {
		w.AddDeal(simulator.Deal{Title: "deal " + strconv.Itoa(i+1), Stage: "NEW", Manager: 1, Created: morning.Add(time.Duration(i-n) * time.Minute)})
	}
}

func TestWaysToAsk(t *testing.T) {
	w := newWorld()
	manyDeals(w, 3)
	s := serve(t, w, simulator.Options{})
	url := s.WebhookURL(s.base)
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	for _, part := range [][2]string{{"entityTypeId", "2"}, {"filter[>id]", "2"}, {"select[]", "id"}} {
		if err := parts.WriteField(part[0], part[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := parts.Close(); err != nil {
		t.Fatal(err)
	}
	const query = "entityTypeId=2&filter[%3Eid]=2&select[]=id"
	const urlencoded = "application/x-www-form-urlencoded"
	tests := []struct {
		name, verb, path, contentType, body string
	}{
		{"query string", "GET", "crm.item.list?" + query, "", ""},
		{"a suffix for the format", "GET", "crm.item.list.json?" + query, "", ""},
		{"a slash at the end", "GET", "crm.item.list/?" + query, "", ""},
		{"a name in capitals", "GET", "CRM.Item.LIST?" + query, "", ""},
		{"form", "POST", "crm.item.list", urlencoded, query},
		{"form with numbered items", "POST", "crm.item.list", urlencoded, "entityTypeId=2&filter[@id][0]=3&filter[@id][1]=9&select[0]=id"},
		{"multipart form", "POST", "crm.item.list", parts.FormDataContentType(), form.String()},
		{"JSON", "POST", "crm.item.list", "application/json; charset=utf-8", `{"entityTypeId":2,"filter":{">id":2},"select":["id"]}`},
		{"the body counts more than the query string", "POST", "crm.item.list?entityTypeId=7&select[]=id", "application/json", `{"entityTypeId":2,"filter":{"id":3}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := s.send(test.verb, url+test.path, test.contentType, test.body)
			wantEqual(t, "items", got.at("result", "items"), any([]any{object{"id": 3.0}}))
		})
	}
}

func TestRefusalsBeforeTheMethod(t *testing.T) {
	tests := []struct {
		name    string
		options simulator.Options
		path    string
		status  int
		code    any
	}{
		{"a wrong secret", simulator.Options{}, "/rest/1/wrong/scope", 401, "NO_AUTH_FOUND"},
		{"another user", simulator.Options{}, "/rest/2/secret/scope", 401, "NO_AUTH_FOUND"},
		{"no webhook at all", simulator.Options{}, "/rest/scope", 401, "NO_AUTH_FOUND"},
		{"an unknown method", simulator.Options{}, "/rest/1/secret/crm.dream.list", 404, "ERROR_METHOD_NOT_FOUND"},
		{"a missing scope", simulator.Options{Scopes: []string{"crm"}}, "/rest/1/secret/user.get", 403, "insufficient_scope"},
		{"a plan without REST", simulator.Options{Quirks: simulator.Quirks{IsUnpaid: true}}, "/rest/1/secret/scope", 403, "ACCESS_DENIED"},
		{"plain http", simulator.Options{Quirks: simulator.Quirks{RequiresHTTPS: true}}, "/rest/1/secret/scope", 400, "INVALID_REQUEST"},
		{"a missing parameter", simulator.Options{}, "/rest/1/secret/crm.item.list", 400, "100"},
		{"an unknown kind of records", simulator.Options{}, "/rest/1/secret/crm.item.list?entityTypeId=177", 400, "NOT_FOUND"},
		{"an old invoice", simulator.Options{}, "/rest/1/secret/crm.item.list?entityTypeId=5", 400, "ENTITY_TYPE_NOT_SUPPORTED"},
		{"an empty code of a classic method", simulator.Options{}, "/rest/1/secret/crm.deal.get?id=99", 400, ""},
		{"a code that is a number", simulator.Options{}, "/rest/1/secret/crm.stagehistory.list?entityTypeId=2&filter=x", 400, 0.0},
		{"a text in place of a code", simulator.Options{}, "/rest/1/secret/crm.status.list?filter=x", 400, "Parameters are invalid"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, newWorld(), test.options)
			got := s.send("GET", s.base+test.path, "", "")
			wantEqual(t, "status", got.status, test.status)
			wantEqual(t, "error", got.at("error"), test.code)
			wantEqual(t, "time", got.at("time"), nil)
		})
	}
}

func TestMalformedJSON(t *testing.T) {
	tests := []struct {
		name   string
		quirks simulator.Quirks
		status int
	}{
		{"is a body without parameters", simulator.Quirks{}, 200},
		{"is refused where that is so", simulator.Quirks{RefusesMalformedJSON: true}, 400},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, newWorld(), simulator.Options{Quirks: test.quirks})
			got := s.send("POST", s.WebhookURL(s.base)+"crm.deal.list", "application/json", `{"filter":{">ID":`)
			wantEqual(t, "status", got.status, test.status)
		})
	}
}

func TestSystemMethods(t *testing.T) {
	tests := []struct {
		name    string
		options simulator.Options
		method  string
		params  object
		want    any
	}{
		{"scope", simulator.Options{Scopes: []string{"crm"}}, "scope", nil, []any{"crm"}},
		{"the clock, in UTC", simulator.Options{Zone: moscow}, "server.time", nil, "2026-03-10T06:00:00+00:00"},
		{"profile", simulator.Options{}, "profile", nil, object{"ID": "1", "ADMIN": true, "NAME": "Ann", "LAST_NAME": "Lee", "PERSONAL_GENDER": "", "TIME_ZONE": ""}},
		{"no administrator", simulator.Options{Quirks: simulator.Quirks{IsNotAdmin: true}}, "user.admin", nil, false},
		{"a method that is there", simulator.Options{}, "method.get", object{"name": "crm.item.list"}, object{"isExisting": true, "isAvailable": true}},
		{"a method without its scope", simulator.Options{Scopes: []string{"user"}}, "method.get", object{"name": "crm.item.list"}, object{"isExisting": true, "isAvailable": false}},
		{"a method that is not there", simulator.Options{}, "method.get", object{"name": "crm.item.wish"}, object{"isExisting": false, "isAvailable": false}},
		{"the tariff", simulator.Options{Limits: simulator.Enterprise}, "app.info", nil, object{"SCOPE": []any{"crm", "user", "department"}, "LICENSE": "ru_ent250"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, newWorld(), test.options)
			wantEqual(t, test.method, s.call(test.method, test.params).at("result"), test.want)
		})
	}
}

func TestTimeOfAnAnswer(t *testing.T) {
	costs := map[string]time.Duration{"scope": 250 * time.Millisecond}
	unix := float64(morning.Unix())
	tests := []struct {
		name    string
		options simulator.Options
		want    object
	}{
		{"with limits", simulator.Options{Limits: simulator.Standard}, object{
			"start": unix, "finish": unix + 0.25, "duration": 0.25, "processing": 0.25,
			"date_start": "2026-03-10T09:00:00+03:00", "date_finish": "2026-03-10T09:00:00+03:00",
			"operating": 0.25, "operating_reset_at": unix + 600,
		}},
		{"without limits", simulator.Options{}, object{
			"start": unix, "finish": unix + 0.25, "duration": 0.25, "processing": 0.25,
			"date_start": "2026-03-10T09:00:00+03:00", "date_finish": "2026-03-10T09:00:00+03:00",
		}},
		{"only operating, whole seconds", simulator.Options{Limits: simulator.Standard, Quirks: simulator.Quirks{HidesOperatingReset: true, WritesIntegerTimes: true}}, object{
			"start": unix, "finish": unix, "duration": 0.25, "processing": 0.25,
			"date_start": "2026-03-10T09:00:00+03:00", "date_finish": "2026-03-10T09:00:00+03:00",
			"operating": 0.25,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.options.Costs = costs
			s := serve(t, newWorld(), test.options)
			wantEqual(t, "time", s.call("scope", nil).at("time"), any(test.want))
		})
	}
}

func TestTextIsEscapedAsPHPDoes(t *testing.T) {
	w := newWorld()
	const title = "Крыша «A/B» \"x\" <&'> 🏠\n\t\\\x01"
	w.AddDeal(simulator.Deal{Title: title, Stage: "NEW", Created: morning})
	s := serve(t, w, simulator.Options{})
	response, err := http.Get(s.WebhookURL(s.base) + "crm.deal.list?select[]=TITLE")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range text {
		if c >= 0x80 || c < 0x20 {
			t.Fatalf("byte %d of %q is not printable ASCII", i, text)
		}
	}
	wantEqual(t, "title", s.call("crm.deal.list", nil).at("result", 0, "TITLE"), any(title))
}

func TestLogTellsWhatWasAsked(t *testing.T) {
	s := serve(t, newWorld(), simulator.Options{Costs: map[string]time.Duration{"crm.item.list": time.Second}})
	s.call("CRM.item.list", object{"entityTypeId": 2, "filter": object{">id": 7, "@stageId": []string{"NEW", "WON"}}})
	s.clock.Add(time.Minute)
	s.call("batch", object{"cmd": object{"a": "user.get?FILTER[ID]=1", "b": "crm.deal.get?id=9"}})
	log := s.Log()
	if len(log) != 2 {
		t.Fatalf("log has %d calls, want 2", len(log))
	}
	first, second := log[0], log[1]
	wantEqual(t, "first", fmt.Sprint(first.Number, first.Method, first.Status, first.Cost, first.InFlight, first.Client),
		fmt.Sprint(1, "crm.item.list", 200, time.Second, 1, "127.0.0.1"))
	wantEqual(t, "its parameters", first.Params.Text("filter", ">id")+fmt.Sprint(first.Params.List("filter", "@stageId"), first.Params.Keys("filter")), "7[NEW WON] [>id @stageId]")
	wantEqual(t, "time between", second.At.Sub(first.At), time.Minute)
	wantEqual(t, "commands", fmt.Sprint(second.Commands[0].Key, second.Commands[0].Method, second.Commands[0].Params.Text("FILTER", "ID"), second.Commands[0].HasFailed, second.Commands[1].HasFailed),
		fmt.Sprint("a", "user.get", "1", false, true))
}
