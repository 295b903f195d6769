package loader

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/transform"
)

var departmentTable = table[extractor.Department]{"departments", []column[extractor.Department]{
	id64("department_id", func(d *extractor.Department) *extractor.DepartmentID { return &d.ID }),
	plain("name", func(d *extractor.Department) *string { return &d.Name }),
}}

// Departments tell in which department each person was on each day, as the first run saw it that computed the day. Before
// the first run nothing is known. Who is no longer among the people of the portal stays where the person was. Of nil
// nothing is known.
type Departments struct {
	run     RunID // whose sight comes last; 0 for none that is not published
	changes map[extractor.ManagerID][]departmentChange
}

// A departmentChange is a department from a day on, 0 for none.
type departmentChange struct {
	run   RunID
	since transform.Day
	id    extractor.DepartmentID
}

// DepartmentsOf are the departments as the published runs saw them, and the run with the as-of date, unless it is 0.
func DepartmentsOf(ctx context.Context, conn driver.Conn, run RunID, asOf transform.Day) (*Departments, error) {
	first, err := firstDays(ctx, conn, run, asOf)
	if err != nil {
		return nil, fmt.Errorf("read the published dates: %w", err)
	}
	rows, err := conn.Query(ctx, `
		SELECT manager_id, run_id, department_id FROM
		(
			SELECT manager_id, run_id, department_id, row_number() OVER runs AS n, lagInFrame(department_id) OVER runs AS before
			FROM managers WHERE manager_id > 0 AND (run_id = ? OR run_id IN (`+publishedRuns+`))
			WINDOW runs AS (PARTITION BY manager_id ORDER BY run_id)
		)
		WHERE n = 1 AND department_id > 0 OR n > 1 AND department_id != before
		ORDER BY manager_id, run_id`, uint32(run))
	if err != nil {
		return nil, fmt.Errorf("read the departments of people: %w", err)
	}
	defer rows.Close()
	d := &Departments{run: run, changes: map[extractor.ManagerID][]departmentChange{}}
	for rows.Next() {
		var manager, department uint64
		var seenBy uint32
		if err := rows.Scan(&manager, &seenBy, &department); err != nil {
			return nil, fmt.Errorf("read the departments of people: %w", err)
		}
		id := extractor.ManagerID(manager)
		d.changes[id] = append(d.changes[id], departmentChange{RunID(seenBy), first[RunID(seenBy)], extractor.DepartmentID(department)})
	}
	return d, rows.Err()
}

// firstDays are the first days that the published runs computed, and the run after them: those after the date of the run
// before, and of the first run its own date alone. A run of the date of the one before computes that date again.
func firstDays(ctx context.Context, conn driver.Conn, run RunID, asOf transform.Day) (map[RunID]transform.Day, error) {
	rows, err := conn.Query(ctx, "SELECT run_id, max(as_of) FROM run_events GROUP BY run_id HAVING max(status) = 'published' ORDER BY run_id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	first, before := map[RunID]transform.Day{}, transform.NoDay
	add := func(run RunID, asOf transform.Day) {
		first[run] = asOf
		if before != transform.NoDay {
			first[run] = min(asOf, before+1)
		}
		before = asOf
	}
	for rows.Next() {
		var id uint32
		var day time.Time
		if err := rows.Scan(&id, &day); err != nil {
			return nil, err
		}
		add(RunID(id), loadedDay(day))
	}
	if run > 0 {
		add(run, asOf)
	}
	return first, rows.Err()
}

// Of is the department of a person on a day, 0 where none is known.
func (d *Departments) Of(manager extractor.ManagerID, day transform.Day) extractor.DepartmentID {
	return d.of(manager, day, func(departmentChange) bool { return true })
}

func (d *Departments) of(manager extractor.ManagerID, day transform.Day, counts func(departmentChange) bool) (id extractor.DepartmentID) {
	if d == nil {
		return 0
	}
	for _, c := range d.changes[manager] {
		if c.since <= day && counts(c) {
			id = c.id
		}
	}
	return id
}

// moved are the people who are elsewhere on the as-of date of the run than the published state has them on its own.
func (d *Departments) moved(published, asOf transform.Day) []extractor.ManagerID {
	var moved []extractor.ManagerID
	if d == nil {
		return nil
	}
	for id := range d.changes {
		if d.Of(id, asOf) != d.of(id, published, func(c departmentChange) bool { return c.run != d.run }) {
			moved = append(moved, id)
		}
	}
	slices.Sort(moved)
	return moved
}

// table gives the engine the changes, in rows of a person, a day and a department; nil where there are none.
func (d *Departments) table() (*ext.Table, error) {
	if d == nil {
		return nil, nil
	}
	var people, departments []uint64
	var days []time.Time
	for id, changes := range d.changes {
		for i, c := range changes {
			if i+1 < len(changes) && changes[i+1].since == c.since {
				continue // the later one counts
			}
			people, days, departments = append(people, uint64(id)), append(days, storedDay(c.since)), append(departments, uint64(c.id))
		}
	}
	if len(people) == 0 {
		return nil, nil
	}
	t, err := ext.NewTable("department_changes", ext.Column("person", "UInt64"), ext.Column("since", "Date"), ext.Column("department", "UInt64"))
	if err != nil {
		return nil, err
	}
	for i, values := range []any{people, days, departments} {
		if _, err := t.Block().Columns[i].Append(values); err != nil {
			return nil, fmt.Errorf("list the departments of people: %w", err)
		}
	}
	return t, nil
}
