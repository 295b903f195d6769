package simulator

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// GenerateOptions say what world to make.
type GenerateOptions struct {
	Seed  uint64
	Deals int // 0: 400; recurring templates come on top
	Now   time.Time
	// HistoryDays is how far back deals were created, 0: 300. The longer, the fewer are still open.
	HistoryDays int
	Language    Language       // empty: English
	Zone        *time.Location // of people's working hours and of Now's month; nil: UTC+3
}

// Suggested is how the nightly run is configured for a generated world.
type Suggested struct {
	TimeZone string // an IANA name
	Funnels  []int  // empty: all
	Fields   map[string]SuggestedFields
	Norms    []SuggestedNorm
	Pauses   SuggestedPauses
	StageMap map[string]string // a deleted stage and the one that it counts as
	// Dimensions are fields of the deal that people group by, under names of their own.
	Dimensions map[string]string
}

// SuggestedFields are the custom fields that hold the plan of a stage; either may be empty.
type SuggestedFields struct{ Days, Date string }

// SuggestedPauses are the fields that pause a deal: a flag, and the first and the last day.
type SuggestedPauses struct{ Flag, From, Until string }

// SuggestedNorm is the plan of a stage where a deal has none.
type SuggestedNorm struct {
	Stage string
	Days  int
	From  string // a date; empty: always
}

// Generate makes a believable world: the same one for the same seed, number of deals,
// language, zone and month of Now.
//
// All deals are created in the HistoryDays before that month, so that a later Now in it
// finds the same deals moved on: their future is in the world, and happens as its clock
// passes. Deals stay in stages for log-normal times, go back, change funnels and
// managers, are lost and opened again. There is also what every grown portal has: plans
// that are missing, changed or no plans at all, deals on hold, deals without history, stages that were
// deleted, people who were dismissed or cannot be seen, and templates of recurring deals.
func Generate(options GenerateOptions) (*World, Suggested) {
	if options.Deals == 0 {
		options.Deals = 400
	}
	if options.HistoryDays == 0 {
		options.HistoryDays = 300
	}
	if options.Zone == nil {
		options.Zone = defaultZone
	}
	now := options.Now.In(options.Zone)
	g := &generator{
		GenerateOptions: options,
		world:           NewWorld(),
		month:           time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, options.Zone),
	}
	g.world.language = cmp.Or(options.Language, English)
	g.addPeople()
	g.addCompanies()
	g.addFunnels()
	for _, f := range customFields {
		field := Field{Name: f.name, Type: f.kind, Label: f.label.in(g.Language)}
		for _, option := range f.options {
			field.Options = append(field.Options, option.in(g.Language))
		}
		g.world.AddField(field)
	}
	g.addDeals()
	return g.world, g.suggested()
}

type generator struct {
	GenerateOptions
	world *World
	month time.Time // its first moment
}

const (
	templateCount = 3
)

// retired is when the old stages were deleted.
func (g *generator) retired() time.Time { return g.month.AddDate(0, -5, 0) }

func (g *generator) addPeople() {
	for i, name := range departmentNames {
		d := Department{ID: DepartmentID(i + 1), Name: name.in(g.Language), Head: firstManager + UserID(i)}
		if i > 0 {
			d.Parent = 1
		}
		g.world.AddDepartment(d)
	}
	registered := g.month.AddDate(-2, 0, 0)
	for i, p := range people {
		id := UserID(i + 1)
		g.world.AddUser(User{
			ID: id, Name: p.name.in(g.Language), LastName: p.lastName.in(g.Language),
			Email: "user" + strconv.Itoa(i+1) + "@example.org", Registered: registered,
			Departments: []DepartmentID{DepartmentID(i%3 + 2)},
			IsFired:     id == firedLongAgo, IsHidden: id == hiddenManager,
		})
	}
	g.world.EditUser(firedInMonth, g.month.AddDate(0, 0, 9), func(u *User) { u.IsFired = true })
	g.world.AddChat(Chat{Title: managementChat.in(g.Language), Members: []UserID{1, firstManager, firstManager + 1}})
	g.world.EditUser(inTwoDepartments, time.Time{}, func(u *User) { u.Departments = []DepartmentID{4, 2} })
	g.world.EditUser(movedInMonth, g.month.AddDate(0, 0, 14), func(u *User) { u.Departments = []DepartmentID{4} })
}

// addCompanies adds those that the titles of deals name. One has been deleted since, one is named anew in the month.
func (g *generator) addCompanies() {
	for i, name := range clients {
		g.world.AddCompany(Company{ID: CompanyID(i + 1), Title: name.in(g.Language), Created: g.month.AddDate(-1, 0, i)})
	}
	g.world.DeleteCompany(deletedCompany, time.Time{})
	g.world.EditCompany(renamedCompany, g.month.AddDate(0, 0, 11), func(c *Company) { c.Title += words{" Group", " Групп"}.in(g.Language) })
}

func (g *generator) addFunnels() {
	for _, plan := range funnelPlans {
		f := Funnel{ID: plan.id, Name: plan.name.in(g.Language)}
		for _, s := range plan.stages {
			f.Stages = append(f.Stages, Stage{ID: s.id, Name: s.name.in(g.Language), Semantics: s.semantics})
		}
		g.world.AddFunnel(f)
	}
	for _, s := range deletedStages {
		g.world.AddStage(5, time.Time{}, Stage{ID: s.id, Name: s.name.in(g.Language)})
		g.world.DeleteStage(5, g.retired(), s.id)
	}
}

