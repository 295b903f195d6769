package simulator

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Semantics is what a stage means, as the portal writes it.
type Semantics byte

// A deal in a Process stage is being worked on; in the others it is closed.
const (
	Process Semantics = 'P'
	Success Semantics = 'S'
	Failure Semantics = 'F'
)

func (s Semantics) isFinal() bool { return s == Success || s == Failure }

// A Funnel is a deal pipeline. Funnel 0 is the default one; its stages have no prefix, those
// of funnel n begin with "Cn:".
type Funnel struct {
	ID     FunnelID
	Name   string
	Sort   int // 0: by the order of adding
	Stages []Stage
}

// A Stage is a step of a funnel.
type Stage struct {
	ID        StageID
	Name      string
	Semantics Semantics // zero: Process
	Sort      int       // 0: after the one before
}

type funnel struct {
	id     FunnelID
	name   string
	sort   int
	stages []*stage // by sort
}

type stage struct {
	Stage
	statusID int64 // of its row in crm.status.list
	funnel   *funnel
}

// AddFunnel adds a funnel with its stages.
func (w *World) AddFunnel(given Funnel) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.funnel(given.ID) != nil {
		panic(fmt.Sprintf("portal: funnel %d was added before", given.ID))
	}
	f := &funnel{id: given.ID, name: given.Name, sort: given.Sort}
	if f.sort == 0 {
		f.sort = 100 * (len(w.funnels) + 1)
	}
	w.funnels = append(w.funnels, f)
	slices.SortFunc(w.funnels, func(a, b *funnel) int { return cmp.Compare(a.id, b.id) })
	for _, s := range given.Stages {
		w.addStage(f, s)
	}
}

// AddStage adds a stage to a funnel.
func (w *World) AddStage(to FunnelID, at time.Time, s Stage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.mustFunnel(to)
	w.at(toUnix(at), func() { w.addStage(f, s) })
}

func (w *World) addStage(f *funnel, s Stage) {
	if s.Semantics == 0 {
		s.Semantics = Process
	}
	if s.Sort == 0 {
		s.Sort = 10
		if n := len(f.stages); n > 0 {
			s.Sort = f.stages[n-1].Sort + 10
		}
	}
	w.lastStatus++
	f.stages = append(f.stages, &stage{Stage: s, statusID: w.lastStatus, funnel: f})
	slices.SortStableFunc(f.stages, func(a, b *stage) int { return cmp.Compare(a.Sort, b.Sort) })
}

// RenameStage gives a stage another name; its id stays.
func (w *World) RenameStage(in FunnelID, at time.Time, id StageID, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.mustStage(in, id)
	w.at(toUnix(at), func() { s.Name = name })
}

// DeleteStage deletes a stage. Deals in it stay there, and history keeps its id.
func (w *World) DeleteStage(in FunnelID, at time.Time, id StageID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.mustStage(in, id)
	w.at(toUnix(at), func() {
		s.funnel.stages = slices.DeleteFunc(s.funnel.stages, func(other *stage) bool { return other == s })
	})
}

// Funnels returns the funnels by id, with the stages that they have now, in their order.
func (w *World) Funnels() []Funnel {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []Funnel
	for _, f := range w.funnels {
		out := Funnel{ID: f.id, Name: f.name, Sort: f.sort}
		for _, s := range f.stages {
			out.Stages = append(out.Stages, s.Stage)
		}
		all = append(all, out)
	}
	return all
}

func (w *World) funnel(id FunnelID) *funnel {
	for _, f := range w.funnels {
		if f.id == id {
			return f
		}
	}
	return nil
}

func (w *World) mustFunnel(id FunnelID) *funnel {
	f := w.funnel(id)
	if f == nil {
		panic(fmt.Sprintf("portal: no funnel %d was added", id))
	}
	return f
}

func (f *funnel) stage(id StageID) *stage {
	for _, s := range f.stages {
		if s.ID == id {
			return s
		}
	}
	return nil
}

func (w *World) mustStage(in FunnelID, id StageID) *stage {
	s := w.mustFunnel(in).stage(id)
	if s == nil {
		panic(fmt.Sprintf("portal: funnel %d has no stage %s", in, id))
	}
	return s
}

// semantics is what a stage means now; one that the funnel does not have is in process.
func (w *World) semantics(in FunnelID, id StageID) Semantics {
	if f := w.funnel(in); f != nil {
		if s := f.stage(id); s != nil {
			return s.Semantics
		}
	}
	return Process
}

// A User is a person, or something that the portal keeps among the people.
type User struct {
	ID          UserID // 0 in AddUser: the next one
	Name        string
	LastName    string
	SecondName  string
	Email       string
	Position    string
	Departments []DepartmentID
	Registered  time.Time
	IsFired     bool
	// IsHidden marks one whom the portal never returns, such as a bot or an integrator.
	IsHidden bool
}

