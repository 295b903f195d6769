package main

import (
	"encoding/json"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"stagelag/sql"
	"stagelag/warehouse/embedded"
)

// version and commit are set by the linker.
var version, commit string

// A versionInfo is what to state in a report of a fault.
type versionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit"` // empty where the build does not say
	Go      string `json:"go"`
	Engine  struct {
		Version string `json:"version"` // the one that make engine fetches
		File    string `json:"file"`    // the one that is used; empty where there is none
	} `json:"engine"`
	Schema uint `json:"schema"` // the newest that this program knows
}

func newVersion(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit, and the versions of Go, the engine and the schema",
		Long: `Prints the version of this program, the commit that it was built from, the version of Go, the
embedded engine (the version that make engine fetches, and the file that is used here), and the newest
schema of a warehouse that it knows. stagelag doctor shows the version of a server, and stagelag migrate
status the schema of the warehouse.`,
		Example: `  stagelag version
  stagelag version --json`,
		Args: arguments(0, 0),
		RunE: func(*cobra.Command, []string) error {
			info, missing := readVersion()
			if asJSON {
				text, err := json.Marshal(info)
				if err != nil {
					return err
				}
				return a.printf("%s\n", text)
			}
			engine := info.Engine.File
			if missing != nil {
				engine = a.printer.Error(missing)
			}
			commit := info.Commit
			if commit == "" {
				commit = a.printer.Text("unknown")
			}
			return a.printf("version  %s\ncommit   %s\ngo       %s\nengine   %s, %s\nschema   %d\n",
				a.printer.Text(info.Version), commit, info.Go, info.Engine.Version, engine, info.Schema)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	return cmd
}

// readVersion also returns why no engine is found.
func readVersion() (info versionInfo, missing error) {
	info = versionInfo{
		Version: buildVersion(), Commit: buildCommit(), Go: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
		Schema: sql.NewestVersion(),
	}
	info.Engine.Version = embedded.EngineVersion()
	info.Engine.File, missing = embedded.FindEngine()
	return info, missing
}

// buildVersion is the version that was set for a release, or else the commit that the
// program was built from.
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of an unknown build"
	}
	built := strings.Trim(info.Main.Version, "()")
	if revision := buildCommit(); revision != "" && built == "devel" {
		return "devel-" + revision[:min(12, len(revision))]
	}
	return built
}

// buildCommit is the commit that the program was built from, empty where that is not known.
func buildCommit() string {
	if commit != "" {
		return commit
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return ""
}
