package views

import (
	"context"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// InDepartments are the views as far as they count for people of the departments: a day or a closed visit for whoever
// had it that day, an open deal for who has it now. The departments are those of the day, so nothing of before the first
// run is among them. Without names they are all that there is.
func (v Views) InDepartments(names []string) Views { return Views{v.conn, slices.Clone(names)} }

// Departments are the departments of the open deals and of all days, by name.
func (v Views) Departments(ctx context.Context) ([]string, error) {
	return list(read(ctx, v, "quality_report", `
		SELECT DISTINCT assumeNotNull(department) AS name FROM (SELECT department FROM quality_report UNION ALL SELECT department FROM deals_now)
		WHERE department IS NOT NULL ORDER BY name`,
		func(rows driver.Rows, name *string) error { return rows.Scan(name) }))
}

// inDepartments is the condition that the column department is one of the departments.
func (v Views) inDepartments() string {
	if len(v.departments) == 0 {
		return "1"
	}
	literals := make([]string, len(v.departments))
	for i, name := range v.departments {
		literals[i] = "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name) + "'"
	}
	return "ifNull(department IN (" + strings.Join(literals, ", ") + "), 0)"
}

// ofDepartments is the condition that a person was in one of the departments on a day with anything in the quality report.
func (v Views) ofDepartments(manager, day string) string {
	if len(v.departments) == 0 {
		return "1"
	}
	return "(" + manager + ", " + day + ") IN (SELECT manager_id, day FROM quality_report WHERE " + v.inDepartments() + ")"
}
