package simulator

import (
	"slices"
	"time"
)

// A Call is one request that reached the portal.
type Call struct {
	Number   int       // from 1, in the order of arrival
	At       time.Time // by the portal's clock
	Client   string    // its address without the port
	Method   string    // as asked, in lower case
	Params   Params
	Commands []Command // of a batch, in their order
	Status   int       // answered; 0: the connection was broken
	Code     string    // the error's, if one was answered
	Cost     time.Duration
	// InFlight is how many requests were being answered, this one included.
	InFlight int
}

// A Command is one part of a batch.
type Command struct {
	Key       string
	Method    string // in lower case
	Params    Params
	IsRun     bool // carried out, well or not
	HasFailed bool
	Code      string // the error's, which may be empty
	Cost      time.Duration

	failure *Error // found before it could run
}

// Params are the parameters of a call.
type Params struct{ value value }

// Text is the scalar under a path such as ("filter", ">id"), "" where there is none.
func (p Params) Text(path ...string) string { return p.at(path).text }

// List is the scalars of the list under a path.
func (p Params) List(path ...string) []string {
	var all []string
	for _, item := range p.at(path).list() {
		all = append(all, item.text)
	}
	return all
}

// Keys is the names under a path, in their order.
func (p Params) Keys(path ...string) []string {
	v := p.at(path)
	if v.kind != isArray {
		return nil
	}
	return slices.Clone(v.array.keys)
}

func (p Params) at(path []string) value {
	v := p.value
	for _, name := range path {
		v = v.get(name)
	}
	return v
}

// logLimit bounds the log of a portal that runs for days.
const logLimit = 20_000

// Log returns the requests so far in the order of arrival, the newest 20 000 of them. A
// request that is still being answered is there as it was when it arrived.
func (p *Portal) Log() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := make([]Call, len(p.log))
	for i, c := range p.log {
		calls[i] = *c
		calls[i].Commands = slices.Clone(c.Commands)
	}
	return calls
}

// ForgetLog empties the log. Numbers go on.
func (p *Portal) ForgetLog() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = nil
}

// arrived enters a call into the log.
func (p *Portal) arrived(c *Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.served++
	p.inFlight++
	c.Number, c.InFlight = p.served, p.inFlight
	if len(p.log) == logLimit {
		p.log = slices.Delete(p.log, 0, logLimit/2)
	}
	entry := *c
	entry.Commands = slices.Clone(c.Commands)
	p.log = append(p.log, &entry)
}

// answered completes the call's entry.
func (p *Portal) answered(c *Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight--
	for _, entry := range slices.Backward(p.log) {
		if entry.Number == c.Number {
			*entry = *c
			return
		}
	}
}
