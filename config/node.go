package config

import (
	"errors"
	"fmt"
	"iter"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

func (r *reader) readFile(text []byte, cfg *Config) {
	if root := r.root(text); root != nil {
		r.value("", root, reflect.ValueOf(cfg).Elem())
	}
}

// root is the root of the one YAML document in the text, nil for none or a broken one.
func (r *reader) root(text []byte) *yaml.Node {
	documents, err := DecodeYAML(text)
	if err != nil {
		r.complainOfYAML(err)
	}
	if len(documents) == 0 {
		return nil
	}
	if len(documents) > 1 {
		r.complain(r.placeOf(&documents[1]), "a second YAML document", "would not be read, remove the --- before it")
	}
	return documents[0].Content[0]
}

// The library's errors carry the line in their text.
var yamlError = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(.*)$`)

func (r *reader) complainOfYAML(err error) {
	match := yamlError.FindStringSubmatch(err.Error())
	line, err := strconv.Atoi(match[1])
	if err != nil {
		line = 1
	}
	at := place{line: line}
	if r.source != "" {
		at = place{variable: r.source}
	} else {
		r.isBroken = true
	}
	text := match[2]
	if strings.HasSuffix(text, "cannot start any token") {
		text += ", such as a tab in place of blanks"
	}
	r.complain(at, "not YAML", "%s", text)
}

// value reads a node into dst, which keeps what it holds where the node is empty or
// wrong.
func (r *reader) value(path string, node *yaml.Node, dst reflect.Value) {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if isNull(node) {
		return
	}
	if _, isSet := r.places[path]; !isSet {
		r.places[path] = r.placeOf(node)
	}
	if leaf, ok := leaves[dst.Type()]; ok {
		r.leaf(path, node, leaf, dst)
		return
	}
	switch dst.Kind() {
	case reflect.Struct:
		r.structure(path, node, dst)
	case reflect.Map:
		r.mapping(path, node, dst)
	default:
		r.list(path, node, dst)
	}
}

func (r *reader) placeOf(node *yaml.Node) place {
	if r.source != "" {
		return place{variable: r.source}
	}
	return place{line: node.Line}
}

func isNull(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

func (r *reader) structure(path string, node *yaml.Node, dst reflect.Value) {
	names := keysOf(dst.Type(), path)
	if node.Kind != yaml.MappingNode {
		r.complainOfType(path, node, "a mapping with the keys "+strings.Join(names, ", "))
		return
	}
	for key, value := range r.pairs(path, node) {
		keyPath := join(path, key.Value)
		field, ok := fieldOf(dst, key.Value)
		if !ok {
			r.complain(r.placeOf(key), printable(keyPath), "unknown key, the nearest is %s", nearestKey(keyPath, names))
			continue
		}
		if r.source == "" && r.variables[variableOf(keyPath)] != "" && isSetAlone(field.Type()) {
			continue
		}
		r.value(keyPath, value, field)
	}
}

func (r *reader) mapping(path string, node *yaml.Node, dst reflect.Value) {
	keys := leaves[dst.Type().Key()]
	if node.Kind != yaml.MappingNode {
		r.complainOfType(path, node, "a mapping from "+keys.expects)
		return
	}
	dst.Set(reflect.MakeMap(dst.Type()))
	for keyNode, value := range r.pairs(path, node) {
		itemPath := path + "[" + printable(keyNode.Value) + "]"
		r.places[itemPath] = r.placeOf(keyNode)
		key, item := reflect.New(dst.Type().Key()).Elem(), reflect.New(dst.Type().Elem()).Elem()
		if !r.scalar(itemPath, keyNode, keyNode.Value, keys, key) {
			continue
		}
		if isNull(value) {
			r.complainOfType(itemPath, value, "a value")
			continue
		}
		r.value(itemPath, value, item)
		dst.SetMapIndex(key, item)
	}
}

func (r *reader) list(path string, node *yaml.Node, dst reflect.Value) {
	if node.Kind != yaml.SequenceNode {
		expects := "a list"
		if node.Kind == yaml.ScalarNode && quote(node.Value) != hidden {
			expects = fmt.Sprintf("a list such as [%s]", printable(node.Value))
		}
		r.complainOfType(path, node, expects)
		return
	}
	dst.Set(reflect.MakeSlice(dst.Type(), len(node.Content), len(node.Content)))
	for i, item := range node.Content {
		itemPath := path + "[" + strconv.Itoa(i) + "]"
		if isNull(item) {
			r.complainOfType(itemPath, item, "a value")
			continue
		}
		r.value(itemPath, item, dst.Index(i))
	}
}

// pairs yields the keys and values of a mapping, those of a repeated key once.
func (r *reader) pairs(path string, node *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		first := map[string]*yaml.Node{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, value := node.Content[i], node.Content[i+1]
			if key.Kind != yaml.ScalarNode {
				r.complainOfType(join(path, "…"), key, "a key")
				continue
			}
			if earlier, ok := first[key.Value]; ok {
				r.complain(r.placeOf(key), printable(join(path, key.Value)), "given twice, first on line %d", earlier.Line)
				continue
			}
			first[key.Value] = key
			if !yield(key, value) {
				return
			}
		}
	}
}

func (r *reader) leaf(path string, node *yaml.Node, leaf leaf, dst reflect.Value) {
	text, ok := node.Value, node.Kind == yaml.ScalarNode
	if ok && r.source == "" {
		if text, ok = r.expand(path, node); !ok {
			return
		}
	}
	if r.scalar(path, node, text, leaf, dst) && r.source == "" {
		r.checkMode(path, node, dst)
	}
}

// scalar reads text, which a node holds or refers to. Text from a variable has no type
// of its own and is taken for what dst needs.
func (r *reader) scalar(path string, node *yaml.Node, text string, leaf leaf, dst reflect.Value) (ok bool) {
	isFromVariable := r.source != "" || text != node.Value
	if node.Kind != yaml.ScalarNode || !isFromVariable && !leaf.takes(tagOf(node)) {
		r.complainOfType(path, node, leaf.expects)
		r.mayBeName(path, node, leaf)
		return false
	}
	err := leaf.parse(text, dst)
	switch {
	case err == nil:
		return true
	case !errors.Is(err, errUnlike):
		r.complain(r.placeOf(node), path, "%v", err)
	case text != node.Value:
		// What a variable holds may be a secret that has strayed here.
		r.complain(r.placeOf(node), path, "expected %s, found something else in the variable", leaf.expects)
	default:
		r.complain(r.placeOf(node), path, "expected %s, found %s", leaf.expects, quote(text))
		r.mayBeName(path, node, leaf)
	}
	return false
}

// mayBeName marks the last complaint as one about a name in place of an id, where the node can be one.
func (r *reader) mayBeName(path string, node *yaml.Node, leaf leaf) {
	name := strings.TrimSpace(node.Value)
	if leaf.kind != "" && node.Kind == yaml.ScalarNode && name != "" && !isNull(node) && quote(name) != hidden {
		key := path
		if leaf.kind == KindFunnel { // in the brackets is its place in a list, or the name itself
			key, _, _ = strings.Cut(path, "[")
		}
		r.complaints[len(r.complaints)-1].misnomer = Misnomer{Key: key, Kind: leaf.kind, Name: name}
	}
}

// tagOf is the type of a scalar. To the library a number with a leading zero is octal, or where its
// digits do not allow that, as in 08, a fraction; people mean a whole decimal number.
func tagOf(node *yaml.Node) string {
	if node.ShortTag() == "!!float" && strings.Trim(node.Value, "0123456789") == "" {
		return "!!int"
	}
	return node.ShortTag()
}

func (r *reader) complainOfType(path string, node *yaml.Node, expects string) {
	if path == "" {
		path = "the file"
		r.isBroken = r.isBroken || r.source == ""
	}
	r.complain(r.placeOf(node), path, "expected %s, found %s", expects, describe(node))
}

func describe(node *yaml.Node) string {
	switch node.ShortTag() {
	case "!!map":
		return "a mapping"
	case "!!seq":
		return "a list"
	case "!!null":
		return "nothing"
	case "!!int", "!!float":
		return "the number " + printable(node.Value)
	case "!!bool":
		return "the truth value " + printable(node.Value)
	case "!!timestamp":
		return "the date " + printable(node.Value)
	default:
		return "the text " + quote(node.Value)
	}
}
