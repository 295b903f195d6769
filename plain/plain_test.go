package plain_test

import (
	"slices"
	"strings"
	"testing"

	"stagelag/plain"
)

func TestText(t *testing.T) {
	tests := []struct {
		name string
		text string
		most int
		want string
	}{
		{"what is plain stays", "Кухня · ул. Лесная, 5", 0, "Кухня · ул. Лесная, 5"},
		{"escape sequences lose their beginning", "\x1b[31mred\u009b0m", 0, " [31mred 0m"},
		{"a line stays one", "a\nb\r\tc\u2028d", 0, "a b  c d"},
		{"the direction of writing stays", "a\u202eb\u2066c\u200fd\u061ce", 0, "a b c d e"},
		{"a long text is cut by characters", "Кухня", 4, "Кух…"},
		{"one that just fits is whole", "Кухня", 5, "Кухня"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := plain.Text(test.text, test.most); got != test.want {
				t.Errorf("Text(%q, %d) = %q, want %q", test.text, test.most, got, test.want)
			}
		})
	}
}

// However a text is cut into writes, a terminal is given the same.
func TestWriter(t *testing.T) {
	const text = "Кухня\t1\n\x1b]0;title\a\x1b[31mred\u009b0m\r\n\u202ea\xff\x9b \u061cЖ\n"
	const want = "Кухня\t1\n ]0;title  [31mred 0m \n a\ufffd\ufffd  Ж\n"
	for size := 1; size <= len(text); size++ {
		var shown strings.Builder
		w := plain.NewWriter(&shown)
		for part := range slices.Chunk([]byte(text), size) {
			if n, err := w.Write(part); n != len(part) || err != nil {
				t.Fatalf("Write of %d bytes = %d, %v", len(part), n, err)
			}
		}
		if shown.String() != want {
			t.Errorf("in writes of %d bytes the terminal is given %q, want %q", size, shown.String(), want)
		}
	}
}

func TestLook(t *testing.T) {
	for _, name := range []string{"Ann Lee", "ANN LEE", " Ann Lee", "Ann  Lee\t", "Ann\u00a0Lee"} {
		if got, want := plain.Look(name), "ann lee"; got != want {
			t.Errorf("Look(%q) = %q, want %q", name, got, want)
		}
	}
	if plain.Look("Ann Lee") == plain.Look("AnnLee") {
		t.Error("one name and two words look the same")
	}
}

func TestOneLine(t *testing.T) {
	const text = "load: a\n\n  close: b\r\n\tc \n"
	if got, want := plain.OneLine(text), "load: a; close: b; c"; got != want {
		t.Errorf("OneLine(%q) = %q, want %q", text, got, want)
	}
}
