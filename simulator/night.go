package simulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// A Night is a small world as a file tells it, whole, at one time: what somebody can write down to report a fault.
// docs/simulator.md describes the form.
type Night struct {
	World *World
	Now   time.Time      // on the portal's clock
	Zone  *time.Location // of the portal's server
}

// Nights reads the files of one portal, one night after another. What a row of history is numbered with stays
// from night to night, as on a portal.
type Nights struct {
	numbers map[row]ChangeID
	last    ChangeID
}

// A row is an entry of a deal's history as a file has it; no tells apart those that are alike.
type row struct {
	deal  DealID
	at    int64
	stage StageID
	no    int
}

type nightFile struct {
	Now        string               `json:"now"`
	ServerZone string               `json:"server_zone"`
	Funnels    []nightFunnel        `json:"funnels"`
	Fields     map[string]nightType `json:"uf"`
	Users      []nightUser          `json:"users"`
	Deals      []nightDeal          `json:"deals"`
}

type nightFunnel struct {
	ID     FunnelID    `json:"id"`
	Name   string      `json:"name"`
	Stages [][3]string `json:"stages"` // id, name, and P, S or F
}

type nightType struct {
	Type     string `json:"type"`
	Label    string `json:"label"`
	Multiple bool   `json:"multiple"`
}

type nightUser struct {
	ID       UserID `json:"id"`
	Name     string `json:"name"`
	LastName string `json:"last_name"`
}

type nightDeal struct {
	ID       DealID              `json:"id"`
	Title    string              `json:"title"`
	Category FunnelID            `json:"category"`
	Stage    json.RawMessage     `json:"stage"` // absent: the last of the history; null: none
	Manager  UserID              `json:"manager"`
	Created  string              `json:"created"`
	Updated  string              `json:"updated"`
	Hidden   bool                `json:"hidden"`
	Amount   float64             `json:"amount"`
	Currency string              `json:"currency"`
	Fields   map[string]any      `json:"fields"`
	History  [][]json.RawMessage `json:"history"` // time, stage[, funnel, id of the row, type, semantics]
}

// Read reads the next night. An error says which deal is wrong.
func (n *Nights) Read(r io.Reader) (*Night, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var file nightFile
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, fmt.Errorf("line %d: %w", 1+bytes.Count(text[:min(int(syntax.Offset), len(text))], []byte("\n")), err)
		}
		return nil, err
	}
	now, err := time.Parse(time.RFC3339, file.Now)
	if err != nil {
		return nil, fmt.Errorf("now: %q is no time such as 2026-03-11T02:30:00+03:00", file.Now)
	}
	b := nightBuilder{nights: n, world: NewWorld(), zone: now.Location(), server: now.Location()}
	if file.ServerZone != "" {
		if b.server, err = zoneOf(file.ServerZone); err != nil {
			return nil, fmt.Errorf("server_zone: %w", err)
		}
	}
	if err := b.directory(file); err != nil {
		return nil, err
	}
	for _, d := range file.Deals {
		if err := b.deal(d); err != nil {
			return nil, fmt.Errorf("deal %d: %w", d.ID, err)
		}
	}
	b.number()
	b.world.clock = now.Unix()
	return &Night{World: b.world, Now: now, Zone: b.server}, nil
}

// zoneOf reads a zone by its name, or an offset such as +03:00.
func zoneOf(text string) (*time.Location, error) {
	if at, err := time.Parse("Z07:00", text); err == nil {
		_, offset := at.Zone()
		return time.FixedZone("", offset), nil
	}
	zone, err := time.LoadLocation(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no zone such as Europe/Moscow or +03:00", text)
	}
	return zone, nil
}

type nightBuilder struct {
	nights       *Nights
	world        *World
	zone, server *time.Location // that of times without an offset, and the server's
	changes      []*change      // without numbers, but for those that the file gives
}

// directory adds what deals refer to.
func (b *nightBuilder) directory(file nightFile) error {
	for _, f := range file.Funnels {
		funnel := Funnel{ID: f.ID, Name: f.Name}
		if b.world.funnel(f.ID) != nil {
			return fmt.Errorf("the funnel %d is given twice", f.ID)
		}
		for _, s := range f.Stages {
			semantics := Semantics(cmp.Or(s[2], "P")[0])
			if len(s[2]) > 1 || !slices.Contains([]Semantics{Process, Success, Failure}, semantics) {
				return fmt.Errorf("the stage %s: %q is not P, S or F", s[0], s[2])
			}
			funnel.Stages = append(funnel.Stages, Stage{ID: StageID(s[0]), Name: s[1], Semantics: semantics})
		}
		b.world.AddFunnel(funnel)
	}
	for name, t := range file.Fields {
		b.world.AddField(Field{Name: name, Type: t.Type, Label: t.Label, IsMultiple: t.Multiple})
	}
	for _, u := range file.Users {
		if u.ID == 0 || b.world.user(u.ID) != nil {
			return fmt.Errorf("the user %d: ids begin at 1, and each is given once", u.ID)
		}
		b.world.AddUser(User{ID: u.ID, Name: u.Name, LastName: u.LastName})
	}
	b.world.AddChat(Chat{Title: managementChat.in(English), Members: []UserID{1}})
	return nil
}

