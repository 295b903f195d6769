// Package docstest reads the documents for the tests that hold them against the program.
package docstest

import (
	"os"
	"path/filepath"
	"testing"
)

// A Page is a document.
type Page struct{ Path, Text string }

// All are the patterns of all documents, from the root of the repository.
var All = []string{"*.md", "docs/*.md", "docs/ru/*.md"}

// Pages reads the documents that the patterns name below the root, in the order of the patterns and then of their names.
func Pages(t testing.TB, root string, patterns ...string) (pages []Page) {
	t.Helper()
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			pages = append(pages, Page{path, string(text)})
		}
	}
	if len(pages) == 0 {
		t.Fatalf("no document is named %q", patterns)
	}
	return pages
}
