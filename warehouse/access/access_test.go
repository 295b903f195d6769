package access

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	tests := []struct {
		name, database string
		want           string // in the error; empty: none
	}{
		{"the default one", Default, ""},
		{"another", "north_2", ""},
		{"the longest", strings.Repeat("a", 40), ""},
		{"longer than that", strings.Repeat("a", 41), "at most 40"},
		{"nothing", "", "lower-case letters"},
		{"an upper-case letter", "North", "lower-case letters"},
		{"a digit first", "2north", "lower-case letters"},
		{"an underscore first", "_north", "lower-case letters"},
		{"a hyphen", "north-2", "lower-case letters"},
		{"a dot", "north.2", "lower-case letters"},
		{"a letter of another alphabet", "север", "lower-case letters"},
		{"a line's end", "north\n", "lower-case letters"},
		{"the engine's default", "default", "the engine's own"},
		{"the engine's tables", "system", "the engine's own"},
		{"the engine's standard tables", "information_schema", "the engine's own"},
		{"that of the tables of another", "north_internal", "_internal"},
		{"that of a shard of another", "north_shard", "_shard"},
		{"what another replaces", "north_replaced", "_replaced"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := Check(test.database)
			if (err == nil) != (test.want == "") || err != nil && (!strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("Check(%q) = %v, want %q in one line", test.database, err, test.want)
			}
		})
	}
}

// A grant of a file.
var grant = regexp.MustCompile(`<query>(.*)</query>`)

func TestFileOfAnotherDatabase(t *testing.T) {
	north := string(File("north"))
	var elements []string
	decoder := xml.NewDecoder(strings.NewReader(north))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if element, ok := token.(xml.StartElement); ok {
			elements = append(elements, element.Name.Local)
		}
	}
	for _, user := range []string{"stagelag", "analyst", "grafana"} {
		// The user, its profile and its quota.
		if n := strings.Count(strings.Join(elements, "\n")+"\n", user+"_north\n"); n != 3 {
			t.Errorf("%s_north is %d elements, want 3", user, n)
		}
		if slices.Contains(elements, user) {
			t.Errorf("%s is in the file for north: two such files would meet in it", user)
		}
	}
	for _, variable := range []string{"STAGELAG_PASSWORD_SHA256_NORTH", "STAGELAG_ANALYST_PASSWORD_SHA256_NORTH", "STAGELAG_GRAFANA_PASSWORD_SHA256_NORTH"} {
		if !strings.Contains(north, `from_env="`+variable+`"`) {
			t.Errorf("no password is taken from %s", variable)
		}
	}
	if strings.Contains(north, `SHA256"`) {
		t.Error("a password is taken from a variable of the default database")
	}
	grants := map[string]int{}
	for _, found := range grant.FindAllStringSubmatch(north, -1) {
		grants[found[1]]++
		if strings.Contains(found[1], "stagelag") {
			t.Errorf("%q is granted, on a database of another warehouse", found[1])
		}
	}
	for want, n := range map[string]int{
		"GRANT SELECT ON north.*":             2,
		"GRANT SELECT ON north_internal.at_*": 2,
		"GRANT SELECT, INSERT, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW ON north.*": 1,
		"GRANT TRUNCATE, OPTIMIZE, CHECK, BACKUP ON north_internal.*":                                        1,
		"GRANT SELECT, INSERT, CREATE DATABASE, DROP DATABASE, DROP TABLE, DROP VIEW ON north_replaced.*":    1,
		"GRANT CREATE DATABASE, CREATE TABLE, DROP TABLE, TRUNCATE, OPTIMIZE ON north_shard.*":               1,
		"GRANT TABLE ENGINE ON MergeTree":  1,
		"GRANT SELECT ON system.processes": 1,
	} {
		if grants[want] != n {
			t.Errorf("%q is there %d times, want %d", want, grants[want], n)
		}
	}
}

func TestFileLeavesTheServersOwnUsers(t *testing.T) {
	for _, database := range []string{Default, "north"} {
		if bytes.Contains(File(database), []byte("<default>")) {
			t.Errorf("the file for %s changes the server's user default", database)
		}
	}
}
