package warehouse

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"stagelag/warehouse/access"
	"stagelag/warehouse/embedded"
	"stagelag/warehouse/exception"
)

// The engine's codes for a query that is too much for all together.
const (
	quotaExceeded      = 201
	tooManyQueries     = 202
	tooManyRowsOrBytes = 396
)

// lifted is a query that sets all limits of a reader's profile to none, in one of the forms in which a setting
// can come along: as the query with settings behind it, as parameters of the address, or as statements of a
// session before it.
type lifted struct {
	query      string
	parameters url.Values
	before     []string
}

// forms are those of the grammar. Some of them the engine refuses, and some it does not: what a query can take
// at most is the same in all.
var forms = map[string]func(query string, settings []string) lifted{
	"as it is": func(query string, _ []string) lifted { return lifted{query: query} },
	"behind the query": func(query string, settings []string) lifted {
		return lifted{query: query + " SETTINGS " + each(settings, "%s = 0")}
	},
	"behind the query, by name": func(query string, settings []string) lifted {
		return lifted{query: query + " SETTINGS " + each(settings, "%s = DEFAULT")}
	},
	"within the query": func(query string, settings []string) lifted {
		return lifted{query: "SELECT * FROM (" + query + " SETTINGS " + each(settings, "%s = 0") + ")"}
	},
	"in a part with a name": func(query string, settings []string) lifted {
		return lifted{query: "WITH part AS (" + query + " SETTINGS " + each(settings, "%s = 0") + ") SELECT * FROM part"}
	},
	"in a part of a union": func(query string, settings []string) lifted {
		return lifted{query: "(" + query + " SETTINGS " + each(settings, "%s = 0") + ") UNION ALL " + query}
	},
	"in the address": func(query string, settings []string) lifted {
		parameters := url.Values{}
		for _, setting := range settings {
			parameters.Set(setting, "0")
		}
		return lifted{query: query, parameters: parameters}
	},
	"in a session": func(query string, settings []string) lifted {
		return lifted{query: query, before: []string{"SET " + each(settings, "%s = 0")}}
	},
	"in a session, by name": func(query string, settings []string) lifted {
		return lifted{query: query, before: []string{"SET " + each(settings, "%s = DEFAULT")}}
	},
	"by a profile": func(query string, _ []string) lifted {
		return lifted{query: query, before: []string{"SET profile = 'default'"}}
	},
}

func each(settings []string, format string) string {
	list := make([]string, len(settings))
	for i, setting := range settings {
		list[i] = fmt.Sprintf(format, setting)
	}
	return strings.Join(list, ", ")
}

// limitsOf are the settings of a profile that limit what a query may take.
func limitsOf(t *testing.T, profile string) (settings []string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(string(access.File(access.Default))))
	var path []string
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			path = append(path, token.Name.Local)
			if len(path) == 4 && path[1] == "profiles" && path[2] == profile && strings.HasPrefix(path[3], "max_") {
				settings = append(settings, path[3])
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
	if len(settings) < 5 {
		t.Fatalf("the profile %s limits %v, want more", profile, settings)
	}
	return settings
}

// ask makes a query of a form, in a session of its own. Without an error its result is written to out.
func (l lifted) ask(ctx context.Context, reader analyst, out io.Writer) error {
	parameters := map[string]string{"session_id": fmt.Sprint("limits-", sessions.Add(1))}
	for name, values := range l.parameters {
		parameters[name] = values[0]
	}
	reader.settings = map[string]string{"session_id": parameters["session_id"]}
	for _, statement := range l.before {
		if err := reader.query(ctx, io.Discard, statement, "TSV"); err != nil {
			return err
		}
	}
	reader.settings = parameters
	return reader.query(ctx, out, l.query, "TSV")
}

var sessions atomic.Int64

