// Package lists holds the lists of days off and of moved working days that come with the
// program, as data: one CSV file a country, and an index that says how far each speaks.
package lists

import (
	"bytes"
	"embed"
	"encoding/csv"
	"fmt"
	"slices"
	"sync"
)

//go:embed *.csv
var files embed.FS

// A List is one that comes with the program.
type List struct {
	Name  string // as the configuration names it: ru
	From  string // the first date that it speaks for, 2019-01-01
	Until string // the last one
	Title string
}

// All are the lists, by name.
var All = sync.OnceValue(func() []List {
	rows, err := csv.NewReader(bytes.NewReader(read("index.csv"))).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("lists: index.csv: %v", err))
	}
	var all []List
	for _, row := range rows[1:] {
		all = append(all, List{Name: row[0], From: row[1], Until: row[2], Title: row[3]})
	}
	return all
})

// Names are the names of the lists.
func Names() []string {
	var names []string
	for _, list := range All() {
		names = append(names, list.Name)
	}
	return names
}

// Find is the list of a name and its text, a CSV with date,kind,name,source.
func Find(name string) (list List, text []byte, ok bool) {
	i := slices.IndexFunc(All(), func(l List) bool { return l.Name == name })
	if i < 0 {
		return List{}, nil, false
	}
	return All()[i], read(name + ".csv"), true
}

// The files are part of the program.
func read(name string) []byte {
	text, err := files.ReadFile(name)
	if err != nil {
		panic("lists: " + err.Error())
	}
	return text
}
