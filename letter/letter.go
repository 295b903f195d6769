// Package letter sends the morning letter: the summary of a published run to leadership, and to each manager the list
// of their own late and due deals.
//
// Nobody gets two letters about one as-of date, whenever the program is stopped and started: that a letter is about to
// be sent is recorded before, and what came of it after. What was surely not delivered is tried again by the next call. A
// letter whose answer was lost counts as sent.
package letter

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/plain"
	"stagelag/remedy"
	"stagelag/transform"
	"stagelag/views"
	"stagelag/warehouse"
)

// Lease is the name under which one that sends letters keeps others on the same warehouse out.
const Lease = "letter"

// A Mailing is what the letters of a run are sent with.
type Mailing struct {
	Warehouse *warehouse.Warehouse
	// Client is the portal's. A dry run does without one.
	Client *bitrix24.Client
	Config config.Config
	// To are those who get a letter; the zero Selection: all that the configuration names.
	To Selection
	// Language is that of the letters; empty: what the configuration says, else the portal's.
	Language config.Language
	// DryRun makes the letters, and sends none.
	DryRun bool
	// OnlyBegun goes on with the letters of today or yesterday of which some were tried already, and begins none.
	OnlyBegun bool
	Progress  Progress
	Log       logrus.FieldLogger
	Now       func() time.Time
}

// Progress is told what a mailing is doing.
type Progress interface {
	Step(name string)
	Rows(done, total int64) // a total of 0 is not known
}

// A Selection is some of those who get a letter.
type Selection struct {
	Kind    Kind                // all of a kind; empty: all
	Manager extractor.ManagerID // this one alone, with the kind Manager; 0: all
}

func (s Selection) has(to recipient) bool {
	return (s.Kind == "" || s.Kind == to.kind) && (s.Manager == 0 || to.id == idOf(s.Manager))
}

func idOf(manager extractor.ManagerID) string { return strconv.FormatUint(uint64(manager), 10) }

// Outcome is what became of a letter.
type Outcome string

// The outcomes. Those of the last three get no letter.
const (
	Sent      Outcome = "sent"
	Failed    Outcome = "failed"    // surely not delivered, and tried again by the next call
	Uncertain Outcome = "uncertain" // the answer was lost: it counts as sent
	Left      Outcome = "left"      // not tried
	Planned   Outcome = "planned"   // in a dry run
	Before    Outcome = "sent before"
	Unsure    Outcome = "uncertain before"

	NothingDue Outcome = "nothing late or due"
	Dismissed  Outcome = "dismissed"
	Unknown    Outcome = "unknown" // the portal does not show such a person
)

// A Letter is what became of the letter to one recipient.
type Letter struct {
	Kind      Kind
	Recipient string // a dialog, the number of a user, or an address
	Name      string // of the manager; untrusted
	// Late and Due are how many deals of a manager the letter is about.
	Late, Due int
	Outcome   Outcome
	Error     string    // of a failed or uncertain one, without secrets
	At        time.Time // when an earlier call has recorded what came of it
	// Text is the letter, where it was made: what the messenger gets, or the text of the mail.
	Text    string
	Subject string // of mail
	// Attachment is the name of the file that goes with mail, and Size its length in bytes.
	Attachment string
	Size       int
}

// A Summary is what a mailing did.
type Summary struct {
	RunID   loader.RunID
	AsOf    transform.Day
	IsDry   bool
	Letters []Letter
	// NothingDue is how many managers with open deals have none that is late or due.
	NothingDue int
	Took       time.Duration
}

// Count is how many letters have one of the outcomes.
func (s *Summary) Count(of ...Outcome) (n int) {
	for i := range s.Letters {
		if slices.Contains(of, s.Letters[i].Outcome) {
			n++
		}
	}
	return n
}

// A NotDeliveredError is letters that were surely not delivered.
type NotDeliveredError struct {
	Failed, Tried int
	First         Letter
}

func (e *NotDeliveredError) Error() string {
	return fmt.Sprintf("%d of %d letters were not delivered, such as the one to %s: %s", e.Failed, e.Tried, e.First.to(), e.First.Error)
}

