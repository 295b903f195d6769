package config

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// DecodeYAML gives the documents of a text. Nodes have the lines and columns of the text.
func DecodeYAML(text []byte) ([]yaml.Node, error) {
	masked, mask := maskMarks(text)
	documents, err := decode(masked)
	if mask != "" {
		for i := range documents {
			unmask(&documents[i], mask)
		}
	}
	return documents, err
}

// byteOrderMark is U+FEFF in UTF-8.
const byteOrderMark = "\uFEFF"

// maskMarks replaces the byte order marks behind the first character by a character that the
// text does not have, which it returns; "" if there are none. The library (3.0.6, and 4.0.0)
// looks for a mark at the beginning of its buffer instead of at its place: when one from a
// comment or a value comes to lie there, every line after it loses its first character.
// Other libraries would not help: goccy/go-yaml 1.19.2 counts a line too many after comments
// with CRLF, and sigs.k8s.io/yaml 1.6.0 has no lines.
func maskMarks(text []byte) (masked []byte, mask string) {
	if len(text) == 0 || !bytes.Contains(text[1:], []byte(byteOrderMark)) {
		return text, ""
	}
	substitute := '\uE000' // the first of the private characters, which mean nothing to YAML
	for bytes.ContainsRune(text, substitute) {
		substitute++
	}
	mask = string(substitute)
	return slices.Concat(text[:1], bytes.ReplaceAll(text[1:], []byte(byteOrderMark), []byte(mask))), mask
}

// unmask puts the byte order marks back into what a node and those below it say.
func unmask(node *yaml.Node, mask string) {
	node.Value = strings.ReplaceAll(node.Value, mask, byteOrderMark)
	for _, child := range node.Content {
		unmask(child, mask)
	}
}

func decode(text []byte) ([]yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var documents []yaml.Node
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return documents, err
		}
		documents = append(documents, document)
	}
}
