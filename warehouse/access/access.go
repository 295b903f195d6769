// Package access says what the databases of a warehouse are called, and which users may do
// what in them, on a server as in the embedded engine.
//
// One name is configured, and everything else follows from it: stagelag stands for the
// databases stagelag and stagelag_internal and the users stagelag, analyst and grafana,
// north for north, north_internal, stagelag_north, analyst_north and grafana_north. So
// several portals can share an engine, and no user of one sees anything of another.
package access

import (
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Default is the database that people see where the configuration names none.
const Default = "stagelag"

// Literal is a text as a statement holds it, with its quotes.
func Literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

// Names are the databases of one warehouse.
type Names struct {
	// Views is the database that people see. It holds views only.
	Views string
	// Internal holds the tables, and the views that those in Views are made of.
	Internal string
	// Shard is where a shard of a cluster has its own tables. They have the names that the
	// tables over all shards have in Internal, so a statement that stays within the shard
	// is the same as on a single server.
	Shard string
	// Replaced holds what a restore replaces, until it has succeeded.
	Replaced string
}

// What follows the configured name.
const (
	internalSuffix = "_internal"
	shardSuffix    = "_shard"
	replacedSuffix = "_replaced"
)

// NamesOf are the databases of the warehouse whose configured name is database.
func NamesOf(database string) Names {
	return Names{
		Views:    database,
		Internal: database + internalSuffix,
		Shard:    database + shardSuffix,
		Replaced: database + replacedSuffix,
	}
}

// longestName leaves room for what follows it in the names of files.
const longestName = 40

var wellFormed = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// Check returns why a name cannot be that of the database that people see.
func Check(database string) error {
	switch {
	case !wellFormed.MatchString(database):
		return errors.New("a database's name has lower-case letters, digits and underscores only, a letter first")
	case len(database) > longestName:
		return fmt.Errorf("a database's name has at most %d characters", longestName)
	case slices.Contains([]string{"default", "system", "information_schema"}, database):
		return fmt.Errorf("the database %s is the engine's own, choose another name", database)
	}
	for _, suffix := range []string{internalSuffix, shardSuffix, replacedSuffix} {
		if strings.HasSuffix(database, suffix) {
			return fmt.Errorf("names that end in %s are for the program's own databases, choose another one", suffix)
		}
	}
	return nil
}

// Users are those of one warehouse.
type Users struct {
	Program string // writes everything
	Analyst string // reads the views, for people
	Grafana string // reads the views, for a Grafana's data source, with narrower limits
}

// UsersOf are the users of the warehouse whose configured name is database.
func UsersOf(database string) Users {
	suffix := suffixOf(database)
	return Users{Program: "stagelag" + suffix, Analyst: "analyst" + suffix, Grafana: "grafana" + suffix}
}

func suffixOf(database string) string {
	if database == Default {
		return ""
	}
	return "_" + database
}

// Variables are those of the environment that the users' file takes the SHA-256 of their
// passwords from, in hexadecimal.
func Variables(database string) Users {
	suffix := strings.ToUpper(suffixOf(database))
	return Users{
		Program: "STAGELAG_PASSWORD_SHA256" + suffix,
		Analyst: "STAGELAG_ANALYST_PASSWORD_SHA256" + suffix,
		Grafana: "STAGELAG_GRAFANA_PASSWORD_SHA256" + suffix,
	}
}

//go:embed users.xml
var usersXML string

// File is the file that makes the users of a warehouse known to an engine: users.xml, which
// is for the default name, with the names of this one. The files of several warehouses can
// lie side by side: nothing has the same name in two of them.
func File(database string) []byte {
	suffix := suffixOf(database)
	pairs := []string{
		"_SHA256", "_SHA256" + strings.ToUpper(suffix),
		" ON stagelag", " ON " + database,
		"<default_database>stagelag<", "<default_database>" + database + "<",
		"clickhouse://stagelag:PASSWORD@host:9000", "clickhouse://stagelag" + suffix + ":PASSWORD@host:9000/" + database,
		"as analyst, and Grafana as grafana", "as analyst" + suffix + ", and Grafana as grafana" + suffix,
		"users.d/stagelag.xml", "users.d/" + database + ".xml",
	}
	for _, user := range []string{"stagelag", "analyst", "grafana"} {
		// The user, and its profile and its quota, which have its name.
		for _, form := range []string{"<%s>", "</%s>", "<%s/>", ">%s</profile>", ">%s</quota>"} {
			pairs = append(pairs, fmt.Sprintf(form, user), fmt.Sprintf(form, user+suffix))
		}
	}
	if database == Default {
		return []byte(usersXML)
	}
	return []byte(strings.NewReplacer(pairs...).Replace(usersXML))
}
