// Package setup proposes a configuration for a portal, and adds to one that is there what is
// new without touching what somebody has written.
package setup

import (
	"slices"
	"strings"
	"unicode"

	"stagelag/bitrix24"
	"stagelag/extractor"
)

// A Proposal is what the names on a portal suggest.
type Proposal struct {
	Stages []Stage // those that work goes on in, by funnel and in their order
	// Unused are custom fields that could carry a plan and match no stage.
	Unused []Field
	// Waiting are those of the stages whose names speak of waiting.
	Waiting []Stage
	Pauses  Pauses
	// Dimensions are custom fields that are lists, by which people may want to group.
	Dimensions []Field
}

// Pauses are the fields that seem to pause a deal. Those without a name were not found.
type Pauses struct {
	Flag  Field // a yes/no field
	From  Field // the first day of a pause
	Until Field // its last day, not without the first
}

// Found are the fields that were found, by their keys in the configuration.
func (p Pauses) Found() []PauseField {
	var found []PauseField
	for _, f := range []PauseField{{"flag", p.Flag}, {"from", p.From}, {"until", p.Until}} {
		if f.Field.Name != "" {
			found = append(found, f)
		}
	}
	return found
}

// A PauseField is a field for a key of pauses.
type PauseField struct {
	Key   string
	Field Field
}

// A Stage is one that may have a plan.
type Stage struct {
	Funnel extractor.Funnel
	ID     extractor.StageID
	Name   string
	Days   Field // the number of days; without a name where nothing matches
	Date   Field // the planned end; the same
	// Unsure are fields of which several match equally well.
	Unsure []Field
	// Norm is the norm that the portal's history suggests, nil where it was not read or says too little, and
	// NormReason what it says.
	Norm       *int32
	NormReason string
}

// HasField is whether a field was found for the stage.
func (s Stage) HasField() bool { return s.Days.Name != "" || s.Date.Name != "" }

// A Field is a custom field of the deal that could carry a plan.
type Field struct {
	Name   string // UF_CRM_DOCS_DAYS
	Title  string
	IsDate bool
}

// Propose matches the stages of the funnels, all of them if none is given, with the fields by
// their names. A field is taken for a plan if its name or title speaks of one, and for that of
// a stage if it holds the words of the stage's name or id; of two that do equally well neither
// is chosen. The same goes for fields that pause deals.
func Propose(portal extractor.Description, funnels []extractor.FunnelID) Proposal {
	p := Proposal{Pauses: pauseFields(portal.Fields)}
	used := map[string]bool{}
	for _, pause := range p.Pauses.Found() {
		used[pause.Field.Name] = true
	}
	candidates := planFields(slices.DeleteFunc(slices.Clone(portal.Fields), func(f bitrix24.Field) bool { return used[f.Name] }))
	for _, funnel := range portal.Funnels {
		if len(funnels) > 0 && !slices.Contains(funnels, funnel.ID) {
			continue
		}
		var stages []Stage
		for _, stage := range funnel.Stages {
			// An id with ${ in it can't be written into a configuration.
			if !stage.Semantics.IsFinal() && !strings.Contains(string(stage.ID), "${") {
				stages = append(stages, Stage{Funnel: funnel, ID: stage.ID, Name: stage.Name})
			}
		}
		for at, fields := range nearestStages(stages, candidates) {
			stages[at].Days = choose(&stages[at], fields, false)
			stages[at].Date = choose(&stages[at], fields, true)
		}
		for _, stage := range stages {
			for _, field := range append([]Field{stage.Days, stage.Date}, stage.Unsure...) {
				used[field.Name] = true
			}
			if words := wordsOf(stage.Name); hasBeginning(words, waitWords) || isHold(words) {
				p.Waiting = append(p.Waiting, stage)
			}
		}
		p.Stages = append(p.Stages, stages...)
	}
	for _, f := range portal.Fields {
		if f.Type == bitrix24.ListType && strings.HasPrefix(f.Name, "UF_") {
			p.Dimensions = append(p.Dimensions, Field{Name: f.Name, Title: f.Title})
		}
	}
	for _, field := range candidates {
		if !used[field.Name] {
			p.Unused = append(p.Unused, field)
		}
	}
	return p
}

// Beginnings of words that a field with a plan has in its name or title, in the languages of
// portals.
var (
	planWords = []string{"plan", "due", "deadline", "term", "norm", "план", "срок", "дедлайн", "норм"}
	dayWords  = []string{"day", "дней", "дня", "дни", "дн"}
	endWords  = []string{"end", "until", "finish", "оконч", "заверш", "конец"}
)

// Beginnings of words that a field which pauses a deal has in its name or title, and those of
// a stage in which it waits.
var (
	waitWords  = []string{"wait", "await", "ожид", "ждём", "ждем"}
	pauseWords = append([]string{"pause", "suspen", "frozen", "пауз", "приостан", "заморож"}, waitWords...)
	fromWords  = []string{"from", "start", "begin", "since", "начал", "с"}
	untilWords = append([]string{"till", "to", "до", "по"}, endWords...)
)

