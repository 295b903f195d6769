package bitrix24

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxCommands is how many commands the portal takes in a request.
const MaxCommands = 50

// A request should stay well under the portal's 60 s.
const wantedSeconds = 35

// A Param is one parameter in PHP's notation, such as {"filter[>id]", "7"}.
type Param struct{ Name, Value string }

// A Command is one call of a method inside a batch.
type Command struct {
	Method string
	Params []Param
	// Writes marks a command that changes something. A request that holds one is repeated only
	// when the portal refused it unread.
	Writes bool
}

// query is the command as a batch holds it.
func (c Command) query() string {
	var b strings.Builder
	b.WriteString(c.Method)
	for i, p := range c.Params {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(escape(p.Name))
		b.WriteByte('=')
		b.WriteString(escape(p.Value))
	}
	return b.String()
}

// escape leaves no plus sign behind, which not everybody reads as a space.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// An Answer is what became of one command: a result or an error.
type Answer struct {
	Result jsontext.Value
	Total  int // rows that fit the filter, where the portal counted them; else -1
	Err    error
	timing timing
	// request is which of the requests of a Batch brought the answer, from 1.
	request int
}

// errNotRun is a command that the portal did not get to.
var errNotRun = errors.New("the portal did not run the command")

// Batch runs commands that do not depend on each other, as many to a request as the portal
// takes, and returns their answers in the same order. A command that failed for good has its
// error in its answer; what may succeed later is asked again before. An error means that the
// portal as a whole could not be asked.
func (c *Client) Batch(ctx context.Context, commands []Command) ([]Answer, error) {
	answers := make([]Answer, len(commands))
	open := make([]int, len(commands)) // indexes into commands
	for i := range open {
		open[i] = i
	}
	p := patience{client: c}
	for request := 1; len(open) > 0; request++ {
		asked := open[:min(len(open), c.batchSize())]
		part := make([]Command, len(asked))
		for i, index := range asked {
			part[i] = commands[index]
		}
		got, err := c.batch(ctx, part)
		if err != nil {
			if err := p.wait(ctx, part, err); err != nil {
				return nil, err
			}
			continue
		}
		var again []int
		var trouble error
		for i, index := range asked {
			answers[index] = got[i]
			answers[index].request = request
			if isPassing(got[i].Err, commands[index].Writes) {
				again, trouble = append(again, index), got[i].Err
			}
		}
		if len(again) < len(asked) {
			p.progress()
		}
		// The order stays: what is asked again goes before what has not been asked.
		open = append(again, open[len(asked):]...)
		if trouble != nil {
			if err := p.wait(ctx, part, trouble); err != nil {
				return nil, err
			}
		}
	}
	return answers, nil
}

// Sizes asks once how many rows fit the filter of each command, 0 where the portal does not
// say. On a very large portal the count may take longer than a request may, so after a fault
// that may pass it is done without: the sizes are zero.
func (c *Client) Sizes(ctx context.Context, lists []Command) ([]int, error) {
	sizes := make([]int, len(lists))
	answers, err := c.batch(ctx, lists)
	if err != nil {
		p := patience{client: c}
		return sizes, p.wait(ctx, lists, err)
	}
	for i, answer := range answers {
		sizes[i] = max(0, answer.Total)
	}
	return sizes, nil
}

// isPassing is whether a command's error may be gone when it is asked again.
func isPassing(err error, writes bool) bool {
	var refusal *APIError
	switch {
	case err == nil:
		return false
	case errors.Is(err, errNotRun):
		return true
	case errors.As(err, &refusal):
		return refusal.wasRefused() || !writes && refusal.isTransient()
	}
	return false
}

func (c *Client) batchSize() int {
	c.asking.Lock()
	defer c.asking.Unlock()
	return c.size
}

