package loader

import (
	"context"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/warehouse"
)

// A landedCompany is a company as the portal last showed it.
type landedCompany struct {
	extractor.Company
	version uint64
}

// On a cluster it is in the front: companies are of no shard.
var companyTable = table[landedCompany]{"landing_companies", []column[landedCompany]{
	id64("company_id", func(c *landedCompany) *extractor.CompanyID { return &c.ID }),
	plain("version", func(c *landedCompany) *uint64 { return &c.version }),
	plain("name", func(c *landedCompany) *string { return &c.Name }),
}}

// LandCompanies appends the companies as they are now.
func (l *Landing) LandCompanies(ctx context.Context, companies []extractor.Company) error {
	if len(companies) == 0 {
		return nil
	}
	version := l.nextVersion()
	rows := make([]landedCompany, len(companies))
	for i, company := range companies {
		rows[i] = landedCompany{company, version}
	}
	err := warehouse.Retry(ctx, l.run.conn, func() error { return companyTable.insert(ctx, l.run.conn, l.run.row.RunID, rows) })
	if err != nil {
		return fmt.Errorf("land companies: %w", err)
	}
	return nil
}

// CompaniesOf gives the companies of the landed deals.
func (l *Landing) CompaniesOf(ctx context.Context, all bool) ([]extractor.CompanyID, error) {
	query, args := "SELECT company_id FROM landing_deals WHERE company_id > 0", []any{}
	if !all {
		query += ` AND (company_id GLOBAL NOT IN (SELECT company_id FROM landing_companies)
			OR run_id = ? AND company_id GLOBAL IN (SELECT company_id FROM landing_companies FINAL WHERE name = ''))`
		args = append(args, uint32(l.run.row.RunID))
	}
	ids, err := dealIDs(ctx, l.run.conn, "list the companies", query+" GROUP BY company_id ORDER BY company_id", args...)
	if err != nil {
		return nil, err
	}
	companies := make([]extractor.CompanyID, len(ids))
	for i, id := range ids {
		companies[i] = extractor.CompanyID(id)
	}
	return companies, nil
}

// LandedCompanies gives the names of those of the companies that were ever landed.
func (l *Landing) LandedCompanies(ctx context.Context, companies []extractor.CompanyID) (map[extractor.CompanyID]string, error) {
	return companyNames(ctx, l.run.conn, companies)
}

func companyNames(ctx context.Context, conn driver.Conn, companies []extractor.CompanyID) (map[extractor.CompanyID]string, error) {
	names := make(map[extractor.CompanyID]string, len(companies))
	if len(companies) == 0 {
		return names, nil
	}
	where := "FINAL WHERE company_id IN (" + list(companies) + ")" + largeQuery
	err := companyTable.read(ctx, conn, where, func(c *landedCompany) { names[c.ID] = c.Name })
	if err != nil {
		return nil, fmt.Errorf("read the names of companies: %w", err)
	}
	return names, nil
}

// nameCompanies gives the deals the names of their companies.
func (s *Shard) nameCompanies(ctx context.Context, deals []Known) error {
	var ids []extractor.CompanyID
	for i := range deals {
		if id := deals[i].Deal.CompanyID; id > 0 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	names, err := companyNames(ctx, s.front, slices.Compact(ids))
	if err != nil {
		return err
	}
	for i := range deals {
		deals[i].CompanyName = names[deals[i].Deal.CompanyID]
	}
	return nil
}

// renamedCompanies gives the engine the companies that were landed after the run; nil where there are none.
func (s *Shard) renamedCompanies(ctx context.Context, after RunID) (*ext.Table, error) {
	ids, err := dealIDs(ctx, s.front, "list the companies with new names", "SELECT DISTINCT company_id FROM landing_companies WHERE run_id > ?", uint32(after))
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	numbers := make([]uint64, len(ids))
	for i, id := range ids {
		numbers[i] = uint64(id)
	}
	t, err := ext.NewTable("renamed_companies", ext.Column("company_id", "UInt64"))
	if err == nil {
		_, err = t.Block().Columns[0].Append(numbers)
	}
	if err != nil {
		return nil, fmt.Errorf("list the companies with new names: %w", err)
	}
	return t, nil
}

// with sends tables along with a query; nil ones are none.
func with(ctx context.Context, tables ...*ext.Table) context.Context {
	tables = slices.DeleteFunc(tables, func(t *ext.Table) bool { return t == nil })
	if len(tables) == 0 {
		return ctx
	}
	return clickhouse.Context(ctx, clickhouse.WithExternalTable(tables...))
}
