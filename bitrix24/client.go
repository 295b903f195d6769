package bitrix24

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/sirupsen/logrus"
	"golang.org/x/net/publicsuffix"

	"stagelag/plain"
)

// Why a client waits, as OnWait and Stats name it.
const (
	WaitRequests  = "limit on requests"         // our own bucket is full
	WaitOperating = "limit on operating time"   // a method has run for its share of ten minutes
	WaitRefused   = "refused by the portal"     // it counts more requests than we do
	WaitFault     = "the portal did not answer" // a read is tried again
)

// The portal gives up on a request after 60 s.
const requestTimeout = 70 * time.Second

// An answer of 2,500 rows is a few megabytes at most.
const maxAnswer = 128 << 20

const batchMethod = "batch"

// ClientOptions says which portal to ask, and how. The webhook and the clock are required.
type ClientOptions struct {
	Webhook Webhook
	Limits  Limits       // Standard unless set
	HTTP    *http.Client // its redirect policy is not used
	Clock   Clock
	Log     *logrus.Entry
	// OnWait is called before each wait, on the goroutine that waits. It must not
	// call the client.
	OnWait func(reason string, until time.Time)
}

// A Client asks one portal, one request at a time, within the portal's limits. The portal
// counts what comes from one address, so a process should have one client for a portal.
type Client struct {
	webhook Webhook
	http    *http.Client
	clock   Clock
	log     *logrus.Entry
	onWait  func(reason string, until time.Time)

	asking       sync.Mutex // held for a whole request with its waits; guards what follows
	scheme, host string     // where the portal answers now
	bucket       *bucket
	ledgers      *ledgers
	sentAt       time.Time     // the last request
	skew         time.Duration // portal's clock minus ours
	zone         *time.Location
	size         int // commands to a request
	pace         pace

	counting sync.Mutex // guards what follows
	stats    Stats
	warnings []string
}

// Stats counts what a client has done so far.
type Stats struct {
	Requests int                      // sent, those refused or lost included
	Refused  map[string]int           // by reason: requests that brought nothing and were made again
	Waited   map[string]time.Duration // by reason
}

// Plus is what two clients have done.
func (s Stats) Plus(other Stats) Stats {
	sum := Stats{Requests: s.Requests + other.Requests, Refused: map[string]int{}, Waited: map[string]time.Duration{}}
	for _, part := range []Stats{s, other} {
		for reason, n := range part.Refused {
			sum.Refused[reason] += n
		}
		for reason, waited := range part.Waited {
			sum.Waited[reason] += waited
		}
	}
	return sum
}

// NewClient makes a client; it asks nothing yet.
func NewClient(o ClientOptions) *Client {
	client := &http.Client{}
	if o.HTTP != nil {
		*client = *o.HTTP
	}
	if client.Timeout == 0 {
		client.Timeout = requestTimeout
	}
	// A followed redirect repeats a POST as a GET, and shows the secret to any host.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c := &Client{
		webhook: o.Webhook,
		http:    client,
		clock:   o.Clock,
		log:     o.Log,
		onWait:  o.OnWait,
		scheme:  (*o.Webhook.address).scheme,
		host:    o.Webhook.Host(),
		bucket:  newBucket(o.Limits),
		ledgers: newLedgers(o.Limits),
		zone:    time.UTC,
		size:    MaxCommands,
		stats:   Stats{Refused: map[string]int{}, Waited: map[string]time.Duration{}},
	}
	if c.onWait == nil {
		c.onWait = func(string, time.Time) {}
	}
	if c.log == nil {
		silent := logrus.New()
		silent.SetOutput(io.Discard)
		c.log = logrus.NewEntry(silent)
	}
	return c
}

// Portal is the host that the client was made for. It is not secret.
func (c *Client) Portal() string { return c.webhook.Host() }

// Zone is the offset that the portal's server keeps, as the dates of its answers show; UTC
// before the first answer.
func (c *Client) Zone() *time.Location {
	c.asking.Lock()
	defer c.asking.Unlock()
	return c.zone
}

// Stats is what the client has done so far; it may be asked for at any time.
func (c *Client) Stats() Stats {
	c.counting.Lock()
	defer c.counting.Unlock()
	return Stats{Requests: c.stats.Requests, Refused: maps.Clone(c.stats.Refused), Waited: maps.Clone(c.stats.Waited)}
}

// Warnings is what the portal's answers gave rise to, each said once.
func (c *Client) Warnings() []string {
	c.counting.Lock()
	defer c.counting.Unlock()
	return slices.Clone(c.warnings)
}

