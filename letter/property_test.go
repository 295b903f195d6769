package letter_test

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"stagelag/config"
	"stagelag/letter"
	"stagelag/simulator"
)

// What can become of a request that sends a message. From losesFrom on nobody can know whether it was sent.
const (
	goesWell = iota
	isRefused
	lacksRight
	isOverLimit
	dropsBefore
	dropsAfter
	answersAsGateway
	killsBefore
	killsAfter

	losesFrom = dropsBefore
)

// killed is what ends a call as a kill would: nothing is recorded after it.
type killed struct{}

// A fatedTransport lets requests that send messages meet what is told. The portal's side sees the fate of the request
// that is under way.
type fatedTransport struct {
	*site
	fate    func(dialog string) int
	current atomic.Int32
}

func (f *fatedTransport) inject(call *simulator.Call) *simulator.Fault {
	f.current.Store(goesWell)
	if call.Method != "im.message.add" {
		return nil
	}
	fate := f.fate(call.Params.Text("DIALOG_ID"))
	f.current.Store(int32(fate))
	switch fate {
	case isRefused:
		return &simulator.Fault{Error: &simulator.Error{Status: 400, Code: "ACCESS_ERROR", Text: "Action unavailable"}}
	case lacksRight:
		return &simulator.Fault{Error: &simulator.InsufficientScope}
	case isOverLimit:
		return &simulator.Fault{Error: &simulator.QueryLimitExceeded}
	case dropsBefore, killsBefore:
		return &simulator.Fault{Drops: true}
	case dropsAfter:
		return &simulator.Fault{Drops: true, RunsFirst: true}
	case answersAsGateway:
		return &simulator.Fault{HTML: http.StatusBadGateway, RunsFirst: true}
	}
	return nil
}

func (f *fatedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := f.site.RoundTrip(r)
	switch f.current.Load() {
	case killsBefore, killsAfter:
		panic(killed{})
	}
	return response, err
}

// A chance draws what goes wrong, the same for the same seed.
type chance struct {
	*rand.Rand
	mends bool            // nothing goes wrong any more
	lost  map[string]bool // those of whom an answer was lost
}

func (c *chance) message(dialog string) int {
	if c.mends || c.IntN(3) > 0 {
		return goesWell
	}
	fate := isRefused + c.IntN(killsAfter)
	c.lost[dialog] = c.lost[dialog] || fate >= losesFrom
	return fate
}

func (c *chance) mail(to string) mailFault {
	if c.mends || c.IntN(2) > 0 {
		return mailGoesWell
	}
	fault := mailIsRefused + mailFault(c.IntN(int(mailDropsForgotten)))
	c.lost[to] = c.lost[to] || fault >= mailDropsInside
	return fault
}

// Whatever goes wrong, and however often it is called, nobody gets two letters; and everybody gets one in the end of whom
// no answer was lost. STAGELAG_SOAK_NIGHTS is how many mornings are tried.
func TestNobodyGetsTwoLetters(t *testing.T) {
	t.Parallel()
	mornings, err := strconv.ParseUint(cmp.Or(os.Getenv("STAGELAG_SOAK_NIGHTS"), "3"), 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	s := awoken(t)
	office := newPostOffice(t, nil)
	s.mailTo(office)
	s.cfg.Letter.Chat, s.cfg.Letter.Managers, s.cfg.Letter.Language = leadership, true, config.English
	transport := &fatedTransport{site: s}
	s.portal.Inject(transport.inject)
	everybody := append(slices.Collect(maps.Keys(s.wanted)), boss, owner)
	received := func() map[string]int {
		all := office.received()
		maps.Copy(all, s.received())
		return all
	}
	for seed := range mornings {
		if err := s.w.DB().Exec(t.Context(), "TRUNCATE TABLE letters"); err != nil {
			t.Fatal(err)
		}
		before := received()
		c := &chance{Rand: rand.New(rand.NewPCG(seed, 0)), lost: map[string]bool{}}
		transport.fate = c.message
		office.setFault(c.mail)
		for range 1 + c.IntN(3) {
			_ = s.sendUntilKilled(transport)
		}
		c.mends = true
		for range 2 {
			if err := s.sendUntilKilled(transport); err != nil {
				t.Fatalf("seed %d, with all mended: %v", seed, err)
			}
		}
		after := received()
		for _, to := range everybody {
			if n := after[to] - before[to]; n > 1 || n == 0 && !c.lost[to] {
				t.Errorf("seed %d: %s has got %d letters (an answer was lost: %v)", seed, to, n, c.lost[to])
			}
		}
		for to, state := range s.recorded() {
			_, name, _ := strings.Cut(to, " ")
			state, _, _ = strings.Cut(state, ":")
			if n := after[name] - before[name]; state != "sent" && state != "uncertain" || state == "sent" && n != 1 {
				t.Errorf("seed %d: %s is recorded as %q, and has got %d letters", seed, to, state, n)
			}
		}
	}
}

// sendUntilKilled sends the letters, unless a kill ends that.
func (s *site) sendUntilKilled(transport http.RoundTripper) (err error) {
	defer func() {
		switch reason := recover(); reason {
		case nil, killed{}:
		default:
			panic(reason)
		}
	}()
	m := s.mailing()
	m.Client = s.client(transport)
	_, err = letter.RunOn(s.t.Context(), m, s.content)
	return err
}