// to is a recipient for a person who reads a log.
func (l *Letter) to() string {
	text := string(l.Kind) + " " + l.Recipient
	if l.Name != "" {
		text += " (" + plain.Text(l.Name, longestName) + ")"
	}
	return text
}

// An UnknownManagerError is a person who is asked for and is nobody's manager.
type UnknownManagerError struct{ ID extractor.ManagerID }

func (e *UnknownManagerError) Error() string {
	return fmt.Sprintf("the report has no manager %d; stagelag query 'SELECT DISTINCT manager_id, manager_name FROM deals_now' lists them", e.ID)
}

// Check complains, with a *config.Error, of a configuration that sends nothing to those who are asked for.
func Check(cfg config.Letter, to Selection) error {
	complain := func(text string) error { return &config.Error{Complaints: []config.Complaint{{Text: text}}} }
	switch {
	case !cfg.IsOn():
		return complain("letter: names no chat, no managers and no mail, so nothing is sent; docs/letter.md shows what to set")
	case to.Kind == Chat && cfg.Chat == "":
		return complain("letter.chat: not set, so there is no chat to send to: set it to one such as chat42")
	case to.Kind == Manager && !cfg.Managers:
		return complain("letter.managers: not set, so managers get no letter: set it to true")
	case to.Kind == Mail && len(cfg.Mail.To) == 0:
		return complain("letter.mail: not set, so there is nobody to mail to: set to, from and url")
	}
	return nil
}

// Run sends the letters of the last published run that were not sent yet. With an error the summary says how far it
// came; a *NotDeliveredError is one for letters that failed.
func Run(ctx context.Context, m Mailing) (Summary, error) {
	return m.run(ctx, func(ctx context.Context) (*content, error) {
		withReport := len(m.Config.Letter.Mail.To) > 0 && (m.To.Kind == "" || m.To.Kind == Mail)
		return readContent(ctx, m.Warehouse, withReport, m.Config.Targets)
	})
}

// run is Run with the content that a function reads.
func (m Mailing) run(ctx context.Context, read func(context.Context) (*content, error)) (Summary, error) {
	if err := Check(m.Config.Letter, m.To); err != nil {
		return Summary{}, err
	}
	begun := m.Now()
	if !m.DryRun {
		lease, err := m.Warehouse.Lease(ctx, Lease, "stagelag letter")
		if err != nil {
			return Summary{}, err
		}
		defer lease.Release()
		ctx = lease.Context()
	}
	s := sending{Mailing: m, summary: Summary{IsDry: m.DryRun}}
	err := s.run(ctx, read)
	s.summary.Took = m.Now().Sub(begun)
	return s.summary, remedy.Explain(ctx, err)
}

// A sending is a mailing under way.
type sending struct {
	Mailing
	content *content
	voice   *voice
	records records
	pasts   map[recipient]past
	page    []byte // the report that goes with mail; nil until it is written
	summary Summary
}

func (s *sending) run(ctx context.Context, read func(context.Context) (*content, error)) error {
	if s.OnlyBegun {
		if isBegun, err := s.isBegun(ctx); err != nil || !isBegun {
			return err
		}
	}
	s.Progress.Step("letter: read")
	var err error
	if s.content, err = read(ctx); err != nil {
		return err
	}
	published := s.content.run
	s.summary.RunID, s.summary.AsOf = published.RunID, published.AsOf
	s.records = s.recordsOf(published)
	if s.pasts, err = s.records.read(ctx); err != nil {
		return err
	}
	if err := s.plan(); err != nil {
		return err
	}
	if err := s.speak(ctx); err != nil {
		return err
	}
	if s.DryRun {
		return s.show()
	}
	return s.send(ctx)
}

// isBegun is whether any letter of today or yesterday was tried. Older ones are no news.
func (s *sending) isBegun(ctx context.Context) (bool, error) {
	published, err := views.In(s.Warehouse).Published(ctx)
	if err != nil || published.RunID == 0 || published.AsOf+1 < transform.DayOf(s.Now(), s.Config.Portal.TimeZone) {
		return false, err
	}
	pasts, err := s.recordsOf(published).read(ctx)
	return len(pasts) > 0, err
}

