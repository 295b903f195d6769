package bitrix24

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

func TestFieldValue(t *testing.T) {
	moscow := time.FixedZone("", 3*60*60)
	tests := []struct {
		name, kind, raw, want string
	}{
		{"null is none", "integer", `null`, ""},
		{"an empty text is none", "string", `""`, ""},
		{"false is none", "double", `false`, ""},
		{"an empty array is none", "string", `[ ]`, ""},
		{"an empty object is none", "string", `{}`, ""},
		{"zero is a value", "integer", `0`, "0"},
		{"zero as text is a value", "integer", `"0"`, "0"},
		{"a number loses its zeros", "double", `"150.00"`, "150"},
		{"a number with an exponent is written out", "double", `1.5e2`, "150"},
		{"a negative number stays", "integer", `"-3"`, "-3"},
		{"a text in a number field stays", "integer", `"ten"`, "ten"},
		{"a huge exponent stays text", "double", `1e999999999`, "1e999999999"},
		{"text stays as it is", "string", `"007"`, "007"},
		{"of money the amount counts", "money", `"10|RUB"`, "10"},
		{"an amount loses its zeros", "money", `"150.00|EUR"`, "150"},
		{"no money is an amount too", "money", `"0|RUB"`, "0"},
		{"a currency alone is none", "money", `"|RUB"`, ""},
		{"money without a currency", "money", `"10"`, "10"},
		{"money as a number", "money", `10.00`, "10"},
		{"no amount stays text", "money", `"ten|RUB"`, "ten|RUB"},
		{"one amount beside a currency alone", "money", `["|RUB", "10|RUB"]`, "10"},
		{"currencies alone are none", "money", `["|RUB", "|EUR"]`, ""},
		{"a text that looks like money stays", "string", `"10|RUB"`, "10|RUB"},
		{"a number in a text field is shortened", "string", `7.50`, "7.5"},
		{"a date is the day at UTC midnight", "date", `"2026-02-10T03:00:00+03:00"`, "2026-02-10"},
		{"west of Greenwich too", "date", `"2026-02-09T19:00:00-05:00"`, "2026-02-10"},
		{"far west", "date", `"2026-03-09T13:00:00-11:00"`, "2026-03-10"},
		{"far east", "date", `"2026-03-10T14:00:00+14:00"`, "2026-03-10"},
		{"a date at local midnight west of Greenwich", "date", `"2026-03-10T00:00:00-05:00"`, "2026-03-10"},
		{"a date at the server's midnight in UTC", "date", `"2026-03-09T21:00:00Z"`, "2026-03-10"},
		{"a date at the server's midnight in another offset", "date", `"2026-03-09T22:00:00+01:00"`, "2026-03-10"},
		{"a date with a time in the day", "date", `"2026-03-10T15:00:00+03:00"`, "2026-03-10"},
		{"a date as documented", "date", `"2026-02-10"`, "2026-02-10"},
		{"a date at local midnight", "date", `"2026-02-10T00:00:00+03:00"`, "2026-02-10"},
		{"a date in the local form", "date", `"24.08.2023"`, "2023-08-24"},
		{"a local form with a time", "date", `"24.08.2023 13:19:39"`, "2023-08-24"},
		{"no date stays text", "date", `"soon"`, "soon"},
		{"an instant is in UTC", "datetime", `"2026-02-10T01:30:00+03:00"`, "2026-02-09T22:30:00Z"},
		{"an instant without an offset is the server's", "datetime", `"10.02.2026 01:30:00"`, "2026-02-09T22:30:00Z"},
		{"one of several is that one", "integer", `[5]`, "5"},
		{"one text of several is that one", "date", `["2026-02-10T03:00:00+03:00"]`, "2026-02-10"},
		{"one beside empty ones is that one", "integer", `[null, "5", ""]`, "5"},
		{"several stay JSON", "integer", `[1, 2]`, "[1, 2]"},
		{"several empty ones are none", "integer", `[null, ""]`, ""},
		{"an object stays JSON", "file", `{"id": 3}`, `{"id": 3}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := fieldValue(jsontext.Value(test.raw), test.kind, moscow)
			if err != nil || got != test.want {
				t.Errorf("fieldValue(%s, %s) = %q, %v, want %q", test.raw, test.kind, got, err, test.want)
			}
		})
	}
}

func TestIDs(t *testing.T) {
	tests := []struct {
		raw  string
		want ID
		ok   bool
	}{
		{`7`, 7, true}, {`"7"`, 7, true}, {`7.0`, 7, true}, {`" 7 "`, 7, true}, {`18446744073709551615`, 1<<64 - 1, true},
		{`null`, 0, true}, {`""`, 0, true}, {`false`, 0, true}, {`[]`, 0, true}, {`{}`, 0, true}, {`"0"`, 0, true},
		{`-7`, 0, false}, {`7.5`, 0, false}, {`"D_7"`, 0, false}, {`[7]`, 0, false}, {`18446744073709551616`, 0, false},
	}
	for _, test := range tests {
		var got ID
		err := Decode([]byte(test.raw), &got)
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("id of %s = %d, %v, want %d, %v", test.raw, got, err, test.want, test.ok)
		}
	}
}

func TestListsAndMapsInEachOthersClothes(t *testing.T) {
	lists := map[string][]int{
		`[1,2]`: {1, 2}, `{"1":2,"0":1}`: {1, 2}, `{"10":2,"9":1}`: {1, 2}, `[]`: nil, `{}`: nil, `null`: nil, `""`: nil, `false`: nil,
	}
	for raw, want := range lists {
		var got List[int]
		if err := Decode([]byte(raw), &got); err != nil || !slices.Equal(got, want) {
			t.Errorf("list of %s = %v, %v, want %v", raw, got, err, want)
		}
	}
	maps := map[string]dict{
		`{"a":1}`: {"a": jsontext.Value("1")}, `[1]`: {"0": jsontext.Value("1")}, `[]`: nil, `null`: nil,
	}
	for raw, want := range maps {
		var got dict
		if err := Decode([]byte(raw), &got); err != nil || !cmp.Equal(got, want) {
			t.Errorf("dict of %s = %v, %v, want %v", raw, got, err, want)
		}
	}
}

func someClient() *Client { return NewClient(ClientOptions{Webhook: someWebhook()}) }

func someWebhook() Webhook {
	webhook, err := ParseWebhook("https://example.bitrix24.ru/rest/1/q7zt5wk2hidden93/")
	if err != nil {
		panic(err)
	}
	return webhook
}

func someFields() *Fields {
	return &Fields{client: someClient(), zone: time.UTC, fields: []selectedField{{"UF_CRM_DAYS", "ufCrmDays", "integer"}}}
}

func TestItemsThatCannotBeUsed(t *testing.T) {
	for _, page := range []string{`{"items":[[]]}`, `{"items":[{}]}`, `{"items":[{"id":0}]}`, `{"items":[{"id":"x"}]}`, `{"items":7}`, `7`} {
		if items, err := someFields().decodeItems(jsontext.Value(page)); err == nil {
			t.Errorf("decodeItems(%s) = %v, want an error", page, items)
		}
	}
}

func TestEveryCommandOfABatchIsAccountedFor(t *testing.T) {
	commands := make([]Command, 4)
	for i := range commands {
		commands[i].Method = "m"
	}
	answers := someClient().sort(commands, batchResultOf(t, `{
		"result": {"c00": [], "c03": null},
		"result_error": {"c01": {"error": 0, "error_description": "No"}},
		"result_total": {"c00": "7"}, "result_next": [], "result_time": []}`))
	var refusal *APIError
	if answers[0].Err != nil || answers[0].Total != 7 || !errors.As(answers[1].Err, &refusal) || refusal.Error() != "m: No (0)" ||
		!errors.Is(answers[2].Err, errNotRun) || answers[3].Err != nil || answers[3].Total != -1 {
		t.Errorf("sort = %+v", answers)
	}
	answers = someClient().sort(commands[:1], batchResultOf(t, `{"result": [], "result_error": [{"error": "X"}]}`))
	if !errors.Is(answers[0].Err, errNotRun) {
		t.Errorf("sort of an array of errors = %+v, want a command that was not run", answers)
	}
}

func batchResultOf(t *testing.T, text string) batchResult {
	t.Helper()
	read := result{ofBatch: true}
	if err := Decode([]byte(text), &read); err != nil || !read.isBatch {
		t.Fatalf("%s is read as %+v, %v", text, read, err)
	}
	return read.batch
}

func TestDecodeTakesWhatPortalsWriteBeyondTheStandard(t *testing.T) {
	var row struct {
		Title Text `json:"title"`
	}
	if err := Decode([]byte("{\"title\":\"first\",\"title\":\"\xff last\"}"), &row); err != nil || row.Title != "\ufffd last" {
		t.Errorf("Decode gives %q, %v", row.Title, err)
	}
}

func TestQueryOfACommand(t *testing.T) {
	command := Command{Method: "crm.item.list", Params: []Param{
		{"filter[>=updatedTime]", "2026-01-01T00:00:00+03:00"}, {"x", "a b&c=Ж%"}, {"filter[>id]", "$result[c00][items][49][id]"},
	}}
	const want = "crm.item.list?filter%5B%3E%3DupdatedTime%5D=2026-01-01T00%3A00%3A00%2B03%3A00&x=a%20b%26c%3D%D0%96%25" +
		"&filter%5B%3Eid%5D=%24result%5Bc00%5D%5Bitems%5D%5B49%5D%5Bid%5D"
	if got := command.query(); got != want {
		t.Errorf("query = %s, want %s", got, want)
	}
}

func FuzzBatchAnswer(f *testing.F) {
	f.Add([]byte(`{"result":{"result":{"c00":[]},"result_error":[],"result_total":{"c00":1},"result_next":[],"result_time":{"c00":{"operating":1,"start":1.5}}}}`))
	f.Add([]byte(`{"result":{"result":[],"result_error":{"c01":{"error":"OPERATION_TIME_LIMIT"}}}}`))
	c := someClient()
	commands := []Command{{Method: "a"}, {Method: "b"}}
	f.Fuzz(func(t *testing.T, text []byte) {
		read := envelope{Result: result{ofBatch: true}}
		if Decode(text, &read) != nil {
			return
		}
		answers := c.sort(commands, read.Result.batch)
		for _, answer := range answers {
			if answer.Err == nil && answer.Result == nil {
				t.Errorf("sort(%q) gave %+v", text, answers)
			}
		}
		newLedgers(Standard).observe(time.Now(), commands, answers, timing{})
	})
}

func FuzzFieldValue(f *testing.F) {
	for _, kind := range []string{"date", "datetime", "integer", "string", "money"} {
		f.Add([]byte(`"2026-02-10T03:00:00+03:00"`), kind)
		f.Add([]byte(`[[1],"",7.50]`), kind)
		f.Add([]byte(`["|RUB","10|RUB"]`), kind)
	}
	f.Fuzz(func(t *testing.T, raw []byte, kind string) {
		if !json.Valid(raw) {
			return
		}
		value, err := fieldValue(raw, kind, time.UTC)
		if IsEmpty(raw) && (err != nil || value != "") {
			t.Errorf("fieldValue(%q, %q) = %q, want none", raw, kind, value)
		}
		// What was made of a value means the same when it comes back.
		again, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := fieldValue(again, kind, time.UTC)
		if err != nil || twice != value {
			t.Errorf("fieldValue(%q, %q) = %q, and again %q, %v", raw, kind, value, twice, err)
		}
	})
}