type user struct{ User }

// AddUser adds a person and returns the id.
func (w *World) AddUser(u User) UserID {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u.ID == 0 {
		u.ID = 1
		if n := len(w.users); n > 0 {
			u.ID = w.users[n-1].ID + 1
		}
	}
	i, found := slices.BinarySearchFunc(w.users, u.ID, func(u *user, id UserID) int { return cmp.Compare(u.ID, id) })
	if found {
		panic(fmt.Sprintf("portal: user %d was added before", u.ID))
	}
	w.users = slices.Insert(w.users, i, &user{u})
	return u.ID
}

// EditUser changes a person: the name, the departments, whether fired or hidden.
func (w *World) EditUser(id UserID, at time.Time, change func(*User)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.user(id)
	if u == nil {
		panic(fmt.Sprintf("portal: no user %d was added", id))
	}
	w.at(toUnix(at), func() { change(&u.User) })
}

// Users returns the people by id, fired and hidden ones too.
func (w *World) Users() []User {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []User
	for _, u := range w.users {
		all = append(all, u.User)
	}
	return all
}

func (w *World) user(id UserID) *user {
	i, found := slices.BinarySearchFunc(w.users, id, func(u *user, id UserID) int { return cmp.Compare(u.ID, id) })
	if !found {
		return nil
	}
	return w.users[i]
}

// A Department is a part of the company.
type Department struct {
	ID     DepartmentID
	Name   string
	Parent DepartmentID // 0: the root
	Head   UserID       // 0: nobody
}

type department struct{ Department }

// AddDepartment adds a department; ids have to ascend.
func (w *World) AddDepartment(d Department) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.departments); n > 0 && w.departments[n-1].ID >= d.ID {
		panic(fmt.Sprintf("portal: department %d after %d", d.ID, w.departments[n-1].ID))
	}
	w.departments = append(w.departments, &department{d})
}

// A Field is a custom field of deals.
type Field struct {
	Name       string // UF_CRM_…
	Type       string // string, integer, double, boolean, date, datetime, money, enumeration, …
	Label      string
	IsMultiple bool
	IsReadOnly bool     // writes to it are ignored
	Options    []string // of an enumeration; their ids count from 41 in the order of all
	// ItemName is the name in crm.item.*; empty: the one that the portal makes of Name. It is
	// Name itself where two would be one.
	ItemName string
}

type field struct {
	Field
	id       int64
	optionID int64 // of the first option
}

// AddField adds a custom field of deals.
func (w *World) AddField(f Field) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.addField(f)
}

func (w *World) addField(given Field) *field {
	if w.field(given.Name) != nil {
		panic(fmt.Sprintf("portal: field %s was added before", given.Name))
	}
	f := &field{Field: given, id: 1, optionID: 41}
	if f.ItemName == "" {
		f.ItemName = itemFieldName(f.Name)
	}
	if n := len(w.fields); n > 0 {
		last := w.fields[n-1]
		f.id, f.optionID = last.id+1, last.optionID+int64(len(last.Options))
	}
	w.fields = append(w.fields, f)
	w.fieldsEra++
	return f
}

// RemoveField deletes a custom field; values of deals are gone with it.
func (w *World) RemoveField(name string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.mustField(name)
	w.at(toUnix(at), func() {
		w.fields = slices.DeleteFunc(w.fields, func(other *field) bool { return other == f })
		for _, d := range w.deals {
			d.custom = slices.DeleteFunc(d.custom, func(v customValue) bool { return v.field == f })
		}
		w.fieldsEra++
	})
}

func (w *World) field(name string) *field {
	for _, f := range w.fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

func (w *World) mustField(name string) *field {
	f := w.field(name)
	if f == nil {
		panic(fmt.Sprintf("portal: no field %s was added", name))
	}
	return f
}

// itemFieldName is the name that crm.item.* gives a custom field: camel case, with the
// tail of the code kept where letters and digits mix in one word of it, and an
// underscore kept before a number at the end.
func itemFieldName(name string) string {
	words := strings.Split(strings.TrimPrefix(name, "UF_CRM_"), "_")
	var camel strings.Builder
	camel.WriteString("ufCrm")
	for i, word := range words {
		_, err := strconv.ParseUint(word, 10, 64)
		switch isNumber := err == nil; {
		case isNumber && i == len(words)-1:
			camel.WriteString("_" + word)
		case isNumber:
			camel.WriteString(word)
		case strings.ContainsAny(word, "0123456789") || word == "":
			return "ufCrm_" + strings.Join(words, "_")
		default:
			camel.WriteString(word[:1] + strings.ToLower(word[1:]))
		}
	}
	return camel.String()
}
