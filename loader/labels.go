package loader

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"stagelag/extractor"
	words "stagelag/plain" // plain is a kind of column here
)

// A nameSet are the names of everything as views look them up, see the table names.
type nameSet struct {
	funnels, stages, managers, departments []name
}

// A name is one as people read it.
type name struct {
	id    string // in Bitrix24, for a stage FUNNEL/STAGE
	name  string
	label string // the name, told apart from others of the kind that look the same
}

var nameTable = table[nameSet]{"names", slices.Concat(
	nameColumns("funnel", func(s *nameSet) *[]name { return &s.funnels }),
	nameColumns("stage", func(s *nameSet) *[]name { return &s.stages }),
	nameColumns("manager", func(s *nameSet) *[]name { return &s.managers }),
	nameColumns("department", func(s *nameSet) *[]name { return &s.departments })[:2],
)}

func nameColumns(kind string, of func(*nameSet) *[]name) []column[nameSet] {
	return []column[nameSet]{
		each(of, plain(kind+"_id", func(n *name) *string { return &n.id })),
		each(of, plain(kind+"_name", func(n *name) *string { return &n.name })),
		each(of, plain(kind+"_label", func(n *name) *string { return &n.label })),
	}
}

// appendLabels appends the names of everything as views look them up, unless they are published. Those of people and
// departments that are nil stay as they were published. Nobody who is forgotten has a name among the managers.
func (r *Run) appendLabels(ctx context.Context, funnels []extractor.Funnel, managers []extractor.Manager, departments []extractor.Department) error {
	var published nameSet
	if err := readPublished(ctx, r, &nameTable, func(s *nameSet) { published = *s }); err != nil {
		return err
	}
	set := nameSet{managers: published.managers, departments: published.departments}
	set.funnels, set.stages = funnelLabels(funnels)
	if managers != nil {
		set.managers = managerLabels(managers)
	}
	if departments != nil {
		set.departments = nil
		for _, d := range departments {
			set.departments = append(set.departments, name{id: strconv.FormatUint(uint64(d.ID), 10), name: d.Name})
		}
		sortByID(set.departments)
	}
	if set.isSame(published) {
		return nil
	}
	return insertSet(ctx, r, &nameTable, []nameSet{set})
}

func (s nameSet) isSame(t nameSet) bool {
	return slices.Equal(s.funnels, t.funnels) && slices.Equal(s.stages, t.stages) &&
		slices.Equal(s.managers, t.managers) && slices.Equal(s.departments, t.departments)
}

func sortByID(names []name) {
	slices.SortFunc(names, func(a, b name) int { return strings.Compare(a.id, b.id) })
}

// funnelLabels are the names of funnels and of their stages. A stage whose name another one has is told apart by its
// funnel, and where that is not enough by its ID.
func funnelLabels(list []extractor.Funnel) (funnels, stages []name) {
	for _, f := range list {
		id := strconv.FormatUint(uint64(f.ID), 10)
		funnels = append(funnels, name{id: id, name: cmp.Or(f.Name, "#"+id)})
		for _, s := range f.Stages {
			stages = append(stages, name{id: id + "/" + string(s.ID), name: cmp.Or(s.Name, string(s.ID))})
		}
	}
	labelByID(funnels)
	sortByID(stages)
	labelOf := map[string]string{}
	for _, f := range funnels {
		labelOf[f.id] = f.label
	}
	count := looks(stages, func(n name) string { return n.name })
	for i, s := range stages {
		stages[i].label = s.name
		if count[words.Look(s.name)] > 1 {
			funnel, _, _ := strings.Cut(s.id, "/")
			stages[i].label += " · " + labelOf[funnel]
		}
	}
	count = looks(stages, func(n name) string { return n.label })
	for i, s := range stages {
		if count[words.Look(s.label)] > 1 {
			_, stage, _ := strings.Cut(s.id, "/")
			stages[i].label += " (" + stage + ")"
		}
	}
	return funnels, stages
}

// managerLabels are the names of the people who have one.
func managerLabels(managers []extractor.Manager) (names []name) {
	for _, m := range managers {
		if m.Name != "" {
			names = append(names, name{id: strconv.FormatUint(uint64(m.ID), 10), name: m.Name})
		}
	}
	labelByID(names)
	return names
}

// labelByID tells those apart by their IDs whose names look the same, and sorts them.
func labelByID(names []name) {
	sortByID(names)
	count := looks(names, func(n name) string { return n.name })
	for i, n := range names {
		names[i].label = n.name
		if count[words.Look(n.name)] > 1 {
			names[i].label += " (#" + n.id + ")"
		}
	}
}

// looks counts the names that look the same.
func looks(names []name, of func(name) string) map[string]int {
	count := map[string]int{}
	for _, n := range names {
		count[words.Look(of(n))]++
	}
	return count
}