func (b *nightBuilder) deal(given nightDeal) error {
	switch {
	case given.ID <= 0:
		return errors.New("an id is 1 or more")
	case b.world.deals[given.ID] != nil:
		return errors.New("is given twice")
	case b.world.funnel(given.Category) == nil:
		return fmt.Errorf("there is no funnel %d", given.Category)
	}
	if given.Manager != 0 && b.world.user(given.Manager) == nil {
		b.world.AddUser(User{ID: given.Manager, Name: fmt.Sprintf("Person %d", given.Manager)})
	}
	d := &deal{id: given.ID, exists: true}
	if err := b.history(d, given); err != nil {
		return err
	}
	title := given.Title
	if title == "" {
		title = fmt.Sprintf("Deal %d", given.ID)
	}
	out := Deal{
		Title: title, Funnel: given.Category, Manager: given.Manager, IsHidden: given.Hidden,
		Cents: int64(given.Amount*100 + 0.5), Currency: given.Currency, Fields: map[string]any{},
	}
	var err error
	if n := len(d.history); n > 0 {
		out.Stage, out.Created, out.Moved = d.history[n-1].stage, fromUnix(d.history[0].at), fromUnix(d.history[n-1].at)
		out.Updated = out.Moved
	}
	if given.Stage != nil {
		var stage *StageID
		if err := json.Unmarshal(given.Stage, &stage); err != nil {
			return fmt.Errorf("stage: %w", err)
		}
		if out.Stage = ""; stage != nil {
			out.Stage = *stage
		}
	}
	for _, t := range []struct {
		text string
		to   *time.Time
	}{{given.Created, &out.Created}, {given.Updated, &out.Updated}} {
		if t.text == "" {
			continue
		}
		if *t.to, err = b.time(t.text); err != nil {
			return err
		}
	}
	for name, value := range given.Fields {
		if out.Fields[name], err = b.value(name, value); err != nil {
			return err
		}
	}
	b.world.fill(d, out)
	b.world.deals[d.id] = d
	b.world.lastDeal = max(b.world.lastDeal, d.id)
	if !d.isHidden {
		b.world.readable.add(d)
	}
	return nil
}

// value checks what a field is given.
func (b *nightBuilder) value(name string, value any) (any, error) {
	if b.world.field(name) == nil {
		return nil, fmt.Errorf("the field %s is not in uf", name)
	}
	switch v := value.(type) {
	case nil, string, float64, bool:
		return v, nil
	case []any:
		list := make([]string, len(v))
		for i, item := range v {
			list[i] = fmt.Sprint(item)
		}
		return list, nil
	default:
		return nil, fmt.Errorf("the field %s: a value is a text, a number, true or false, or a list of them", name)
	}
}

// time reads a time, in the zone of the portal's clock where it has no offset.
func (b *nightBuilder) time(text string) (time.Time, error) {
	if at, ok := parseInstant(text, b.zone); ok {
		return at, nil
	}
	return time.Time{}, fmt.Errorf("%q is no time such as 2026-03-02T09:30:00+03:00", text)
}

func (b *nightBuilder) history(d *deal, given nightDeal) error {
	for i, entry := range given.History {
		if len(entry) < 2 || len(entry) > 6 {
			return fmt.Errorf("history %d: an entry is [time, stage, funnel, id, type, semantics], the last four where they are not the usual ones", i+1)
		}
		var text, semantics string
		c := &change{deal: d, funnel: given.Category, kind: moved}
		if i == 0 {
			c.kind = created
		}
		for k, to := range []any{&text, &c.stage, &c.funnel, &c.id, &c.kind, &semantics}[:len(entry)] {
			if err := json.Unmarshal(entry[k], to); err != nil {
				return fmt.Errorf("history %d: %w", i+1, err)
			}
		}
		at, err := b.time(text)
		if err != nil {
			return fmt.Errorf("history %d: %w", i+1, err)
		}
		c.at, c.semantics = at.Unix(), b.world.semantics(c.funnel, c.stage)
		if semantics != "" {
			c.semantics = Semantics(semantics[0])
		}
		if isKindGiven := len(entry) > 4 && !bytes.Equal(bytes.TrimSpace(entry[4]), []byte("null")); !isKindGiven && c.semantics.isFinal() {
			c.kind = movedToFinal
		}
		d.history = append(d.history, c)
		b.changes = append(b.changes, c)
	}
	slices.SortStableFunc(d.history, func(a, b *change) int { return cmp.Compare(a.at, b.at) })
	return nil
}

// number gives the rows of history their ids: those of the file, those that they had the night before, and to new ones
// the next, in the order of time.
func (b *nightBuilder) number() {
	n := b.nights
	if n.numbers == nil {
		n.numbers = map[row]ChangeID{}
	}
	slices.SortStableFunc(b.changes, func(x, y *change) int {
		return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.deal.id, y.deal.id))
	})
	keys, alike := make([]row, len(b.changes)), map[row]int{}
	for i, c := range b.changes {
		key := row{deal: c.deal.id, at: c.at, stage: c.stage}
		alike[key]++
		key.no = alike[key]
		keys[i] = key
		if c.id != 0 {
			n.numbers[key] = c.id
		}
		n.last = max(n.last, n.numbers[key])
	}
	for i, c := range b.changes {
		if n.numbers[keys[i]] == 0 {
			n.last++
			n.numbers[keys[i]] = n.last
		}
		c.id = n.numbers[keys[i]]
		if !c.deal.isHidden {
			b.world.changes.add(c)
		}
	}
	b.world.lastChange = n.last
	b.world.settle()
}

// UsualZone names the zone that a portal whose clock shows an offset probably has, for a configuration.
func UsualZone(now time.Time) string {
	name := now.Format("-07:00")
	switch name {
	case "+00:00":
		return "UTC"
	case "+03:00":
		return "Europe/Moscow"
	}
	// The sign of these names is that of seconds west of Greenwich.
	sign := map[byte]string{'+': "-", '-': "+"}[name[0]]
	return "Etc/GMT" + sign + strings.TrimPrefix(name[1:3], "0")
}