// batch asks once. Later commands may refer to earlier ones by key(position).
func (c *Client) batch(ctx context.Context, commands []Command) ([]Answer, error) {
	c.asking.Lock()
	defer c.asking.Unlock()

	queries := make(map[string]string, len(commands))
	for i, command := range commands {
		queries[key(i)] = command.query()
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // every & would take six bytes
	if err := encoder.Encode(map[string]any{"halt": 0, "cmd": queries}); err != nil {
		return nil, err
	}
	if room := c.ledgers.roomAt(c.portalNow(), commands); room.After(c.portalNow()) {
		if err := c.wait(ctx, WaitOperating, room.Sub(c.portalNow())); err != nil {
			return nil, err
		}
	}
	envelope, err := c.post(ctx, batchMethod, body.Bytes())
	if err != nil {
		return nil, err
	}
	if envelope.Time.Start > 0 {
		c.skew = time.UnixMilli(int64(envelope.Time.Start * 1000)).Sub(c.sentAt)
	}
	if envelope.Time.Zone != nil {
		c.zone = envelope.Time.Zone
	}
	if !envelope.Result.isBatch {
		return nil, &transportError{batchMethod, c.webhook.Host(), errors.New("the answer is not that of a batch")}
	}
	answers := c.sort(commands, envelope.Result.batch)
	c.ledgers.observe(c.portalNow(), commands, answers, envelope.Time)
	c.resize(len(commands), envelope.Time.Duration)
	c.pace.observe(commands, answers)
	return answers, nil
}

// key names a command by its position. It is not a number, because PHP writes a map with the
// keys 0 to n-1 as an array; and it has two digits, because commands run in the order in which
// they are written, and encoding/json sorts them.
func key(position int) string { return fmt.Sprintf("c%02d", position) }

// Reference stands, in a parameter of a later command of the same batch, for a value of what the command at a position
// brought. Where that has no such value, the portal may leave the text as it is, or the whole parameter out.
func Reference(position int, path string) string { return "$result[" + key(position) + "]" + path }

// batchResult is what a batch brought, by the keys of its commands.
type batchResult struct {
	Results dict `json:"result"`
	Errors  dict `json:"result_error"`
	Totals  dict `json:"result_total"`
	Times   dict `json:"result_time"`
}

// sort gives each command its answer.
func (c *Client) sort(commands []Command, result batchResult) []Answer {
	answers := make([]Answer, len(commands))
	for i, command := range commands {
		answer := Answer{Total: -1, Err: errNotRun}
		if got, ok := result.Results[key(i)]; ok {
			answer.Result, answer.Err = got, nil
		}
		if failed, ok := result.Errors[key(i)]; ok {
			answer.Err = c.commandError(command.Method, failed)
		}
		if total, ok := result.Totals[key(i)]; ok {
			var n ID
			if Decode(total, &n) == nil && n <= math.MaxInt32 {
				answer.Total = int(n)
			}
		}
		if told, ok := result.Times[key(i)]; ok {
			_ = Decode(told, &answer.timing) // without timing, nothing is known of it
		}
		answers[i] = answer
	}
	return answers
}

func (c *Client) commandError(method string, raw jsontext.Value) error {
	refusal := &APIError{Method: method, HTTPStatus: http.StatusOK}
	var told struct {
		Error       jsontext.Value `json:"error"`
		Description Text           `json:"error_description"`
	}
	switch {
	case len(raw) > 0 && raw[0] == '{' && Decode(raw, &told) == nil:
		refusal.Description = string(told.Description)
		if !isAbsent(told.Error) {
			refusal.Code = errorCode(told.Error)
		}
	default:
		refusal.Description, _ = scalar(raw)
	}
	return c.presentable(refusal)
}

// resize fits the size of the next request to how long this one took.
func (c *Client) resize(commands int, duration float64) {
	fits := MaxCommands
	if duration > 0 {
		fits = int(wantedSeconds / duration * float64(commands))
	}
	// After a fault the size comes back by doubling.
	c.size = max(1, min(fits, c.size*2, MaxCommands))
}

// patience waits between tries that brought nothing, and ends them.
type patience struct {
	client *Client
	tries  int
}

// How often in a row a try may bring nothing before it is given up.
const (
	maxFaults      = 4  // the portal does not answer a read
	maxUnreachable = 2  // no connection: the address is wrong more often than the portal is away
	maxRefusals    = 12 // the portal turns the request away
)

// progress forgets the failed tries.
func (p *patience) progress() { p.tries = 0 }

// wait returns nil when it is time to try the commands again. It returns the error itself if
// another try is of no use or not allowed.
func (p *patience) wait(ctx context.Context, commands []Command, err error) error {
	c := p.client
	c.asking.Lock()
	defer c.asking.Unlock()
	p.tries++
	writes := slices.ContainsFunc(commands, func(command Command) bool { return command.Writes })
	var refusal *APIError
	var lost *transportError
	switch {
	case errors.As(err, &refusal) && refusal.is(CodeOperatingLimit):
		if p.tries > maxRefusals {
			return err
		}
		c.refused(WaitOperating)
		return c.wait(ctx, WaitOperating, c.untilReset(refusal, p.tries))
	case errors.As(err, &refusal) && refusal.wasRefused():
		if p.tries > maxRefusals {
			return err
		}
		c.refused(WaitRefused)
		c.bucket.refused(c.clock.Now())
		return c.wait(ctx, WaitRefused, max(backoff(p.tries, 30*time.Second), refusal.retryAfter))
	case errors.Is(err, errNotRun):
	case errors.As(err, &lost) && !isUntrusted(err), refusal != nil && refusal.isTransient():
		if writes {
			return fmt.Errorf("%w: %w", err, ErrOutcomeUnknown)
		}
	default:
		return err
	}
	if p.tries > maxFaults || p.tries > maxUnreachable && isUnreachable(err) {
		return err
	}
	c.refused(WaitFault)
	c.size = max(1, c.size/2)
	delay := backoff(p.tries, 30*time.Second)
	if refusal != nil {
		delay = max(delay, refusal.retryAfter)
	}
	c.log.WithField("try", p.tries).WithError(err).Debug("asking again")
	return c.wait(ctx, WaitFault, delay)
}

// refused counts a request that is made again.
func (c *Client) refused(reason string) {
	c.counting.Lock()
	defer c.counting.Unlock()
	c.stats.Refused[reason]++
}

func isUnreachable(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

func isUntrusted(err error) bool {
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &certificate)
}

// untilReset is how long a blocked method stays blocked: until the time that the portal gave,
// if that is to come, else a time that grows to the length of its window.
func (c *Client) untilReset(refusal *APIError, try int) time.Duration {
	const shortest, longest = 10 * time.Second, operatingWindow
	now := c.portalNow()
	delay := min(shortest<<min(try-1, 6), longest)
	for _, method := range []string{batchMethod, refusal.Method} {
		if reset := c.ledgers.of(method).resetAt(); reset.After(now) {
			delay = reset.Sub(now) + time.Second
		}
	}
	return min(max(delay, refusal.retryAfter, shortest), longest+time.Second)
}

// backoff is 1 s, then 1.7 times as long with each try, give or take a tenth.
func backoff(try int, longest time.Duration) time.Duration {
	delay := min(time.Duration(math.Pow(1.7, float64(try-1))*float64(time.Second)), longest)
	return time.Duration(float64(delay) * (0.9 + 0.2*rand.Float64()))
}