// What a reader can take is bounded where no setting of a query reaches: memory, disk and the number of queries
// by the configuration of the server, rows by the quotas. Each query is more than there is, and means no harm.
func TestWhatAReaderCanTake(t *testing.T) {
	const (
		memory    = 1_500_000_000
		temporary = 20_000_000
		readRows  = 200_000_000
		results   = 300_000
	)
	t.Setenv(embedded.MemoryVariable, fmt.Sprint(memory))
	t.Setenv(embedded.TemporaryVariable, fmt.Sprint(temporary))
	path := newPath(t)
	const measures = 4
	var names []string
	for i := range measures * len(forms) {
		names = append(names, sharedName(i))
	}
	// Beside the quota of an hour, one that can be used up in a second.
	var quotas strings.Builder
	for _, name := range names {
		for _, reader := range []string{access.UsersOf(name).Analyst, access.UsersOf(name).Grafana} {
			fmt.Fprintf(&quotas, "<%[1]s><interval of='test'><duration>86400</duration><read_rows>%[2]d</read_rows><result_rows>%[3]d</result_rows></interval></%[1]s>",
				reader, readRows, results)
		}
	}
	writeConfig(t, path, "quotas.xml", "<clickhouse><quotas>"+quotas.String()+"</quotas></clickhouse>")
	seat, err := embedded.Join(t.Context(), path, names[0], names[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	defer seat.Leave()

	next := 0
	// reader is one that nobody was before: a quota is a user's.
	reader := func(isGrafana bool) analyst {
		name := names[next]
		next++
		w := mustOpen(t, Config{URL: Embedded, Path: path, Database: name})
		a := w.analyst
		if e, _ := w.Endpoints(); isGrafana {
			a.user, a.password = e.GrafanaUser, e.GrafanaPassword
		}
		return a
	}
	w := mustOpen(t, Config{URL: Embedded, Path: path, Database: names[0]})
	for form, makeForm := range forms {
		isGrafana := strings.Contains(form, "session") // both have their turns
		limits := limitsOf(t, map[bool]string{true: "grafana", false: "analyst"}[isGrafana])
		t.Run(form, func(t *testing.T) {
			refused := func(err error, codes ...int) bool {
				return slices.Contains(append(codes, constraintViolation, readonlyRefused), exception.Code(err))
			}
			isRead := func(of analyst, what string) uint64 {
				var out strings.Builder
				var n uint64
				if err := (lifted{query: "SELECT max(" + what + ") FROM system.quota_usage"}).ask(t.Context(), of, &out); err != nil {
					t.Fatal(err)
				}
				_, _ = fmt.Sscan(out.String(), &n)
				return n
			}
			// Memory.
			large := makeForm("SELECT length(groupArray(repeat('x', 1000000))) AS n FROM (SELECT number FROM numbers(4000))", limits)
			if err := large.ask(t.Context(), reader(isGrafana), io.Discard); !refused(err, memoryLimit) {
				t.Errorf("4 GB of memory, of %d MB: %v, want code %d", memory/1_000_000, err, memoryLimit)
			}

			// Temporary data.
			stop, largest := watchSize(filepath.Join(path, "data", "tmp"))
			sorted := makeForm("SELECT number FROM (SELECT number, randomPrintableASCII(100) AS text FROM numbers(1000000) "+
				"ORDER BY text SETTINGS max_bytes_before_external_sort = 2000000, max_bytes_ratio_before_external_sort = 0) LIMIT 1 OFFSET 999999", limits)
			err := sorted.ask(t.Context(), reader(isGrafana), io.Discard)
			stop()
			if !refused(err, tooManyRowsOrBytes) {
				t.Errorf("100 MB on the disk, of %d MB: %v, want code %d", temporary/1_000_000, err, tooManyRowsOrBytes)
			}
			if *largest > temporary*3/2 {
				t.Errorf("%d MB were on the disk, want at most %d", *largest/1_000_000, temporary/1_000_000)
			}

			// Rows that are read. One that uses up its quota can't ask how much that was.
			of := reader(isGrafana)
			reading := makeForm("SELECT count() AS n FROM numbers(100000000000) WHERE NOT ignore(number)", limits)
			if err := reading.ask(t.Context(), of, io.Discard); !refused(err, quotaExceeded) {
				t.Errorf("100 billion rows, of %d: %v, want code %d", readRows, err, quotaExceeded)
			}
			if n := isRead(of, "read_rows"); n > readRows*5/4 {
				t.Errorf("%d rows were read, want about %d", n, readRows)
			}

			// Rows of results.
			var lines lineCounter
			of = reader(isGrafana)
			answers := makeForm("SELECT number FROM numbers(900000)", limits)
			if err := answers.ask(t.Context(), of, &lines); !refused(err, quotaExceeded) {
				t.Errorf("a result of 900,000 rows, of %d: %v, want code %d", results, err, quotaExceeded)
			}
			if lines > results*3/2 {
				t.Errorf("%d rows were sent, want about %d", lines, results)
			}
		})
	}
	if err := w.DB().Ping(t.Context()); err != nil {
		t.Errorf("afterwards the engine does not answer: %v", err)
	}
}

// writeConfig gives an engine that is not started yet a piece of configuration.
func writeConfig(t *testing.T, path, name, text string) {
	t.Helper()
	folder := filepath.Join(path, "config", "conf.d")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// watchSize adds up the files of a folder again and again, and keeps the largest sum.
func watchSize(folder string) (stop func(), largest *int64) {
	largest = new(int64)
	ending, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			var size int64
			_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
				if err == nil {
					if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
						size += info.Size()
					}
				}
				return nil
			})
			*largest = max(*largest, size)
			select {
			case <-ending:
				return
			default:
			}
		}
	}()
	return sync.OnceFunc(func() { close(ending); <-ended }), largest
}

// The quotas of the readers bound what they read and are sent in an hour.
func TestReadersHaveQuotas(t *testing.T) {
	eachReader(t, func(t *testing.T, _ Names, ask func(string) (string, error)) {
		const columns = "max_queries, max_read_rows, max_read_bytes, max_result_rows, max_result_bytes, max_execution_time"
		out, err := ask("SELECT duration, length(arrayFilter(x -> x > 0, [" + columns + "])) FROM system.quota_usage")
		if err != nil || out != "3600\t6\n" {
			t.Errorf("of %s in an hour %q are limited, %v, want all 6", columns, out, err)
		}
	})
}

// However many queries readers send, a number of them runs, and the others are refused at once.
func TestNoMoreQueriesThanTheServerTakes(t *testing.T) {
	const most, asked = 200, 230
	w := mustOpen(t, Config{URL: Embedded, Path: newPath(t)})
	ctx, cancel := context.WithCancel(t.Context())
	var refused, others atomic.Int32
	var all sync.WaitGroup
	for range asked {
		all.Go(func() {
			err := (lifted{query: "SELECT sleepEachRow(1) FROM numbers(60) SETTINGS max_threads = 1, max_block_size = 1"}).ask(ctx, w.analyst, io.Discard)
			switch {
			case exception.Code(err) == tooManyQueries:
				refused.Add(1)
			case ctx.Err() == nil:
				others.Add(1)
				t.Errorf("a query: %v, want that it runs on or code %d", err, tooManyQueries)
			}
		})
	}
	eventually(t, fmt.Sprintf("%d queries that are refused", asked-most), func() bool { return refused.Load()+others.Load() >= asked-most })
	cancel()
	all.Wait()
	if n := refused.Load(); n < asked-most {
		t.Errorf("of %d queries at once %d were refused, want %d at least", asked, n, asked-most)
	}
	eventually(t, "an engine that takes queries again", func() bool { return w.DB().Ping(t.Context()) == nil })
}
