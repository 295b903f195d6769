package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sys/unix"

	"stagelag/loader"
	"stagelag/plain"
	"stagelag/remedy"
	"stagelag/schedule"
	"stagelag/sql"
	"stagelag/views"
	"stagelag/warehouse"
)

// oldestEngine is the first version of the engine that is known to do.
const oldestEngine = "26.6"

func (e *examination) warehouse(ctx context.Context) {
	configured := e.Config.Warehouse
	isEmbedded := configured.URL.IsEmbedded()
	if isEmbedded {
		e.folder(string(configured.Path))
	}
	w, err := warehouse.Open(ctx, e.readOnly())
	if absent, ok := errors.AsType[*warehouse.AbsentError](err); ok {
		e.find("warehouse", Warning, absent.Error(), warehouse.Remedy(absent))
		return
	}
	if err != nil {
		toDo := e.remedy(err)
		if toDo == "" && !isEmbedded {
			toDo = fmt.Sprintf("check that %s can be reached from here, and its user and password", configured.URL)
		}
		e.find("warehouse", Problem, err.Error(), toDo)
		return
	}
	defer w.Close()
	e.version(ctx, w)
	e.isolation(w)
	e.grants(ctx, w)
	if !isEmbedded {
		e.disks(ctx, w.DB())
	}
	if e.schema(ctx, w) {
		shown := views.In(w)
		if e.lastRun(ctx, shown) {
			e.coverage(ctx, shown)
			e.gaps(ctx, shown)
		} else {
			e.find("coverage", OK, nothingPublished, "")
			e.find("gaps", OK, nothingPublished, "")
		}
		e.reach(ctx, w)
	}
}

// readOnly is where the warehouse is, for one who makes none.
func (e *examination) readOnly() warehouse.Config {
	at := e.Warehouse
	at.MustExist = true
	return at
}

// remedy is what to do about an error of the warehouse.
func (e *examination) remedy(err error) string { return remedy.Of(err) }

func (e *examination) version(ctx context.Context, w *warehouse.Warehouse) {
	var version string
	if err := w.DB().QueryRow(ctx, "SELECT version()").Scan(&version); err != nil {
		e.find("warehouse", Problem, err.Error(), e.remedy(err))
		return
	}
	text := fmt.Sprintf("%s answers, ClickHouse %s", e.Config.Warehouse.URL, version)
	if olderThan(version, oldestEngine) {
		e.find("warehouse", Warning, text+", older than "+oldestEngine, "upgrade it; older ones have not been tried")
		return
	}
	e.find("warehouse", OK, text, "")
}

// isolation is what keeps others from the embedded engine, and it from others. What the system does not offer
// is no fault of the installation.
func (e *examination) isolation(w *warehouse.Warehouse) {
	isolation, ok := w.Isolation()
	if !ok {
		return
	}
	text, toDo := "nobody reaches the engine but through its gate", ""
	if !isolation.IsIsolated {
		text, toDo = "other users of this machine reach the engine's own ports", "SECURITY.md says on which machines this matters"
	}
	if isolation.IsConfined {
		text += ", and it connects to nobody"
	} else {
		text += ", and it can connect to others"
		toDo = "SECURITY.md says on which machines this matters"
	}
	e.find("engine", OK, text, toDo)
}

// olderThan compares the first two parts of versions.
func olderThan(version, than string) bool {
	var major, minor, wantMajor, wantMinor int
	_, _ = fmt.Sscanf(version, "%d.%d", &major, &minor)
	_, _ = fmt.Sscanf(than, "%d.%d", &wantMajor, &wantMinor)
	return major < wantMajor || major == wantMajor && minor < wantMinor
}

// rights are what the program's user has to be allowed, as the engine writes it.
func rights(names warehouse.Names) []string {
	return []string{
		"SELECT, INSERT, ALTER UPDATE, ALTER DELETE, ALTER MOVE PARTITION, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, TRUNCATE, OPTIMIZE ON " + names.Internal + ".*",
		"SELECT, INSERT, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW ON " + names.Views + ".*",
		"SELECT ON system.processes",
	}
}

