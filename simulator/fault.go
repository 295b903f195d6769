package simulator

import (
	"net/http"
	"strconv"
	"strings"
)

// A Fault is something that goes wrong with one request. Hold and Commands go with
// anything; of the rest, set one.
type Fault struct {
	// RunsFirst carries the request out before it fails: the answer is lost, not the work.
	RunsFirst bool
	// Error is answered.
	Error *Error
	// HTML is the status of a page in place of JSON, as a proxy answers.
	HTML int
	// RedirectTo is a base URL, such as https://new.example, that a 302 points to with the
	// same path, as after a portal's renaming.
	RedirectTo string
	// Drops closes the connection without an answer.
	Drops bool
	// CutsBody closes the connection in the middle of the answer.
	CutsBody bool
	// CutsJSON answers the first half of the document as if it were all.
	CutsJSON bool
	// Hold delays the request until it is closed or the client is gone.
	Hold <-chan struct{}
	// Commands are the errors of commands of a batch, by key, in place of running them.
	Commands map[string]*Error
}

// Inject sets what goes wrong from now on, in place of what did; nil: nothing. The
// function is asked about each request before anything else happens, one at a time in
// their order, and may change the world; it returns nil for a request that goes well.
func (p *Portal) Inject(fault func(*Call) *Fault) {
	p.faultMu.Lock()
	defer p.faultMu.Unlock()
	p.fault = fault
}

func (p *Portal) faultFor(c *Call) *Fault {
	p.faultMu.Lock()
	defer p.faultMu.Unlock()
	if p.fault == nil {
		return nil
	}
	return p.fault(c)
}

// Nth fails the n-th request from now, counted from 1.
func Nth(n int, f Fault) func(*Call) *Fault {
	seen := 0
	return func(*Call) *Fault {
		seen++
		if seen != n {
			return nil
		}
		return &f
	}
}

// FromNth fails the n-th request from now and all that follow.
func FromNth(n int, f Fault) func(*Call) *Fault {
	seen := 0
	return func(*Call) *Fault {
		seen++
		if seen < n {
			return nil
		}
		return &f
	}
}

// OnMethod fails every request of the method, also one that holds it in a batch.
func OnMethod(method string, f Fault) func(*Call) *Fault {
	method = strings.ToLower(method)
	return func(c *Call) *Fault {
		if c.Method == method {
			return &f
		}
		for _, command := range c.Commands {
			if command.Method == method {
				return &f
			}
		}
		return nil
	}
}

// OnCommands answers every call of the method with the error, in a batch only the
// commands that are one.
func OnCommands(method string, e Error) func(*Call) *Fault {
	method = strings.ToLower(method)
	return func(c *Call) *Fault {
		if c.Method == method {
			return &Fault{Error: &e}
		}
		failing := make(map[string]*Error)
		for _, command := range c.Commands {
			if command.Method == method {
				failing[command.Key] = &e
			}
		}
		return &Fault{Commands: failing}
	}
}

// isSilent is whether nothing but the commands of a batch is concerned.
func (f *Fault) isSilent() bool {
	return f.Error == nil && f.HTML == 0 && f.RedirectTo == "" && !f.Drops && !f.CutsBody && !f.CutsJSON
}

// show writes what the client gets to see. The answer is the one of a request that was
// carried out, nil if it was not.
func (f *Fault) show(w http.ResponseWriter, r *http.Request, c *Call, done *answer) {
	switch {
	case f.Error != nil:
		writeAnswer(w, c, refusal(f.Error))
	case f.HTML != 0:
		c.Status = f.HTML
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(f.HTML)
		_, _ = w.Write([]byte("<html><head><title>" + strconv.Itoa(f.HTML) + " " + http.StatusText(f.HTML) + "</title></head><body></body></html>"))
	case f.RedirectTo != "":
		c.Status = http.StatusFound
		w.Header().Set("Location", strings.TrimSuffix(f.RedirectTo, "/")+r.URL.RequestURI())
		w.WriteHeader(http.StatusFound)
	case f.CutsBody:
		w.Header().Set("Content-Length", strconv.Itoa(len(done.body)))
		w.WriteHeader(done.status)
		_, _ = w.Write(done.body[:len(done.body)/2])
		// Without the flush nothing of the half would leave before the connection closes.
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case f.CutsJSON:
		done.body = done.body[:len(done.body)/2]
		writeAnswer(w, c, done)
	default:
		panic(http.ErrAbortHandler)
	}
}
