package simulator_test

import (
	"fmt"
	"strings"
	"testing"

	"stagelag/simulator"
)

// The messages of im.message.add and im.notify.system.add are kept with their dialogs, and refused as documented.
func TestMessages(t *testing.T) {
	w := simulator.NewWorld()
	w.AddUser(simulator.User{ID: 1, Name: "Anna", LastName: "Lee"})
	w.AddUser(simulator.User{ID: 2, Name: "Igor"})
	w.AddUser(simulator.User{ID: 3, Name: "Bot", IsHidden: true})
	w.AddUser(simulator.User{ID: 4, Name: "Boris", IsFired: true})
	w.AddChat(simulator.Chat{ID: 42, Title: "Leadership", Members: []simulator.UserID{1}})
	if id := w.AddChat(simulator.Chat{Title: "Others", Members: []simulator.UserID{2}}); id != 43 {
		t.Fatalf("AddChat = %d, want 43", id)
	}
	w.AddChat(simulator.Chat{Title: "News", Members: []simulator.UserID{1}, IsReadOnly: true})
	var delivered []simulator.Message
	s := serve(t, w, simulator.Options{Scopes: []string{"user", "im"}, Delivered: func(m simulator.Message) { delivered = append(delivered, m) }})
	now := morning.UTC()
	for _, test := range []struct {
		method string
		params object
		want   string // the number of the message, or the code of the refusal
	}{
		{"im.message.add", object{"DIALOG_ID": "chat42", "MESSAGE": "[b]one[/b]"}, "1"},
		{"im.message.add", object{"DIALOG_ID": "2", "MESSAGE": "two"}, "2"},
		{"im.message.add", object{"DIALOG_ID": 1, "MESSAGE": "three"}, "3"},
		{"im.notify.system.add", object{"USER_ID": 2, "MESSAGE": " four "}, "4"},
		{"im.message.add", object{"DIALOG_ID": "chat42", "MESSAGE": strings.Repeat("Ж", 20_001)}, "5"},
		{"im.message.add", object{"DIALOG_ID": "chat42", "MESSAGE": " "}, "MESSAGE_EMPTY"},
		{"im.message.add", object{"MESSAGE": "x"}, "USER_ID_EMPTY"},
		{"im.message.add", object{"DIALOG_ID": "someone", "MESSAGE": "x"}, "USER_ID_EMPTY"},
		{"im.message.add", object{"DIALOG_ID": "9", "MESSAGE": "x"}, "USER_NOT_FOUND"},
		{"im.message.add", object{"DIALOG_ID": "3", "MESSAGE": "x"}, "USER_NOT_FOUND"},
		{"im.message.add", object{"DIALOG_ID": "4", "MESSAGE": "x"}, "USER_NOT_FOUND"},
		{"im.message.add", object{"DIALOG_ID": "chat99", "MESSAGE": "x"}, "CHAT_ID"},
		{"im.message.add", object{"DIALOG_ID": "chat43", "MESSAGE": "x"}, "ACCESS_ERROR"},
		{"im.message.add", object{"DIALOG_ID": "chat44", "MESSAGE": "x"}, "ACCESS_ERROR"},
		{"im.notify.system.add", object{"MESSAGE": "x"}, "USER_ID_EMPTY"},
		{"im.notify.system.add", object{"USER_ID": 2, "MESSAGE": "x", "TAG": "t"}, "CLIENT_ID_EMPTY"},
		{"im.dialog.get", object{"DIALOG_ID": "chat43"}, "ACCESS_ERROR"},
		{"im.dialog.get", object{}, "DIALOG_ID_EMPTY"},
	} {
		answer := s.call(test.method, test.params)
		if got := fmt.Sprint(firstOf(answer.at("result"), answer.at("error"))); got != test.want {
			t.Errorf("%s %v = %s, want %s", test.method, test.params, got, test.want)
		}
	}
	want := []simulator.Message{
		{ID: 1, Dialog: "chat42", From: 1, Title: "Leadership", Text: "[b]one[/b]", At: now},
		{ID: 2, Dialog: "2", From: 1, To: 2, Title: "Igor", Text: "two", At: now},
		{ID: 3, Dialog: "1", From: 1, To: 1, Title: "Anna Lee", Text: "three", At: now},
		{ID: 4, Dialog: "2", To: 2, Title: "Igor", Text: "four", At: now},
		{ID: 5, Dialog: "chat42", From: 1, Title: "Leadership", Text: strings.Repeat("Ж", 20_000-6) + " (...)", At: now},
	}
	for i, m := range w.Messages() {
		if i >= len(want) || m != want[i] || m != delivered[i] {
			t.Errorf("message %d is %.200v, want %.200v", i+1, m, want[min(i, len(want)-1)])
		}
	}
	if len(w.Messages()) != len(want) {
		t.Errorf("%d messages are kept, want %d", len(w.Messages()), len(want))
	}
}

func firstOf(a, b any) any {
	if a != nil {
		return a
	}
	return b
}
