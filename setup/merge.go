package setup

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"stagelag/config"
	"stagelag/extractor"
)

// An Addition is a stage that was added to a configuration.
type Addition struct {
	Stage Stage
	Line  string // as it stands there
}

// Merge adds to a configuration those of the proposed stages that plan.fields does not have
// yet. Everything that is there stays as it is, to the letter, and only lines are added. The
// text has to be a configuration that can be read.
func Merge(text string, p Proposal) (merged string, added []Addition, err error) {
	root, err := parse(text)
	if err != nil {
		return "", nil, err
	}
	known := map[string]bool{}
	if fields := child(child(root, "plan"), "fields"); fields != nil {
		for i := 0; i+1 < len(fields.Content); i += 2 {
			known[fields.Content[i].Value] = true
		}
	}
	for _, stage := range p.Stages {
		if stage.HasField() && !known[string(stage.ID)] {
			added = append(added, Addition{stage, entry(stage)})
		}
	}
	if len(added) == 0 {
		return text, nil, nil
	}
	merged, err = insert(text, root, added)
	if err == nil {
		err = verify(text, merged, added)
	}
	if err != nil {
		return "", added, fmt.Errorf("%w; add these lines to plan.fields by hand: %s", err, lines(added))
	}
	return merged, added, nil
}

func lines(added []Addition) string {
	var all []string
	for _, a := range added {
		all = append(all, a.Line)
	}
	return strings.Join(all, ", ")
}

// parse gives the mapping at the root; an empty one for an empty text.
func parse(text string) (*yaml.Node, error) {
	documents, err := config.DecodeYAML([]byte(text))
	if err != nil {
		return nil, err
	}
	if len(documents) == 0 || len(documents[0].Content) == 0 {
		return &yaml.Node{Kind: yaml.MappingNode}, nil
	}
	root := documents[0].Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, errors.New("it is no mapping")
	}
	return root, nil
}

// child is the value of a key, nil where there is none.
func child(node *yaml.Node, key string) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}

func keyOf(node *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i]
		}
	}
	return nil
}

func isFlow(node *yaml.Node) bool {
	return node.Kind == yaml.MappingNode && node.Style&yaml.FlowStyle != 0
}

