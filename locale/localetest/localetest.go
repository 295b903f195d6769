// Package localetest finds in the source of the program what it shows to people.
package localetest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A Text is a text, or the format of one, that the program shows to people.
type Text struct {
	Text string
	// Package is the folder that it stands in, from the root.
	Package string
	At      token.Position
	// IsError is whether an error has the text.
	IsError bool
}

// A Source is what the program's files say.
type Source struct {
	Texts []Text
	// Literals are all strings of the files.
	Literals map[string]bool
}

// What is no part of the program, or has words of its own in both languages, or answers to programs.
var skipped = []string{"dashboards", "docs", "findings", "tools", "testdata", "monitor", ".git"}

// Read reads the source below the root of the repository.
func Read(t testing.TB, root string) Source {
	t.Helper()
	s := Source{Literals: map[string]bool{}}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if name := entry.Name(); slices.Contains(skipped, name) || strings.HasSuffix(name, "test") {
			return filepath.SkipDir
		}
		return s.readPackage(root, path)
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// protocols answer to programs, in the words of the engine.
var protocols = []string{"gate_http.go"}

func (s *Source) readPackage(root, folder string) error {
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return err
	}
	name, err := filepath.Rel(root, folder)
	if err != nil {
		return err
	}
	p := &reading{source: s, name: filepath.ToSlash(name), files: token.NewFileSet(), constants: map[string]string{}}
	var parsed []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") || slices.Contains(protocols, filepath.Base(path)) {
			continue
		}
		file, err := parser.ParseFile(p.files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		parsed = append(parsed, file)
	}
	for _, file := range parsed {
		ast.Inspect(file, p.constant)
	}
	for _, file := range parsed {
		ast.Inspect(file, p.visit)
	}
	return nil
}

// A reading is a package that is read.
type reading struct {
	source    *Source
	name      string
	files     *token.FileSet
	constants map[string]string
}

// constant keeps the strings that have a name.
func (r *reading) constant(n ast.Node) bool {
	if spec, ok := n.(*ast.ValueSpec); ok {
		for i, value := range spec.Values {
			if text, ok := r.fold(value); ok && i < len(spec.Names) {
				r.constants[spec.Names[i].Name] = text
			}
		}
	}
	return true
}

// fold is the value of an expression of strings that never varies.
func (r *reading) fold(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		left, ok := r.fold(e.X)
		right, isToo := r.fold(e.Y)
		return left + right, ok && isToo && e.Op == token.ADD
	case *ast.ParenExpr:
		return r.fold(e.X)
	case *ast.Ident:
		text, ok := r.constants[e.Name]
		return text, ok
	}
	return "", false
}

// pieces are the strings of an expression: the whole, or those that it joins.
func (r *reading) pieces(e ast.Expr) []string {
	if text, ok := r.fold(e); ok {
		return []string{text}
	}
	if sum, ok := e.(*ast.BinaryExpr); ok {
		return append(r.pieces(sum.X), r.pieces(sum.Y)...)
	}
	if call, ok := e.(*ast.CallExpr); ok {
		if on, name := calleeOf(call); on == "fmt" && name == "Sprintf" {
			return r.pieces(call.Args[0])
		}
	}
	return nil
}

func calleeOf(call *ast.CallExpr) (on, name string) {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return "", f.Name
	case *ast.SelectorExpr:
		switch x := f.X.(type) {
		case *ast.Ident:
			on = x.Name
		case *ast.SelectorExpr:
			on = x.Sel.Name
		}
		return on, f.Sel.Name
	}
	return "", ""
}

// errorMakers make errors of the argument with that number.
var errorMakers = map[string]int{"fmt.Errorf": 0, "errors.New": 0, "usagef": 0, "strange": 0, "wrong": 0, "refuse": 0, "r.complain": 2, "complain": 1, "r.complainOfAbsence": 1}

var (
	aWord = regexp.MustCompile(`\pL{2}`)
	verbs = regexp.MustCompile(`%[-+#0]*\d*(?:\.\d+)?(?:\[\d+\])?[a-zA-Z]`)
	prose = regexp.MustCompile(`\pL{2,}[,:;]? (?:\pL|%)|% \pL`)
	// Of the engine's language, of the library of commands, of regular expressions.
	code = regexp.MustCompile(`\b(?:SELECT|INSERT|CREATE|ALTER|DROP|FROM|WHERE|GROUP BY|GRANT|UPDATE|SYSTEM|SETTINGS|JOIN|AND|OR|TABLE|DATABASE|PARTITION|SHOW|LIMIT)\b|\{\{|\\[bsd]|^ `)
)