// addDeals spreads the creations, denser towards the month, and numbers deals by them.
func (g *generator) addDeals() {
	r := rand.New(rand.NewPCG(g.Seed, 0))
	times := make([]time.Time, g.Deals+templateCount)
	for i := range times {
		back := 3 + float64(g.HistoryDays-3)*math.Pow(r.Float64(), 1.8) // three days: atWork skips weekends
		times[i] = g.atWork(r, g.month.AddDate(0, 0, -int(back)))
	}
	slices.SortFunc(times, time.Time.Compare)
	templateEvery := len(times)/templateCount + 1
	for i, created := range times {
		r := rand.New(rand.NewPCG(g.Seed, uint64(i)+1))
		if i%templateEvery == templateEvery/2 {
			g.addTemplate(r, created)
			continue
		}
		l := life{generator: g, r: r, now: created}
		l.live()
	}
}

// atWork is a moment in the working hours of the day, or of the next working day.
func (g *generator) atWork(r *rand.Rand, day time.Time) time.Time {
	for day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
		day = day.AddDate(0, 0, 1)
	}
	seconds := 9*60*60 + r.IntN(9*60*60)
	return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, seconds, 0, g.Zone)
}

func (g *generator) addTemplate(r *rand.Rand, created time.Time) {
	d := g.newDeal(r, created, &funnelPlans[0])
	d.IsRecurring, d.HasNoHistory = true, true
	g.world.AddDeal(d)
}

func (g *generator) newDeal(r *rand.Rand, created time.Time, in *funnelPlan) Deal {
	joint := words{" for ", " · "}
	subject, client := r.IntN(len(subjects)), r.IntN(len(clients))
	d := Deal{
		Title:  subjects[subject].in(g.Language) + joint.in(g.Language) + clients[client].in(g.Language),
		Funnel: in.id, Stage: in.stages[0].id, Manager: g.manager(r, created), CreatedBy: firstManager,
		Created: created, Begin: created, Close: created.AddDate(0, 0, 30+r.IntN(60)),
		Cents:    int64(math.Exp(12+0.9*r.NormFloat64())/100) * 100_00,
		Currency: "RUB", Fields: make(map[string]any),
	}
	if r.IntN(200) >= 20 { // some customers are people
		d.Company = int64(client + 1)
	}
	if g.Language != Russian {
		d.Currency = "USD"
		d.Cents /= 10
	}
	if r.IntN(8) == 0 {
		d.Currency = "EUR"
		d.Cents /= 20
	}
	d.UpdatedBy, d.MovedBy = d.Manager, d.Manager
	g.pause(&d)
	g.classify(&d)
	return d
}

// pause puts some deals on hold. It draws by itself, so that all else is as it would be without.
func (g *generator) pause(d *Deal) {
	r := rand.New(rand.NewPCG(g.Seed+1, uint64(d.Created.Unix())))
	switch dice := r.IntN(100); {
	case dice < 3:
		d.Fields[waitingField] = true
	case dice < 12:
		from := d.Created.AddDate(0, 0, 5+r.IntN(40))
		d.Fields[holdFromField] = from.Format(time.DateOnly)
		if dice < 10 {
			d.Fields[holdUntilField] = from.AddDate(0, 0, 3+r.IntN(18)).Format(time.DateOnly)
		}
	}
}

// classify fills in the fields that deals are grouped by. It draws by itself, too.
func (g *generator) classify(d *Deal) {
	r := rand.New(rand.NewPCG(g.Seed+2, uint64(d.Created.Unix())))
	if n := r.IntN(10); n < 9 {
		d.Fields[regionField] = firstOption + []int{0, 0, 0, 1, 1, 2, 2, 2, 3}[n]
	}
	if r.IntN(3) > 0 {
		d.Fields[contractField] = d.Created.AddDate(0, 0, r.IntN(15)).Format(time.DateOnly)
	}
}

// manager chooses somebody who works there at the time.
func (g *generator) manager(r *rand.Rand, at time.Time) UserID {
	if r.IntN(100) < 3 {
		return hiddenManager
	}
	id := firstManager + UserID(r.IntN(int(lastManager-firstManager)+1))
	if id == firedLongAgo && at.After(g.retired()) || id == firedInMonth && at.After(g.month) {
		return firstManager
	}
	return id
}

func (g *generator) suggested() Suggested {
	s := Suggested{
		TimeZone:   "Europe/Moscow",
		Fields:     make(map[string]SuggestedFields),
		Pauses:     SuggestedPauses{waitingField, holdFromField, holdUntilField},
		StageMap:   map[string]string{string(oldDocs): string(docs)},
		Dimensions: map[string]string{"region": regionField, "contract": contractField},
	}
	for _, plan := range funnelPlans {
		for _, stage := range plan.stages {
			if stage.daysField != "" || stage.dateField != "" {
				s.Fields[string(stage.id)] = SuggestedFields{stage.daysField, stage.dateField}
			}
			if stage.hasNorm {
				s.Norms = append(s.Norms, SuggestedNorm{Stage: string(stage.id), Days: stage.planned})
			}
		}
	}
	// One norm was tightened on the way.
	s.Norms = append(s.Norms, SuggestedNorm{
		Stage: string(docs), Days: 12, From: g.month.AddDate(0, -2, 0).Format(time.DateOnly),
	})
	return s
}
