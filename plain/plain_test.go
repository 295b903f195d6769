package plain_test

import (
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

func TestOneLine(t *testing.T) {
	const text = "load: a\n\n  close: b\r\n\tc \n"
	if got, want := plain.OneLine(text), "load: a; close: b; c"; got != want {
		t.Errorf("OneLine(%q) = %q, want %q", text, got, want)
	}
}
