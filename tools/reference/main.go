// Command reference writes docs/views.md, the reference of the views that people query, from the
// COMMENTs in sql/views:
//
//	go run ./tools/reference > docs/views.md
package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"strings"
	"text/template"

	"stagelag/sql"
)

//go:embed views.md.tmpl
var page string

func main() {
	text, err := reference()
	if err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
	_, _ = os.Stdout.Write(text)
}

// reference is the text of docs/views.md. A view without a place in the template is an error.
func reference() ([]byte, error) {
	views, err := sql.Views()
	if err != nil {
		return nil, err
	}
	missing := map[string]sql.View{}
	for _, v := range views {
		missing[v.Name] = v
	}
	section := func(name string) (string, error) {
		v, ok := missing[name]
		if !ok {
			return "", fmt.Errorf("there is no view %s, or its section comes twice", name)
		}
		delete(missing, name)
		return describe(v), nil
	}
	t, err := template.New("views.md.tmpl").Funcs(template.FuncMap{"view": section}).Parse(page)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := t.Execute(&text, nil); err != nil {
		return nil, err
	}
	for name := range missing {
		return nil, fmt.Errorf("views.md.tmpl has no section for view %s", name)
	}
	return text.Bytes(), nil
}

// describe is a view's title, what a row of it is, and the table of its columns.
func describe(v sql.View) string {
	var text strings.Builder
	fmt.Fprintf(&text, "## %s\n\n%s.\n\n| column | type | meaning |\n|---|---|---|\n", v.Name, v.Comment)
	for _, c := range v.Columns {
		fmt.Fprintf(&text, "| `%s` | %s | %s |\n", c.Name, plain(c.Type), c.Comment)
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// plain is a type as a reader of a query's result thinks of it.
func plain(typ string) string {
	if inner, ok := strings.CutPrefix(typ, "Nullable("); ok {
		return plain(strings.TrimSuffix(inner, ")")) + ", or NULL"
	}
	if inner, ok := strings.CutPrefix(typ, "LowCardinality("); ok {
		return strings.TrimSuffix(inner, ")")
	}
	return typ
}