func (e *examination) grants(ctx context.Context, w *warehouse.Warehouse) {
	var missing []string
	for _, right := range rights(w.Names()) {
		var isGranted uint8
		// An engine that does not know the question is not blamed for the answer.
		if err := w.DB().QueryRow(ctx, "CHECK GRANT "+right).Scan(&isGranted); err == nil && isGranted == 0 {
			missing = append(missing, right)
		}
	}
	if len(missing) > 0 {
		e.find("grants", Problem, "the warehouse's user lacks "+strings.Join(missing, " and "), "stagelag warehouse users shows what it needs")
	}
	if err := w.Query(ctx, io.Discard, "SELECT 1", "Null"); err != nil {
		e.find("grants", Problem, fmt.Sprintf("the analyst can't ask: %v", err), "check warehouse.analyst_url, and what stagelag warehouse users grants the analyst")
		return
	}
	if len(missing) == 0 {
		e.find("grants", OK, "the program may write, and the analyst may ask", "")
	}
}

// schema is whether the views are there to be asked.
func (e *examination) schema(ctx context.Context, w *warehouse.Warehouse) bool {
	status, err := sql.ReadStatus(ctx, w)
	switch {
	case err != nil:
		e.find("schema", Problem, err.Error(), e.remedy(err))
		return false
	case status.IsNewer():
		e.find("schema", Problem, fmt.Sprintf("schema %d, and this program knows %d", status.Version, status.Newest), "use the program that made it, or a newer one")
		return false
	case status.Version == 0:
		e.find("schema", Warning, "the warehouse is empty", "stagelag run fills it")
		return false
	case status.IsHalfDone:
		e.find("schema", Warning, fmt.Sprintf("migration %d stopped half-way", status.Version), "stagelag migrate up, or the next run, repeats it")
		return false
	case len(status.Pending) > 0:
		e.find("schema", OK, fmt.Sprintf("schema %d of %d", status.Version, status.Newest), "stagelag migrate up, or the next run, brings it up")
		return false
	default:
		e.find("schema", OK, fmt.Sprintf("schema %d, as this program has it", status.Version), "")
		return true
	}
}

// runs are what is known of runs.
type runs interface {
	Runs(ctx context.Context, most int) ([]loader.Row, error)
	Published(ctx context.Context) (views.Published, error)
}

// nothingPublished stands for what can't be looked at before the first run.
const nothingPublished = "nothing is published yet, so there is nothing to look at"

// lastRun returns false where nothing is published.
func (e *examination) lastRun(ctx context.Context, of runs) bool {
	newest, err := of.Runs(ctx, 1)
	if err != nil {
		e.find("last run", Problem, err.Error(), e.remedy(err))
		return true
	}
	published, err := of.Published(ctx)
	if err != nil {
		e.find("last run", Problem, err.Error(), e.remedy(err))
		return true
	}
	if len(newest) > 0 {
		e.newest(newest[0])
	}
	if published.RunID == 0 {
		e.find("published", Warning, "no run was published yet", "stagelag run makes one")
		return false
	}
	age := e.Now().Sub(published.FinishedAt)
	text := fmt.Sprintf("run %d as of %s, %s ago", published.RunID, published.AsOf, plain.Duration(age))
	if maxAge := e.Config.Schedule.MaxAge; age > maxAge {
		e.find("published", Problem, fmt.Sprintf("%s, more than schedule.max_age (%s)", text, plain.Duration(maxAge)),
			"see that stagelag schedule is running, and what its log says; stagelag run makes a run now")
		return true
	}
	e.find("published", OK, text, "")
	return true
}

func (e *examination) newest(run loader.Row) {
	switch run.Status {
	case loader.Failed:
		why := ""
		if run.Error != nil {
			why = ": " + plain.Text(*run.Error, 400)
		}
		e.find("last run", Warning, fmt.Sprintf("run %d failed at %s%s", run.RunID, e.local(run.FinishedAt), why), "run stagelag run, and read its last line")
	case loader.Running:
		e.find("last run", OK, fmt.Sprintf("run %d began at %s and has not ended", run.RunID, e.local(&run.StartedAt)), "if nothing is at work, it was killed: the next run does its work")
	default:
		e.find("last run", OK, fmt.Sprintf("run %d was published at %s, with %s and %s", run.RunID, e.local(run.FinishedAt),
			count(int(run.DealsSeen), "deal"), count(int(run.PortalRequests), "request")), "")
	}
}