func isNothing(node *yaml.Node) bool {
	return node == nil || node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

// insert puts the lines where plan.fields is, or where it has to be.
func insert(text string, root *yaml.Node, added []Addition) (string, error) {
	plan := child(root, "plan")
	fields := child(plan, "fields")
	switch {
	case isNothing(plan) && keyOf(root, "plan") == nil:
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		return text + "\nplan:\n  fields:\n" + block(added, 4), nil
	case isNothing(plan):
		return insertAfter(text, keyOf(root, "plan").Line, "  fields:\n"+block(added, 4))
	case isFlow(plan) && isNothing(fields) && keyOf(plan, "fields") == nil:
		return insertAt(text, plan, "fields: {"+lines(added)+"}", len(plan.Content) > 0)
	case plan.Kind != yaml.MappingNode || isFlow(plan) && isNothing(fields):
		return "", errors.New("plan is written in a way that nothing can be added to")
	case isNothing(fields) && keyOf(plan, "fields") == nil:
		indent := plan.Content[0].Column - 1
		return insertAfter(text, keyOf(root, "plan").Line, strings.Repeat(" ", indent)+"fields:\n"+block(added, indent+2))
	case isNothing(fields):
		key := keyOf(plan, "fields")
		return insertAfter(text, key.Line, block(added, key.Column+1))
	case isFlow(fields):
		return insertAt(text, fields, lines(added), len(fields.Content) > 0)
	case fields.Kind == yaml.MappingNode && len(fields.Content) > 0:
		return insertAfter(text, lastLine(fields), block(added, fields.Content[0].Column-1))
	default:
		return "", errors.New("plan.fields is written in a way that nothing can be added to")
	}
}

// block is the lines of the stages, indented.
func block(added []Addition, indent int) string {
	var b strings.Builder
	for _, a := range added {
		fmt.Fprintf(&b, "%s%s%s\n", strings.Repeat(" ", indent), a.Line, comment(reason(a.Stage)))
	}
	return b.String()
}

// lastLine is the last line on which a node, or something in it, begins.
func lastLine(node *yaml.Node) int {
	last := node.Line
	for _, inner := range node.Content {
		last = max(last, lastLine(inner))
	}
	return last
}

// insertAfter adds lines behind a line, counted from 1.
func insertAfter(text string, line int, more string) (string, error) {
	all := strings.SplitAfter(text, "\n")
	if line < 1 || line > len(all) {
		return "", errors.New("the place can't be found")
	}
	if !strings.HasSuffix(all[line-1], "\n") {
		all[line-1] += "\n"
	}
	return strings.Join(slices.Insert(all, line, more), ""), nil
}

// insertAt adds a text behind the brace that a mapping begins with.
func insertAt(text string, mapping *yaml.Node, more string, isFilled bool) (string, error) {
	all := strings.SplitAfter(text, "\n")
	if mapping.Line < 1 || mapping.Line > len(all) {
		return "", errors.New("the place can't be found")
	}
	line := []rune(all[mapping.Line-1])
	at := mapping.Column - 1
	if at >= len(line) || line[at] != '{' {
		return "", errors.New("the place can't be found")
	}
	if isFilled {
		more += ", "
	}
	all[mapping.Line-1] = string(line[:at+1]) + more + string(line[at+1:])
	return strings.Join(all, ""), nil
}

// verify reads both texts: the new one has to say all that the old one did, and the added
// stages.
func verify(before, after string, added []Addition) error {
	var old, now map[string]any
	for _, read := range []struct {
		text string
		all  *map[string]any
	}{{before, &old}, {after, &now}} {
		root, err := parse(read.text)
		if err != nil {
			return err
		}
		if err := root.Decode(read.all); err != nil {
			return err
		}
	}
	plan, _ := now["plan"].(map[string]any)
	fields, _ := plan["fields"].(map[string]any)
	for _, a := range added {
		id := string(a.Stage.ID)
		if _, isThere := fields[id]; !isThere {
			return errors.New("plan.fields is written in a way that nothing can be added to")
		}
		delete(fields, id)
	}
	// What the old text left out, or empty, is as good as empty.
	oldPlan, _ := old["plan"].(map[string]any)
	if len(fields) == 0 && isEmpty(oldPlan["fields"]) {
		delete(plan, "fields")
		delete(oldPlan, "fields")
	}
	if len(plan) == 0 && isEmpty(old["plan"]) {
		delete(now, "plan")
		delete(old, "plan")
	}
	if fmt.Sprint(old) != fmt.Sprint(now) {
		return errors.New("something else would change with it")
	}
	return nil
}

func isEmpty(value any) bool {
	m, isMap := value.(map[string]any)
	return value == nil || isMap && len(m) == 0
}

// Remarks are what the portal has and the configuration does not speak of, for a person to
// decide on.
func Remarks(portal extractor.Description, cfg config.Config, p Proposal) []string {
	var remarks []string
	for _, funnel := range portal.Funnels {
		if len(cfg.Funnels) > 0 && !slices.Contains(cfg.Funnels, funnel.ID) {
			remarks = append(remarks, fmt.Sprintf("the funnel %d (%s) is not read; add it to funnels if it should be", funnel.ID, bare(funnel.Name)))
		}
	}
	for _, stage := range p.Waiting {
		if !slices.Contains(cfg.Stages.Waiting, stage.ID) {
			remarks = append(remarks, fmt.Sprintf("%s (%s: %s) may be one to wait in; add it to stages.waiting if it is", stage.ID, bare(stage.Funnel.Name), bare(stage.Name)))
		}
	}
	if cfg.Pauses == (config.Pauses{}) {
		for _, pause := range p.Pauses.Found() {
			remarks = append(remarks, fmt.Sprintf("the field %s (%s) may pause deals; set pauses.%s to it if it does", pause.Field.Name, bare(pause.Field.Title), pause.Key))
		}
	}
	return remarks
}
