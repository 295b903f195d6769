package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"stagelag/bitrix24"
	"stagelag/extractor"
	"stagelag/plain"
)

// A Kind is what an id of the configuration belongs to.
type Kind string

// The kinds of things that the configuration names by their ids.
const (
	KindFunnel Kind = "funnel"
	KindStage  Kind = "stage"
	KindField  Kind = "deal field"
)

// A Misnomer is a text that stands where the id of a thing belongs, and can be its name.
type Misnomer struct {
	Key  string // that it stands under
	Kind Kind
	Name string
}

// A Called is a thing of the portal: its id, and the name under which people see it.
type Called struct {
	Kind     Kind
	ID, Name string
	// Funnel is the name of a stage's funnel.
	Funnel string
}

// A Directory is the things of the portal that the configuration may name, in the portal's order.
type Directory []Called

// NewDirectory is the directory of funnels with their stages, and of the deal's fields.
func NewDirectory(funnels []extractor.Funnel, fields []bitrix24.Field) Directory {
	var d Directory
	for _, funnel := range funnels {
		d = append(d, Called{Kind: KindFunnel, ID: strconv.FormatUint(uint64(funnel.ID), 10), Name: funnel.Name})
		for _, stage := range funnel.Stages {
			d = append(d, Called{KindStage, string(stage.ID), stage.Name, funnel.Name})
		}
	}
	for _, field := range fields {
		d = append(d, Called{Kind: KindField, ID: field.Name, Name: field.Title})
	}
	return d
}

// Has is whether there is a thing of that id.
func (d Directory) Has(kind Kind, id string) bool {
	return slices.ContainsFunc(d, func(c Called) bool { return c.Kind == kind && c.ID == id })
}

// Named are the things of a kind that have a name, whatever the case of its letters.
func (d Directory) Named(kind Kind, name string) []Called {
	var found []Called
	for _, c := range d {
		if c.Kind == kind && strings.EqualFold(strings.TrimSpace(c.Name), strings.TrimSpace(name)) {
			found = append(found, c)
		}
	}
	return found
}

// Answer is the complaint about a name, with the ids behind it. It is empty where nothing has this name.
func (d Directory) Answer(m Misnomer) string {
	var found []string
	for _, c := range d.Named(m.Kind, m.Name) {
		found = append(found, c.String())
	}
	name, ids, isOne := strconv.Quote(m.Name), strings.Join(found, ", "), len(found) == 1
	switch {
	case len(found) == 0:
		return ""
	case m.Kind == KindFunnel && isOne:
		return fmt.Sprintf("%s: %s is the name of a funnel, and its id belongs here: %s", m.Key, name, ids)
	case m.Kind == KindFunnel:
		return fmt.Sprintf("%s: %s is the name of several funnels, and the id of one belongs here: %s", m.Key, name, ids)
	case m.Kind == KindStage && isOne:
		return fmt.Sprintf("%s: %s is the name of a stage, and its id belongs here: %s", m.Key, name, ids)
	case m.Kind == KindStage:
		return fmt.Sprintf("%s: %s is the name of several stages, and the id of one belongs here: %s", m.Key, name, ids)
	case isOne:
		return fmt.Sprintf("%s: %s is the name of a deal field, and its id belongs here: %s", m.Key, name, ids)
	default:
		return fmt.Sprintf("%s: %s is the name of several deal fields, and the id of one belongs here: %s", m.Key, name, ids)
	}
}

// Missing is the complaint about what nothing on the portal is called: with the ids behind it where it is a name, else
// with what there is.
func (d Directory) Missing(m Misnomer) string {
	if answer := d.Answer(m); answer != "" {
		return answer
	}
	name, instead := strconv.Quote(m.Name), d.Instead(m.Kind, m.Name)
	switch m.Kind {
	case KindFunnel:
		return fmt.Sprintf("%s: the portal has no funnel %s%s", m.Key, name, instead)
	case KindStage:
		return fmt.Sprintf("%s: the portal has no stage %s%s", m.Key, name, instead)
	default:
		return fmt.Sprintf("%s: the portal has no deal field %s%s", m.Key, name, instead)
	}
}

// Instead is what was most likely meant, to be put behind a message; it is empty where there is nothing of the kind. The
// ids of funnels are numbers, of which none is like another, so they are listed.
func (d Directory) Instead(kind Kind, name string) string {
	var ids, names []string
	for _, c := range d {
		if c.Kind == kind {
			ids, names = append(ids, c.ID), append(names, c.Name)
		}
	}
	if kind == KindFunnel && len(ids) > 0 {
		return "; it has " + d.list(kind)
	}
	near := Nearest(name, slices.Concat(ids, names))
	i := slices.Index(names, near)
	if slices.Contains(ids, near) || i < 0 {
		return Meant(name, ids)
	}
	return fmt.Sprintf("; did you mean %s, whose id is %s?", strconv.Quote(plain.Text(near, 60)), ids[i])
}

// list is the first few things of a kind.
func (d Directory) list(kind Kind) string {
	const most = 10
	var listed []string
	n := 0
	for _, c := range d {
		if c.Kind != kind {
			continue
		}
		if n++; n <= most {
			listed = append(listed, fmt.Sprintf("%s (%s)", c.ID, plain.Text(c.Name, 60)))
		}
	}
	text := strings.Join(listed, ", ")
	if n > most {
		text += fmt.Sprintf(" and %d more", n-most)
	}
	return text
}

// String is the id as a complaint shows it, that of a stage with its funnel.
func (c Called) String() string {
	if c.Kind != KindStage {
		return c.ID
	}
	return fmt.Sprintf("%s (in the funnel %s)", c.ID, strconv.Quote(plain.Text(c.Funnel, 60)))
}

// Answered is the error with the ids behind the names that the portal has. What is no name of the portal is answered
// with what there is.
func (e *Error) Answered(portal Directory) *Error {
	return e.answered(func(m Misnomer) string {
		if portal.Has(m.Kind, m.Name) {
			return "" // something else is wrong with it
		}
		return portal.Missing(m)
	})
}

// AnsweredPartly is Answered by a directory that may lack some things of the portal.
func (e *Error) AnsweredPartly(known Directory) *Error { return e.answered(known.Answer) }

func (e *Error) answered(answer func(Misnomer) string) *Error {
	complaints := slices.Clone(e.Complaints)
	for i, c := range complaints {
		if c.Misnomer == (Misnomer{}) {
			continue
		}
		if text := answer(c.Misnomer); text != "" {
			complaints[i].Text, complaints[i].Misnomer = text, Misnomer{}
		}
	}
	return &Error{Complaints: complaints, read: e.read}
}

// HasMisnomers is whether a name stands where an id belongs.
func (e *Error) HasMisnomers() bool {
	return slices.ContainsFunc(e.Complaints, func(c Complaint) bool { return c.Misnomer != (Misnomer{}) })
}