func (s *sending) recordsOf(run views.Published) records {
	return records{conn: s.Warehouse.DB(), run: run.RunID, asOf: run.AsOf, token: rand.Text(), now: s.Now}
}

// plan lists those who get a letter, and those who don't with the reason.
func (s *sending) plan() error {
	cfg := s.Config.Letter
	add := func(l Letter) {
		to := recipient{l.Kind, l.Recipient}
		if !s.To.has(to) {
			return
		}
		if before := s.pasts[to]; l.Outcome == Left {
			switch before.state {
			case stateSent:
				l.Outcome, l.At = Before, before.at
			case stateUncertain:
				l.Outcome, l.At, l.Error = Unsure, before.at, before.error
			case stateSending:
				l.Outcome, l.At, l.Error = Unsure, before.at, stoppedMeanwhile
			}
		}
		s.summary.Letters = append(s.summary.Letters, l)
	}
	if cfg.Chat != "" {
		add(Letter{Kind: Chat, Recipient: string(cfg.Chat), Outcome: Left})
	}
	for _, address := range cfg.Mail.To {
		add(Letter{Kind: Mail, Recipient: string(address), Outcome: Left})
	}
	if !cfg.Managers || s.To.Kind != "" && s.To.Kind != Manager {
		return nil
	}
	for i := range s.content.portfolios {
		p := &s.content.portfolios[i]
		if p.manager == 0 {
			continue // nobody is responsible
		}
		l := Letter{Kind: Manager, Recipient: idOf(p.manager), Name: p.name, Late: len(late(p.deals)), Due: len(due(p.deals)), Outcome: Left}
		person, isKnown := s.content.people[p.manager]
		switch {
		case !isKnown && s.content.knowsPeople:
			l.Outcome = Unknown
		case isKnown && !person.IsActive:
			l.Outcome = Dismissed
		}
		add(l)
	}
	s.summary.NothingDue = len(s.content.idle)
	if asked := s.To.Manager; asked != 0 && len(s.summary.Letters) == 0 {
		person, isKnown := s.content.people[asked]
		if _, isIdle := s.content.idle[asked]; !isKnown && !isIdle {
			return &UnknownManagerError{asked}
		}
		add(Letter{Kind: Manager, Recipient: idOf(asked), Name: cmp.Or(person.Name, s.content.idle[asked]), Outcome: NothingDue})
	}
	return nil
}

// speak finds the language. A portal that can't be asked for it is no reason to send nothing: its host says it as well
// as its tariff does.
func (s *sending) speak(ctx context.Context) error {
	language := cmp.Or(s.Language, s.Config.Letter.Language)
	if language == "" && s.Client != nil && (s.DryRun || s.Count(Left) > 0) {
		told, err := s.Client.Language(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			s.Log.WithError(err).Debug("the portal does not say its language")
		}
		language = config.Language(told)
	}
	if language == "" {
		language = languageOfHost(s.content.host)
	}
	s.voice = newVoice(language)
	return nil
}

// Count is how many letters have an outcome so far.
func (s *sending) Count(of Outcome) int { return s.summary.Count(of) }

// languageOfHost is the language of a portal by the ending of its host, empty where that says none.
func languageOfHost(host string) config.Language {
	host, _, _ = strings.Cut(host, ":")
	switch host[strings.LastIndexByte(host, '.')+1:] {
	case "ru", "by", "kz", "uz":
		return config.Russian
	}
	return ""
}

// show makes the letters of a dry run.
func (s *sending) show() error {
	for i := range s.summary.Letters {
		l := &s.summary.Letters[i]
		switch l.Outcome {
		case Left:
			l.Outcome = Planned
		case Before, Unsure:
		default:
			continue
		}
		if err := s.make(l); err != nil {
			return err
		}
	}
	return nil
}

// make writes the text of a letter.
func (s *sending) make(l *Letter) error {
	switch l.Kind {
	case Manager:
		i := slices.IndexFunc(s.content.portfolios, func(p portfolio) bool { return idOf(p.manager) == l.Recipient })
		d := s.content.ofManager(s.voice, s.content.portfolios[i])
		l.Text = d.message(s.voice, bitrix24.LongestMessage)
	case Chat:
		d := s.content.summary(s.voice)
		l.Text = d.message(s.voice, bitrix24.LongestMessage)
	case Mail:
		return s.makeMail(l)
	}
	return nil
}

