package simulator

import (
	"crypto/subtle"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Portal answers REST calls over a world.
type Portal struct {
	world   *World
	options Options
	now     func() time.Time

	mu       sync.Mutex
	log      []*Call
	served   int
	inFlight int
	clients  map[string]*leakyBucket
	meters   map[string]*meter // by method

	faultMu sync.Mutex
	fault   func(*Call) *Fault

	schemas schemas
}

// New puts a world on the air, and moves the world's clock to the portal's.
func New(w *World, options Options) *Portal {
	options = options.withDefaults()
	p := &Portal{
		world: w, options: options, now: options.Now,
		clients: make(map[string]*leakyBucket), meters: make(map[string]*meter),
	}
	w.SetHistoryModes(options.Quirks.History)
	w.Advance(p.now())
	return p
}

// WebhookURL is the address of the webhook at a base such as http://127.0.0.1:8080. It
// ends in a slash, and holds the secret.
func (p *Portal) WebhookURL(base string) string {
	return strings.TrimSuffix(base, "/") + "/rest/" + strconv.FormatInt(int64(p.options.UserID), 10) + "/" + p.options.Secret + "/"
}

// An answer is what goes back over HTTP.
type answer struct {
	status int
	body   []byte
	code   string
}

func refusal(e *Error) *answer {
	return &answer{status: e.Status, body: e.append(nil), code: e.Code}
}

func writeAnswer(w http.ResponseWriter, c *Call, a *answer) {
	c.Status, c.Code = a.status, a.code
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// ServeHTTP answers /rest/{user}/{secret}/{method}. It breaks the connection by a panic with
// http.ErrAbortHandler where a fault asks for that.
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := p.now()
	p.world.Advance(now)
	c := &Call{At: now, Client: clientOf(r)}
	user, secret, method, isAddress := splitPath(r.URL.Path)
	c.Method = method
	params, paramsError := p.readParams(r)
	c.Params = Params{params}
	if c.Method == "batch" {
		c.Commands = readCommands(params)
	}
	p.arrived(c)
	defer p.answered(c)

	fault := p.faultFor(c)
	if fault != nil && fault.Hold != nil {
		select {
		case <-fault.Hold:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	var inner map[string]*Error
	if fault != nil {
		inner = fault.Commands
	}
	answerNow := func() *answer {
		switch refused := p.admit(r, c, user, secret, isAddress); {
		case refused != nil:
			return refusal(refused)
		case paramsError != nil:
			return refusal(paramsError)
		default:
			return p.run(c, inner)
		}
	}
	if fault == nil || fault.isSilent() {
		writeAnswer(w, c, answerNow())
		return
	}
	var done *answer
	if fault.RunsFirst || fault.CutsBody || fault.CutsJSON {
		done = answerNow()
	}
	fault.show(w, r, c, done)
}

// admit checks all that comes before a method: the transport, the limit of requests, the
// secret, the plan.
func (p *Portal) admit(r *http.Request, c *Call, user, secret string, isAddress bool) *Error {
	if p.options.Quirks.RequiresHTTPS && r.TLS == nil {
		return badRequest("INVALID_REQUEST", "Https required.")
	}
	if !p.takeRequest(c) {
		return &QueryLimitExceeded
	}
	isOwner := user == strconv.FormatInt(int64(p.options.UserID), 10)
	if !isAddress || !isOwner || subtle.ConstantTimeCompare([]byte(secret), []byte(p.options.Secret)) != 1 {
		return &NoAuthFound
	}
	if p.options.Quirks.IsUnpaid {
		return &AccessDenied
	}
	return nil
}

func (p *Portal) takeRequest(c *Call) bool {
	if p.options.Limits == NoLimits {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	bucket := p.clients[c.Client]
	if bucket == nil {
		bucket = new(leakyBucket)
		p.clients[c.Client] = bucket
	}
	burst, drain := p.options.Limits.bucket()
	return bucket.take(c.At, burst, drain)
}

func clientOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// splitPath reads /rest/{user}/{secret}/{method}, with .json or a slash after it or not.
func splitPath(path string) (user, secret, method string, ok bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	method = strings.ToLower(strings.TrimSuffix(parts[len(parts)-1], ".json"))
	if len(parts) != 4 || parts[0] != "rest" {
		return "", "", method, false
	}
	return parts[1], parts[2], method, true
}

const maxBody = 32 << 20

// readParams merges the query string and the body; where both tell something, the body
// counts. JSON is read only if the content type says so.
func (p *Portal) readParams(r *http.Request) (value, *Error) {
	params := arrayValue()
	parseQuery(r.URL.RawQuery, params.array)
	if r.Method != http.MethodPost {
		return params, nil
	}
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	body := params
	switch strings.TrimSpace(strings.ToLower(kind)) {
	case "multipart/form-data":
		body = readMultipart(r)
	case "application/json":
		text, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
		if err == nil {
			body, err = parseJSON(text)
		}
		if err != nil {
			if p.options.Quirks.RefusesMalformedJSON {
				return params, badRequest("INVALID_REQUEST", "Malformed JSON")
			}
			return params, nil
		}
	default:
		text, _ := io.ReadAll(io.LimitReader(r.Body, maxBody))
		body = arrayValue()
		parseQuery(string(text), body.array)
	}
	if body.kind == isArray {
		for i, key := range body.array.keys {
			params.array.set(key, body.array.items[i])
		}
	}
	return params, nil
}

func readMultipart(r *http.Request) value {
	params := arrayValue()
	parts, err := r.MultipartReader()
	if err != nil {
		return params
	}
	for {
		part, err := parts.NextPart()
		if err != nil {
			return params
		}
		text, _ := io.ReadAll(io.LimitReader(part, maxBody))
		params.array.setPath(part.FormName(), textValue(string(text)))
	}
}

// run carries out an admitted call.
func (p *Portal) run(c *Call, inner map[string]*Error) *answer {
	if c.Method == "batch" {
		return p.runBatch(c, inner)
	}
	out, err := p.invoke(c.Method, c.Params.value, c.At, c.Method, nil)
	c.Cost = out.cost
	if err != nil {
		return refusal(err)
	}
	b := make([]byte, 0, len(out.body)+512)
	b = append(b, `{"result":`...)
	b = append(b, out.body...)
	if out.total >= 0 {
		b = append(b, `,"total":`...)
		b = strconv.AppendInt(b, int64(out.total), 10)
	}
	if out.next > 0 {
		b = append(b, `,"next":`...)
		b = strconv.AppendInt(b, int64(out.next), 10)
	}
	b = append(b, `,"time":`...)
	b = p.appendTime(b, c.At, out.cost, p.usage(c.Method, c.At))
	return &answer{status: http.StatusOK, body: append(b, '}')}
}

// An outcome is what a method gives; a total below 0 and a next of 0 are absent.
type outcome struct {
	body  []byte
	total int
	next  int
	cost  time.Duration
}

// invoke carries out one method, alone or in a batch, and appends its result to the
// buffer. Its operating time counts for the account, the name of a method.
func (p *Portal) invoke(name string, params value, at time.Time, account string, into []byte) (outcome, *Error) {
	m, isKnown := methods[name]
	switch {
	case !isKnown:
		return outcome{}, &Error{Status: http.StatusNotFound, Code: "ERROR_METHOD_NOT_FOUND", Text: "Method not found!"}
	case !p.hasScope(m.scope):
		return outcome{}, &InsufficientScope
	case account == name && p.isBlocked(name, at):
		return outcome{}, &OperationTimeLimit
	}
	out, err := p.locked(m, &invocation{portal: p, world: p.world, params: params, at: at, out: into})
	out.cost = p.cost(name, params)
	p.charge(account, at, out.cost)
	return out, err
}

func (p *Portal) locked(m method, in *invocation) (outcome, *Error) {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	return m.run(in)
}

func (p *Portal) hasScope(scope string) bool {
	switch scope {
	case "":
		return true
	case "user":
		return slices.ContainsFunc([]string{"user", "user_basic", "user_brief"}, func(s string) bool {
			return slices.Contains(p.options.Scopes, s)
		})
	default:
		return slices.Contains(p.options.Scopes, scope)
	}
}
