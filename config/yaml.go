package config

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"go.yaml.in/yaml/v3"
)

// DecodeYAML gives the documents of a text. Nodes have the lines and columns of the text.
func DecodeYAML(text []byte) ([]yaml.Node, error) {
	documents, err := decode(text)
	if err == nil {
		return documents, nil
	}
	// The library (3.0.6, and 4.0.0) loses its place where a comment with long characters lies
	// across the edge of its buffer. Blanks at the end of the first line move what follows, and
	// change neither its lines nor its columns; what is really wrong stays wrong.
	end := bytes.IndexAny(text, "\r\n")
	if end < 0 {
		end = len(text)
	}
	for _, shift := range []int{67, 131, 257} {
		shifted := slices.Concat(text[:end], bytes.Repeat([]byte(" "), shift), text[end:])
		if documents, err := decode(shifted); err == nil {
			return documents, nil
		}
	}
	return documents, err
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