func (c *Client) warn(warning string) {
	c.counting.Lock()
	defer c.counting.Unlock()
	if !slices.Contains(c.warnings, warning) {
		c.warnings = append(c.warnings, warning)
	}
}

// portalNow is the time by the portal's clock, as near as its answers show it.
func (c *Client) portalNow() time.Time { return c.clock.Now().Add(c.skew) }

// longWait is a wait that somebody who reads the log asks about.
const longWait = 10 * time.Second

// wait sleeps and keeps account of it.
func (c *Client) wait(ctx context.Context, reason string, d time.Duration) error {
	began := c.clock.Now()
	c.onWait(reason, began.Add(d))
	level := logrus.DebugLevel
	if d >= longWait {
		level = logrus.InfoLevel
	}
	c.log.WithFields(logrus.Fields{"reason": reason, "seconds": d.Seconds()}).Log(level, "waiting for the portal")
	err := c.clock.Sleep(ctx, d)
	c.counting.Lock()
	defer c.counting.Unlock()
	c.stats.Waited[reason] += c.clock.Now().Sub(began)
	return err
}

// envelope is the frame around every answer.
type envelope struct {
	Result      result         `json:"result"`
	Error       jsontext.Value `json:"error"`
	Description Text           `json:"error_description"`
	Time        timing         `json:"time"`
}

// result is what a method brought. That of a batch is long: it is taken apart while the answer is read.
type result struct {
	ofBatch bool // whether it is to be that of a batch
	isBatch bool // and is
	batch   batchResult
	raw     jsontext.Value // where it is not that of a batch; nil where there is none
}

func (r *result) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if r.isBatch = r.ofBatch && d.PeekKind() == '{'; r.isBatch {
		return json.UnmarshalDecode(d, &r.batch)
	}
	return json.UnmarshalDecode(d, &r.raw)
}

// post sends one request and reads its answer, waiting for the bucket first. It follows the
// portal to a new host. A refusal is an *APIError; no readable answer is a *transportError.
func (c *Client) post(ctx context.Context, method string, body []byte) (envelope, error) {
	const maxHops = 3
	for hop := 0; ; hop++ {
		if err := c.enter(ctx); err != nil {
			return envelope{}, err
		}
		answer, location, err := c.send(ctx, method, body)
		if location == "" {
			return answer, err
		}
		if hop == maxHops {
			return envelope{}, fmt.Errorf("%s: the portal redirects without end", method)
		}
		if err := c.follow(location); err != nil {
			return envelope{}, fmt.Errorf("%s: %w", method, err)
		}
	}
}

// enter waits until the bucket takes one more request, and counts it.
func (c *Client) enter(ctx context.Context) error {
	for {
		delay := c.bucket.delay(c.clock.Now())
		if delay <= 0 {
			break
		}
		if err := c.wait(ctx, WaitRequests, delay); err != nil {
			return err
		}
	}
	c.bucket.take(c.clock.Now())
	c.counting.Lock()
	defer c.counting.Unlock()
	c.stats.Requests++
	return nil
}

// send makes one request. A redirect gives its location and nothing else.
func (c *Client) send(ctx context.Context, method string, body []byte) (envelope, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.webhook.url(c.scheme, c.host, method), bytes.NewReader(body))
	if err != nil {
		return envelope{}, "", fmt.Errorf("%s: the webhook's address is not usable", method)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", userAgent())
	c.sentAt = c.clock.Now()
	response, err := c.http.Do(request)
	if err != nil {
		return envelope{}, "", c.lost(ctx, method, err)
	}
	defer func() { _ = response.Body.Close() }()
	if location := response.Header.Get("Location"); location != "" && response.StatusCode/100 == 3 {
		return envelope{}, location, nil
	}
	answer, err := c.read(ctx, method, response)
	return answer, "", err
}

// lost is the error for a request without an answer.
func (c *Client) lost(ctx context.Context, method string, err error) error {
	// The caller's end is not the portal's fault; the client's own time-out is one.
	if ctx.Err() != nil {
		return &cutOffError{fmt.Errorf("%s: %w", method, context.Cause(ctx))}
	}
	// A *url.Error prints the address, and the webhook's address is its password.
	if uerr, ok := errors.AsType[*url.Error](err); ok {
		err = uerr.Err
	}
	message := c.webhook.redact(err.Error())
	if message != err.Error() {
		err = errors.New(message)
	}
	return &transportError{method, c.webhook.Host(), err}
}