func (r *reading) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ImportSpec:
		return false
	case *ast.BasicLit:
		if text, ok := r.fold(n); ok {
			r.source.Literals[text] = true
		}
	case *ast.BinaryExpr:
		if text, ok := r.fold(n); ok {
			r.source.Literals[text] = true
		}
	case *ast.CallExpr:
		r.call(n)
	case *ast.CompositeLit:
		r.literal(n)
	case *ast.FuncDecl:
		r.function(n)
	case *ast.ValueSpec:
		r.words(n)
	}
	return true
}

func (r *reading) call(call *ast.CallExpr) {
	on, name := calleeOf(call)
	shows := func(isError bool, arguments ...ast.Expr) {
		for _, argument := range arguments {
			for _, text := range r.pieces(argument) {
				r.add(text, argument, isError)
			}
		}
	}
	for _, maker := range []string{on + "." + name, name} {
		if at, ok := errorMakers[maker]; ok && (on == "" || strings.Contains(maker, ".")) && len(call.Args) > at {
			shows(true, call.Args[at])
			return
		}
	}
	switch {
	case name == "printf", name == "Sprintf" && on != "fmt", name == "Step", name == "Text" && on != "plain":
		shows(false, call.Args[:min(1, len(call.Args))]...)
	case name == "Fprintf" && on != "fmt" && len(call.Args) > 1:
		shows(false, call.Args[1])
	case name == "Count" && len(call.Args) == 3:
		for _, noun := range call.Args[1:] {
			if text, ok := r.fold(noun); ok && strings.HasPrefix(text, "%d ") || strings.Contains(text, " %d ") {
				r.add(text, noun, false)
			}
		}
	case name == "find" && len(call.Args) == 4:
		shows(false, call.Args[2:]...)
	}
}

// literal finds what an error says that is made as a value of its type.
func (r *reading) literal(made *ast.CompositeLit) {
	name := ""
	switch t := made.Type.(type) {
	case *ast.Ident:
		name = t.Name
	case *ast.SelectorExpr:
		name = t.Sel.Name
	}
	// What the simulated portal answers is the portal's own text.
	if r.name == "simulator" || !strings.HasSuffix(name, "Error") && name != "Complaint" {
		return
	}
	for _, element := range made.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			element = pair.Value
		}
		for _, text := range r.pieces(element) {
			if prose.MatchString(text) {
				r.add(text, element, true)
			}
		}
	}
}

// sayers are packages whose functions that return one text return it for a person.
var sayers = []string{"bitrix24", "config", "doctor", "reach", "remedy", "warehouse", "warehouse/embedded", "nightly", "cmd/stagelag"}

// function finds what a function says that returns a text, such as what to do about an error.
func (r *reading) function(f *ast.FuncDecl) {
	isText := f.Type.Results != nil && len(f.Type.Results.List) == 1 && isString(f.Type.Results.List[0].Type)
	isSaid := slices.Contains(sayers, r.name) || f.Name.Name == "Error"
	if !isText || !isSaid || f.Body == nil {
		return
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			_, name := calleeOf(n)
			return slices.Contains([]string{"Sprintf", "Join", "append", "string"}, name)
		case ast.Expr:
			if text, ok := r.fold(n); ok {
				isError := f.Name.Name == "Error"
				if _, isName := n.(*ast.Ident); !isName && prose.MatchString(text) && (isError || !code.MatchString(text)) {
					r.add(text, n, isError)
				}
				return false
			}
		}
		return true
	})
}

func isString(e ast.Expr) bool {
	name, ok := e.(*ast.Ident)
	return ok && name.Name == "string"
}

// words finds the values of a map that says things for people, by its name.
func (r *reading) words(spec *ast.ValueSpec) {
	for i, value := range spec.Values {
		list, ok := value.(*ast.CompositeLit)
		if !ok || !strings.HasSuffix(spec.Names[i].Name, "Words") {
			continue
		}
		for _, element := range list.Elts {
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				for _, text := range r.pieces(pair.Value) {
					r.add(text, pair, false)
				}
			}
		}
	}
}

func (r *reading) add(text string, at ast.Node, isError bool) {
	// A word alone is a name when an error has it.
	isName := isError && !strings.ContainsAny(text, " %")
	if aWord.MatchString(verbs.ReplaceAllString(text, " ")) && !isName {
		r.source.Texts = append(r.source.Texts, Text{text, r.name, r.files.Position(at.Pos()), isError})
	}
}
