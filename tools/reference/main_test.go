package main

import (
	"bytes"
	"os"
	"testing"
)

func TestTheReferenceIsOfTheseViews(t *testing.T) {
	want, err := reference()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/views.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/views.md is not of these views: make docs writes it anew")
	}
}