// local is a time on the clocks of the portal's zone.
func (e *examination) local(at *time.Time) string {
	if at == nil {
		return "an unknown time"
	}
	return at.In(e.Config.Portal.TimeZone).Format("2006-01-02 15:04 MST")
}

// stagesShown is how many stages a finding names.
const stagesShown = 10

// coverage is which open visits have no plan.
func (e *examination) coverage(ctx context.Context, of interface {
	Uncovered(ctx context.Context, most int) ([]views.Coverage, error)
},
) {
	uncovered, err := of.Uncovered(ctx, stagesShown)
	if err != nil {
		e.find("coverage", Warning, err.Error(), e.remedy(err))
		return
	}
	var stages []string
	for _, c := range uncovered {
		stages = append(stages, fmt.Sprintf("%d of %d in %s (%s)", c.NoPlan, c.Open, plain.Text(string(c.StageID), 40), plain.Text(c.Stage, 40)))
	}
	if len(stages) > 0 {
		e.find("coverage", Warning, "open stages without a plan: "+strings.Join(stages, ", "), "fill in the fields of these deals, or set a norm for the stage in plan.norms")
		return
	}
	e.find("coverage", OK, "every open visit has a plan", "")
}

// gaps is what else the numbers do not cover.
func (e *examination) gaps(ctx context.Context, of interface {
	GapCounts(ctx context.Context) ([]views.GapCount, error)
},
) {
	gaps, err := of.GapCounts(ctx)
	if err != nil {
		e.find("gaps", Warning, err.Error(), e.remedy(err))
		return
	}
	var counted []string
	for _, gap := range gaps {
		counted = append(counted, fmt.Sprintf("%d %s", gap.Count, gap.Reason))
	}
	if len(counted) == 0 {
		counted = []string{"none"}
	}
	e.find("gaps", OK, strings.Join(counted, ", "), "")
}

// Room on a disk that is too little, and that is little.
const (
	tooLittleRoom = 200 << 20
	littleRoom    = 2 << 30
)

// folder looks at the disk of the embedded warehouse, or of where it will be.
func (e *examination) folder(path string) {
	at, err := filepath.Abs(path)
	if err != nil {
		e.find("disk", Problem, err.Error(), "set warehouse.path")
		return
	}
	for {
		if _, err := os.Stat(at); err == nil || at == filepath.Dir(at) {
			break
		}
		at = filepath.Dir(at)
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(at, &disk); err != nil {
		e.find("disk", Problem, fmt.Sprintf("%s: %v", at, err), "set warehouse.path to a folder that can be written")
		return
	}
	e.room(at, disk.Bavail*uint64(disk.Bsize))
	if err := unix.Access(at, unix.W_OK); err != nil {
		e.find("disk", Problem, fmt.Sprintf("%s can't be written: %v", at, err), "make it writable for this user, or set warehouse.path to another folder")
	}
}

// disks looks at the disks of a server.
func (e *examination) disks(ctx context.Context, conn driver.Conn) {
	var free uint64
	if err := conn.QueryRow(ctx, "SELECT min(free_space) FROM system.disks").Scan(&free); err != nil {
		e.find("disk", Warning, "the server does not tell: "+err.Error(), "stagelag warehouse users shows the right to read system.disks")
		return
	}
	e.room("the server", free)
}

func (e *examination) room(where string, free uint64) {
	text := fmt.Sprintf("%.1f GB free on %s", float64(free)/1e9, where)
	switch {
	case free < tooLittleRoom:
		e.find("disk", Problem, text, "free some space: a run that fills the disk fails")
	case free < littleRoom:
		e.find("disk", Warning, text, "free some space before a run fails for it")
	default:
		e.find("disk", OK, text, "")
	}
}

func (e *examination) schedule() {
	times, err := schedule.Parse(e.Config.Schedule.Cron, e.Config.Portal.TimeZone)
	if err != nil {
		e.find("schedule", Problem, err.Error(), "set schedule.cron")
		return
	}
	text := fmt.Sprintf("%s: next at %s", e.Config.Schedule.Cron, times.Next(e.Now()).Format("2006-01-02 15:04 MST"))
	if either := times.Either(); either != "" {
		text += "; " + either
	}
	e.find("schedule", OK, text, "")
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// oneLine keeps what came from elsewhere on its line.
func oneLine(text string) string { return strings.TrimSpace(plain.Text(text, 0)) }