// pauseFields are the custom fields that seem to pause a deal, of a kind each the only one. One
// that speaks of a plan is that of a stage.
func pauseFields(fields []bitrix24.Field) Pauses {
	var flags, froms, untils []Field
	for _, f := range fields {
		words := append(wordsOf(f.Name), wordsOf(f.Title)...)
		isFrom, isUntil := hasBeginning(words, fromWords), hasBeginning(words, untilWords)
		field := Field{Name: f.Name, Title: f.Title, IsDate: f.Type != "boolean"}
		switch {
		case !strings.HasPrefix(f.Name, "UF_") || f.IsMultiple || !hasBeginning(words, pauseWords) && !isHold(words) || hasBeginning(words, planWords):
		case f.Type == "boolean":
			flags = append(flags, field)
		case f.Type != "date" && f.Type != "datetime" || isFrom == isUntil:
		case isFrom:
			froms = append(froms, field)
		default:
			untils = append(untils, field)
		}
	}
	p := Pauses{Flag: only(flags), From: only(froms)}
	if p.From.Name != "" {
		p.Until = only(untils)
	}
	return p
}

// isHold is whether words speak of a hold. A holding is another thing.
func isHold(words []string) bool { return slices.Contains(words, "hold") }

// only is the one field that there is; of several none is chosen.
func only(fields []Field) Field {
	if len(fields) == 1 {
		return fields[0]
	}
	return Field{}
}

// planFields are the custom fields that could carry a plan.
func planFields(fields []bitrix24.Field) []Field {
	var found []Field
	for _, f := range fields {
		words := append(wordsOf(f.Name), wordsOf(f.Title)...)
		isPlan := hasBeginning(words, planWords)
		field := Field{Name: f.Name, Title: f.Title}
		switch {
		case !strings.HasPrefix(f.Name, "UF_") || f.IsMultiple:
			continue
		case f.Type == "integer" || f.Type == "double":
			if !isPlan && !hasBeginning(words, dayWords) {
				continue
			}
		case f.Type == "string":
			// Many portals keep numbers in text fields, but most of those hold text.
			if !hasBeginning(words, dayWords) {
				continue
			}
		case f.Type == "date" || f.Type == "datetime":
			if !isPlan && !hasBeginning(words, endWords) {
				continue
			}
			field.IsDate = true
		default:
			continue
		}
		found = append(found, field)
	}
	return found
}

func hasBeginning(words, beginnings []string) bool {
	return slices.ContainsFunc(words, func(word string) bool {
		return slices.ContainsFunc(beginnings, func(b string) bool {
			// A short one is a word of its own: дн, but not the beginning of another.
			return word == b || len([]rune(b)) > 2 && strings.HasPrefix(word, b)
		})
	})
}

// wordsOf are the words of a name or title, in lower case.
func wordsOf(text string) []string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return slices.DeleteFunc(words, func(word string) bool { return word == "uf" || word == "crm" })
}

// A scored field is one with how well it matches a stage.
type scored struct {
	field Field
	score float64
}

// nearestStages gives for the stages, by their places, the fields that match them better than
// any other of the funnel.
func nearestStages(stages []Stage, fields []Field) map[int][]scored {
	found := map[int][]scored{}
	for _, field := range fields {
		best, at, isTied := 0.0, -1, false
		for i, stage := range stages {
			switch score := likeness(stage, field); {
			case score > best:
				best, at, isTied = score, i, false
			case score == best && score > 0:
				isTied = true
			}
		}
		if at >= 0 && !isTied {
			found[at] = append(found[at], scored{field, best})
		}
	}
	return found
}

// choose takes the best field of a kind. Where several are best, they are noted as unsure.
func choose(stage *Stage, fields []scored, isDate bool) Field {
	var best []scored
	for _, f := range fields {
		switch {
		case f.field.IsDate != isDate:
		case len(best) == 0 || f.score > best[0].score:
			best = []scored{f}
		case f.score == best[0].score:
			best = append(best, f)
		}
	}
	if len(best) == 1 {
		return best[0].field
	}
	for _, f := range best {
		stage.Unsure = append(stage.Unsure, f.field)
	}
	return Field{}
}

// likeness is 1 where all words of the stage's name are in the field's title, or all of its
// id in the field's name; less where it is half of them or more; else 0.
func likeness(stage Stage, field Field) float64 {
	_, id, hasFunnel := strings.Cut(string(stage.ID), ":")
	if !hasFunnel {
		id = string(stage.ID)
	}
	share := max(shareOf(wordsOf(stage.Name), wordsOf(field.Title)), shareOf(wordsOf(stage.Name), wordsOf(field.Name)))
	if shareOf(wordsOf(id), wordsOf(field.Name)) == 1 {
		share = 1
	}
	if share < 0.5 {
		return 0
	}
	return share
}

// shareOf is how many of the words are among others. Words of one or two letters say nothing.
func shareOf(words, others []string) float64 {
	words = slices.DeleteFunc(slices.Clone(words), func(word string) bool { return len([]rune(word)) < 3 })
	if len(words) == 0 {
		return 0
	}
	n := 0
	for _, word := range words {
		if slices.ContainsFunc(others, func(other string) bool { return isLike(word, other) }) {
			n++
		}
	}
	return float64(n) / float64(len(words))
}

// isLike is whether two words are the same but for their endings.
func isLike(a, b string) bool {
	if a == b {
		return true
	}
	x, y := []rune(a), []rune(b)
	same := 0
	for same < min(len(x), len(y)) && x[same] == y[same] {
		same++
	}
	return same >= 5 && 3*same >= 2*max(len(x), len(y))
}