// send sends what is left, each letter by its way.
func (s *sending) send(ctx context.Context) error {
	if err := s.settleCutOff(ctx); err != nil {
		return err
	}
	total := int64(s.Count(Left))
	if total == 0 {
		return nil
	}
	s.Progress.Step("letter: send")
	ways := map[Kind]way{Chat: &messenger{client: s.Client}, Mail: &post{config: s.Config.Letter.Mail}}
	ways[Manager] = ways[Chat]
	defer func() {
		for _, kind := range []Kind{Chat, Mail} {
			ways[kind].close()
		}
	}()
	done := int64(0)
	for i := range s.summary.Letters {
		l := &s.summary.Letters[i]
		if l.Outcome != Left {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := s.deliver(ctx, l, ways[l.Kind]); err != nil {
			return fmt.Errorf("letter to %s: %w", l.to(), err)
		}
		done++
		s.Progress.Rows(done, total)
	}
	return s.notDelivered()
}

// stoppedMeanwhile is why a letter counts as sent of which only the beginning is recorded.
const stoppedMeanwhile = "the program was stopped while it was sent"

// settleCutOff records letters as uncertain of which only the beginning is recorded.
func (s *sending) settleCutOff(ctx context.Context) error {
	for i := range s.summary.Letters {
		l := &s.summary.Letters[i]
		to := recipient{l.Kind, l.Recipient}
		if before := s.pasts[to]; before.state == stateSending {
			if err := s.records.settle(ctx, to, before.attempt, stateUncertain, stoppedMeanwhile); err != nil {
				return err
			}
		}
	}
	return nil
}

// A way is how letters of a kind are delivered.
type way interface {
	// open makes ready for a letter. After an error nothing can be sent.
	open(ctx context.Context) error
	// deliver sends a letter. An error that wraps errUncertain leaves open whether it was delivered, any other says
	// that it was not.
	deliver(ctx context.Context, s *sending, l *Letter) error
	close()
}

// errUncertain is a letter that may have been delivered.
var errUncertain = errors.New("the answer was lost, and the letter may have been delivered")

// grace is how long a letter that is being sent may take when the program is told to stop.
const grace = 10 * time.Second

// withGrace is a context that ends that long after another.
func withGrace(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(longer, func() { timer.Stop() })
	})
	return longer, func() {
		stop()
		cancel(context.Canceled)
	}
}

// deliver sends one letter and records it. An error means that no letter can be recorded.
func (s *sending) deliver(ctx context.Context, l *Letter, by way) error {
	to := recipient{l.Kind, l.Recipient}
	attempt := s.pasts[to].attempt + 1
	err := s.make(l)
	if err == nil {
		err = by.open(ctx)
	}
	if err == nil {
		if err := s.records.intend(ctx, to, attempt); err != nil {
			return err
		}
		longer, cancel := withGrace(ctx)
		err = by.deliver(longer, s, l)
		cancel()
	}
	state := stateSent
	l.Outcome = Sent
	switch {
	case errors.Is(err, errUncertain):
		state, l.Outcome = stateUncertain, Uncertain
	case err != nil && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
		// Told to stop, and surely not sent: the next call does it.
		state, l.Outcome = stateFailed, Left
	case err != nil:
		state, l.Outcome = stateFailed, Failed
	}
	l.Error = ""
	if err != nil {
		text := err.Error()
		if what := bitrix24.Remedy(err); what != "" {
			text += "; " + what
		}
		l.Error = plain.Text(plain.OneLine(text), longestError)
	}
	return s.records.settle(ctx, to, attempt, state, l.Error)
}

// longestError is how many characters of an error are kept.
const longestError = 500

// notDelivered is the error for letters that failed, nil where none did.
func (s *sending) notDelivered() error {
	failed, tried := s.Count(Failed), s.summary.Count(Sent, Failed, Uncertain)
	for i := range s.summary.Letters {
		if l := &s.summary.Letters[i]; l.Outcome == Failed {
			return &NotDeliveredError{Failed: failed, Tried: tried, First: *l}
		}
	}
	return nil
}
