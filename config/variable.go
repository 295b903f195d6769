package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"stagelag/locale"
)

const variablePrefix = "STAGELAG_"

// Variables that are no part of the configuration: the file of the embedded engine, and the browser that prints
// reports. locale.Variable is another one.
const (
	EngineVariable  = variablePrefix + "ENGINE"
	BrowserVariable = variablePrefix + "BROWSER"
)

// variablesOf is the environment by name. An empty variable counts as unset: container
// tools set those that nobody gave a value to.
func variablesOf(environ []string) map[string]string {
	variables := map[string]string{}
	for _, entry := range environ {
		if name, value, _ := strings.Cut(entry, "="); strings.TrimSpace(value) != "" {
			variables[name] = value
		}
	}
	return variables
}

// A reference is ${NAME}; $${ stands for ${ itself.
var reference = regexp.MustCompile(`\$\$\{|\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$\{`)

// expand is the text of a node with its references replaced. Where one cannot be, it
// complains, unless the command can do without the value.
func (r *reader) expand(path string, node *yaml.Node) (text string, ok bool) {
	ok = true
	text = reference.ReplaceAllStringFunc(node.Value, func(match string) string {
		switch match {
		case "$${":
			return "${"
		case "${":
			r.complain(r.placeOf(node), path, "a ${ that is no ${NAME}, write $${ for the characters themselves")
			ok = false
			return ""
		}
		name := match[2 : len(match)-1]
		r.referred = append(r.referred, name)
		value, isSet := r.variables[name]
		if !isSet {
			ok = false
			if !strings.HasPrefix(path, "portal.") || r.isNeeded(NeedPortal) {
				r.complain(r.placeOf(node), path, "the variable %s is not set, set it or write the value here", name)
			}
		}
		return value
	})
	return text, ok
}

// readVariables lays the variables over what the file has set.
func (r *reader) readVariables(cfg *Config) {
	for _, k := range keys {
		name := variableOf(k.path)
		text, isSet := r.variables[name]
		if !isSet {
			continue
		}
		r.source = name
		if file, isFromFile := r.named[name]; isFromFile {
			r.source = file
		}
		dst := reflect.ValueOf(cfg).Elem().FieldByIndex(k.index)
		if node := r.variableNode(text, dst.Type()); node != nil {
			r.value(k.path, node, dst)
		}
	}
	r.source = ""
	r.warnOfUnknownVariables()
}

// variableNode is a variable's text as YAML. The brackets around a list may be left out:
// 5,7 is [5,7].
func (r *reader) variableNode(text string, t reflect.Type) *yaml.Node {
	text = strings.TrimSpace(text)
	if _, isLeaf := leaves[t]; isLeaf {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	}
	if t.Kind() == reflect.Slice && !strings.HasPrefix(text, "[") && !strings.HasPrefix(text, "-") {
		text = "[" + text + "]"
	}
	return r.root([]byte(text))
}

// A misspelt variable would otherwise be ignored without a word, and a variable that the
// file refers to may be called anything.
func (r *reader) warnOfUnknownVariables() {
	var known []string
	for _, k := range keys {
		known = append(known, variableOf(k.path))
		if k.isSecret {
			known = append(known, variableOf(k.path)+fileSuffix)
		}
	}
	known = append(known, EngineVariable, BrowserVariable, locale.Variable)

	for name := range r.variables {
		if !strings.HasPrefix(name, variablePrefix) || slices.Contains(known, name) || slices.Contains(r.referred, name) {
			continue
		}
		r.warnings = append(r.warnings, fmt.Sprintf("the variable %s sets nothing, the nearest that does is %s", name, Nearest(name, known)))
	}
	slices.Sort(r.warnings)
}
