package exception

import (
	"strings"
	"testing"
)

// Whatever an engine says, its exception is one line.
func FuzzParse(f *testing.F) {
	f.Add("Code: 60. DB::Exception: Table stagelag.x does not exist. (UNKNOWN_TABLE) (version 26.7.2.1)")
	f.Add("Code: 62. DB::Exception: Syntax error: failed at position 1 (a\nb): Expected one of: SELECT")
	f.Add("Code: 99999999999999999999, e.what() = (")
	f.Fuzz(func(t *testing.T, text string) {
		if e := Parse(text); e != nil && strings.ContainsAny(e.Error(), "\n\r") {
			t.Errorf("Parse(%q) = %q", text, e.Error())
		}
	})
}
