package views

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
)

// Departments are the departments of the open deals and of all days, by name.
func (v Views) Departments(ctx context.Context) ([]string, error) {
	return list(read(ctx, v, "quality_report", `
		SELECT DISTINCT assumeNotNull(department) AS name FROM (SELECT department FROM quality_report UNION ALL SELECT department FROM deals_now)
		WHERE department IS NOT NULL ORDER BY name`,
		func(rows driver.Rows, name *string) error { return rows.Scan(name) }))
}

// A Company is one that has a deal.
type Company struct {
	ID   extractor.CompanyID
	Name string // #ID where the portal does not show it
}

// Companies are those of all deals, by id.
func (v Views) Companies(ctx context.Context) ([]Company, error) {
	return list(read(ctx, v, "deals_now", `
		SELECT assumeNotNull(company_id) AS id, assumeNotNull(any(company_name)) FROM deals_now WHERE company_id IS NOT NULL GROUP BY id ORDER BY id`,
		func(rows driver.Rows, c *Company) error { return rows.Scan((*uint64)(&c.ID), &c.Name) }))
}

// Dimensions are the values that the fields by which deals are grouped have in some deal, by name and value.
func (v Views) Dimensions(ctx context.Context) ([]Dimension, error) {
	return list(read(ctx, v, "deals_now", `
		SELECT DISTINCT pair.1 AS name, pair.2 AS value FROM deals_now ARRAY JOIN CAST(dimensions AS Array(Tuple(String, String))) AS pair ORDER BY name, value`,
		func(rows driver.Rows, d *Dimension) error { return rows.Scan(&d.Name, &d.Value) }))
}
