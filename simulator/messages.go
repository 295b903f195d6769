package simulator

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// im.message.add, im.notify.system.add and im.dialog.get.

// ChatID is the number of a chat: the dialog chat42 is the chat 42.
type ChatID int64

// A Chat is a dialog of several people.
type Chat struct {
	ID      ChatID // 0 in AddChat: the next one
	Title   string
	Members []UserID
	// IsReadOnly is whether only its managers may write, who are not among the simulated.
	IsReadOnly bool
}

// AddChat adds a chat and returns its number.
func (w *World) AddChat(c Chat) ChatID {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.ID == 0 {
		for _, other := range w.chats {
			c.ID = max(c.ID, other.ID)
		}
		c.ID++
	}
	if w.chat(c.ID) != nil {
		panic(fmt.Sprintf("portal: chat %d was added before", c.ID))
	}
	w.chats = append(w.chats, &c)
	return c.ID
}

func (w *World) chat(id ChatID) *Chat {
	for _, c := range w.chats {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// Chats returns the chats in the order of adding.
func (w *World) Chats() []Chat {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []Chat
	for _, c := range w.chats {
		all = append(all, *c)
	}
	return all
}

// A Message is one that somebody has sent over the portal's interface.
type Message struct {
	ID     int64 // from 1
	Dialog string
	From   UserID // 0 of a system notification
	To     UserID // 0 in a chat
	Title  string // the chat's or the person's name
	Text   string // as the portal keeps it: a long one is cut
	At     time.Time
}

// Messages returns what was sent, in its order.
func (w *World) Messages() []Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.messages)
}

// messageLimit is how many characters of a message are kept. The portal puts cutMark behind what it has cut.
const (
	messageLimit = 20_000
	cutMark      = " (...)"
)

// likeDialog is the form of a dialog: a chat, the chat of a group, or a person.
var likeDialog = regexp.MustCompile(`^(chat|sg)?([1-9][0-9]{0,17})$`)

// A dialog is where a message goes: to a chat or to a person.
type dialog struct {
	name string
	chat *Chat
	user *user
}

// dialog finds where the webhook's user may write to. Bots and dismissed people take no messages: what a portal
// does for them is not documented.
func (in *invocation) dialog(name string) (dialog, *Error) {
	parts := likeDialog.FindStringSubmatch(name)
	if parts == nil {
		return dialog{}, badRequest("USER_ID_EMPTY", "User ID can't be empty")
	}
	id, _ := strconv.ParseInt(parts[2], 10, 64)
	if parts[1] == "" {
		u := in.world.user(UserID(id))
		if u == nil || u.IsHidden || u.IsFired {
			return dialog{}, badRequest("USER_NOT_FOUND", "User not found")
		}
		return dialog{name: name, user: u}, nil
	}
	c := in.world.chat(ChatID(id))
	switch {
	case c == nil || parts[1] != "chat":
		return dialog{}, badRequest("CHAT_ID", "Error creating message")
	case !slices.Contains(c.Members, in.portal.options.UserID):
		return dialog{}, badRequest("ACCESS_ERROR", "Action unavailable")
	}
	return dialog{name: name, chat: c}, nil
}

func (d dialog) title() string {
	if d.chat != nil {
		return d.chat.Title
	}
	return strings.TrimSpace(d.user.Name + " " + d.user.LastName)
}

func (in *invocation) messageAdd() (outcome, *Error) {
	text := in.params.either("MESSAGE", "message").text
	to, err := in.dialog(in.params.either("DIALOG_ID", "dialog_id", "dialogId").text)
	switch {
	case err != nil:
		return outcome{}, err
	case strings.TrimSpace(text) == "":
		return outcome{}, badRequest("MESSAGE_EMPTY", "Message can't be empty")
	case to.chat != nil && to.chat.IsReadOnly:
		return outcome{}, badRequest("ACCESS_ERROR", "Action unavailable")
	}
	return in.deliver(to, in.portal.options.UserID, text), nil
}

func (in *invocation) notifySystemAdd() (outcome, *Error) {
	text := strings.TrimSpace(in.params.get("MESSAGE").text)
	id := in.params.get("USER_ID").text
	switch {
	case id == "" || id == "0":
		return outcome{}, badRequest("USER_ID_EMPTY", "User ID can't be empty")
	case text == "":
		return outcome{}, badRequest("MESSAGE_EMPTY", "Message can't be empty")
	case !in.params.get("TAG").isEmpty() && in.params.get("CLIENT_ID").isEmpty():
		return outcome{}, badRequest("CLIENT_ID_EMPTY", "Client ID can't be empty")
	}
	to, err := in.dialog(id)
	if err != nil || to.user == nil {
		return outcome{}, badRequest("USER_NOT_FOUND", "User not found")
	}
	return in.deliver(to, 0, text), nil
}

// deliver keeps a message and answers with its number.
func (in *invocation) deliver(to dialog, from UserID, text string) outcome {
	if runes := []rune(text); len(runes) > messageLimit {
		text = string(runes[:messageLimit-len(cutMark)]) + cutMark
	}
	m := Message{ID: int64(len(in.world.messages)) + 1, Dialog: to.name, From: from, Title: to.title(), Text: text, At: in.at.UTC()}
	if to.user != nil {
		m.To = to.user.ID
	}
	in.world.messages = append(in.world.messages, m)
	if in.portal.options.Delivered != nil {
		in.portal.options.Delivered(m)
	}
	in.out = strconv.AppendInt(in.out, m.ID, 10)
	return in.result()
}

func (in *invocation) dialogGet() (outcome, *Error) {
	name := in.params.either("DIALOG_ID", "dialog_id", "dialogId").text
	if name == "" {
		return outcome{}, badRequest("DIALOG_ID_EMPTY", "Dialog ID can't be empty")
	}
	d, err := in.dialog(name)
	if err != nil {
		return outcome{}, &Error{Status: http.StatusForbidden, Code: "ACCESS_ERROR", Text: "You do not have access to the specified dialog"}
	}
	kind, id, count, canSend := "private", int64(0), 2, true
	if d.chat != nil {
		kind, id, count, canSend = "chat", int64(d.chat.ID), len(d.chat.Members), !d.chat.IsReadOnly
	}
	b := strconv.AppendInt(append(in.out, `{"id":`...), id, 10)
	b = appendText(append(b, `,"dialog_id":`...), name)
	b = appendText(append(b, `,"name":`...), d.title())
	b = appendText(append(b, `,"type":`...), kind)
	b = strconv.AppendInt(append(b, `,"user_counter":`...), int64(count), 10)
	b = appendBool(append(b, `,"restrictions":{"send":`...), canSend)
	in.out = append(b, `}}`...)
	return in.result(), nil
}

// userCurrent is the webhook's owner as user.get shows people.
func (in *invocation) userCurrent() (outcome, *Error) {
	s := in.userSchema()
	u := in.world.user(in.portal.options.UserID)
	if u == nil {
		u = &user{User{ID: in.portal.options.UserID}}
	}
	in.out = s.appendRow(in.out, u, s.columns)
	return in.result(), nil
}