// read takes an answer apart.
func (c *Client) read(ctx context.Context, method string, response *http.Response) (envelope, error) {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return envelope{}, c.lost(ctx, method, err)
	}
	if len(body) > maxAnswer {
		// Fewer commands have a shorter answer.
		return envelope{}, &transportError{method, c.webhook.Host(), errTooLong}
	}
	answer := envelope{Result: result{ofBatch: method == batchMethod}}
	err = Decode(body, &answer)
	refusal := &APIError{Method: method, HTTPStatus: response.StatusCode, retryAfter: c.retryAfter(response)}
	switch {
	case err == nil && !isAbsent(answer.Error):
		refusal.Code, refusal.Description = errorCode(answer.Error), string(answer.Description)
	case response.StatusCode != http.StatusOK:
		// A body that is not JSON is a proxy's page; its text says nothing to the point.
	case err != nil:
		return envelope{}, &transportError{method, c.webhook.Host(), errors.New("the answer is not JSON, or was cut")}
	case !answer.Result.isBatch && isAbsent(answer.Result.raw):
		return envelope{}, &transportError{method, c.webhook.Host(), errors.New("the answer holds no result")}
	default:
		return answer, nil
	}
	return envelope{}, c.presentable(refusal)
}

// presentable makes what a refusal quotes fit for an error and a log: what a portal, a proxy or
// whoever can write into a deal has it say may hold the address, or what a terminal obeys, and
// has no end.
func (c *Client) presentable(refusal *APIError) *APIError {
	const mostCode, mostDescription = 60, 300
	refusal.Code = plain.Text(c.webhook.redact(refusal.Code), mostCode)
	refusal.Description = plain.Text(c.webhook.redact(refusal.Description), mostDescription)
	return refusal
}

func isAbsent(raw jsontext.Value) bool { return len(raw) == 0 || string(raw) == "null" }

// errorCode reads the member error, which is a text, a number, or an object with a code.
func errorCode(raw jsontext.Value) string {
	var nested struct {
		Code Text `json:"code"`
	}
	if raw[0] == '{' && Decode(raw, &nested) == nil {
		return string(nested.Code)
	}
	code, err := scalar(raw)
	if err != nil {
		return ""
	}
	return code
}

func (c *Client) retryAfter(response *http.Response) time.Duration {
	header := response.Header.Get("Retry-After")
	if n, err := strconv.Atoi(header); err == nil && n > 0 {
		return time.Duration(min(n, 600)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(0, at.Sub(c.portalNow())), 10*time.Minute)
	}
	return 0
}

// follow turns the client to where the portal has moved, if that host may have the secret.
func (c *Client) follow(location string) error {
	// The location repeats the secret, so no error may repeat the location.
	to, err := url.Parse(location)
	if err != nil || to.Host == "" {
		return &RedirectError{Host: c.host, reason: "to a page that is not its REST interface"}
	}
	switch {
	case strings.EqualFold(to.Host, c.host) && to.Scheme == c.scheme:
		return &RedirectError{Host: c.host, reason: "to a page that is not its REST interface"}
	case c.trusts(to):
		c.scheme, c.host = to.Scheme, to.Host
		c.log.WithField("host", to.Host).Debug("portal renamed")
		c.warn(fmt.Sprintf("the portal %s has been renamed to %s: set portal.url to the new address", c.webhook.Host(), to.Host))
		return nil
	default:
		return &RedirectError{Host: to.Host, reason: "which does not get the webhook's secret unasked"}
	}
}

// trusts is whether a host is the portal under another name: a neighbour in the same domain,
// over https.
func (c *Client) trusts(to *url.URL) bool {
	from := (&url.URL{Host: c.host}).Hostname()
	if isLoopback(from) {
		return isLoopback(to.Hostname()) && (to.Scheme == "http" || to.Scheme == "https")
	}
	if to.Scheme != "https" || to.User != nil {
		return false
	}
	if strings.EqualFold(from, to.Hostname()) {
		return true
	}
	_, domain, _ := strings.Cut(strings.ToLower(from), ".")
	_, newDomain, _ := strings.Cut(strings.ToLower(to.Hostname()), ".")
	return domain == newDomain && !belongsToEverybody(domain)
}

// belongsToEverybody is whether anyone can have a host in a domain, as in com and co.uk. What
// Bitrix24 gives its clients are hosts of its own.
func belongsToEverybody(domain string) bool {
	suffix, _ := publicsuffix.PublicSuffix(domain)
	return suffix == domain
}

// userAgent has the form that the portal's documentation asks for.
var userAgent = sync.OnceValue(func() string {
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		version = info.Main.Version
	}
	return "stagelag/" + version
})
