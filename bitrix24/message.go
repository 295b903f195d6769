package bitrix24

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	messageMethod = "im.message.add"
	dialogMethod  = "im.dialog.get"
)

// MessageScope is the right that a webhook needs for messages.
const MessageScope = "im"

// LongestMessage is how many characters a message can have. The portal cuts what is longer.
const LongestMessage = 20_000

// A MessageID is the portal's number of a message.
type MessageID = ID

// SendMessage sends a text, which may have BB codes, to a dialog: chat42, or the number of a user.
// The message comes from the webhook's user.
//
// The request is repeated only where the portal turned it away before it did anything. An error that
// wraps ErrOutcomeUnknown leaves open whether the message was sent; with any other error it was not.
func (c *Client) SendMessage(ctx context.Context, dialog, text string) (MessageID, error) {
	command := Command{Method: messageMethod, Writes: true, Params: []Param{
		{"DIALOG_ID", dialog}, {"MESSAGE", text}, {"SYSTEM", "N"}, {"URL_PREVIEW", "N"},
	}}
	p := patience{client: c}
	for {
		answer, err := c.call(ctx, command)
		if err == nil {
			return sentMessage(answer)
		}
		if wasCutOff(err) {
			return 0, fmt.Errorf("%w: %w", err, ErrOutcomeUnknown)
		}
		if isUnreachable(err) {
			return 0, err
		}
		if err := p.wait(ctx, []Command{command}, err); err != nil {
			return 0, err
		}
	}
}

// sentMessage is the number of the message that an answer tells. An answer without one does not say
// that nothing was sent.
func sentMessage(answer jsontext.Value) (MessageID, error) {
	var id MessageID
	if err := Decode(answer, &id); err != nil || id == 0 {
		return 0, fmt.Errorf("%s: the answer holds no number of a message: %w", messageMethod, ErrOutcomeUnknown)
	}
	return id, nil
}

// call asks for one method by itself, once. A long text has no room in a command of a batch.
func (c *Client) call(ctx context.Context, command Command) (jsontext.Value, error) {
	c.asking.Lock()
	defer c.asking.Unlock()
	params := make(map[string]string, len(command.Params))
	for _, p := range command.Params {
		params[p.Name] = p.Value
	}
	body, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	if room := c.ledgers.roomAt(c.portalNow(), []Command{command}); room.After(c.portalNow()) {
		if err := c.wait(ctx, WaitOperating, room.Sub(c.portalNow())); err != nil {
			return nil, err
		}
	}
	envelope, err := c.post(ctx, command.Method, body)
	if err != nil {
		return nil, err
	}
	if envelope.Time.Zone != nil {
		c.zone = envelope.Time.Zone
	}
	c.ledgers.observe(c.portalNow(), []Command{command}, []Answer{{timing: envelope.Time}}, timing{})
	return envelope.Result.raw, nil
}

// A cutOffError is a request that the caller ended while it was under way.
type cutOffError struct{ error }

func (e *cutOffError) Unwrap() error { return e.error }

func wasCutOff(err error) bool {
	_, ok := errors.AsType[*cutOffError](err)
	return ok
}

// A Dialog is what a portal tells of a chat.
type Dialog struct {
	Name string
	// CanSend is whether the webhook's user may write into it, as far as the portal says.
	CanSend bool
}

// Dialog asks for a chat that the webhook's user is in.
func (c *Client) Dialog(ctx context.Context, id string) (Dialog, error) {
	answers, err := c.Batch(ctx, []Command{{Method: dialogMethod, Params: []Param{{"DIALOG_ID", id}}}})
	if err != nil {
		return Dialog{}, err
	}
	if answers[0].Err != nil {
		return Dialog{}, answers[0].Err
	}
	var told struct {
		Name         Text `json:"name"`
		Restrictions struct {
			Send *Flag `json:"send"`
		} `json:"restrictions"`
	}
	if err := Decode(answers[0].Result, &told); err != nil {
		return Dialog{}, fmt.Errorf("%s: %w", dialogMethod, err)
	}
	return Dialog{Name: string(told.Name), CanSend: told.Restrictions.Send == nil || bool(*told.Restrictions.Send)}, nil
}

// Language is the language of the portal, two small letters such as ru, as far as it says; empty where it does not. A
// portal tells it to applications, and to a webhook the country in the name of its tariff.
func (c *Client) Language(ctx context.Context) (string, error) {
	answers, err := c.Batch(ctx, []Command{{Method: "app.info"}})
	if err != nil {
		return "", err
	}
	var told struct {
		Language Text `json:"LANGUAGE_ID"`
		License  Text `json:"LICENSE"`
	}
	if isTold := answers[0].Err == nil && Decode(answers[0].Result, &told) == nil; !isTold {
		return "", nil
	}
	country, _, hasCountry := strings.Cut(string(told.License), "_")
	if !hasCountry {
		country = ""
	}
	return strings.ToLower(cmp.Or(string(told.Language), languageOf(country))), nil
}

// languageOf is the language that Bitrix24 has in a country which it names in its tariffs.
func languageOf(country string) string {
	switch country = strings.ToLower(country); country {
	case "by", "kz", "uz":
		return "ru"
	default:
		return country
	}
}
