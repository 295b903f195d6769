package views

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
)

// A Manager is a person who was responsible for a deal or a visit.
type Manager struct {
	ID   extractor.ManagerID
	Name string
}

// Managers are all whom the views name, by id. Those without a name are left out.
func (v Views) Managers(ctx context.Context) ([]Manager, error) {
	return list(read(ctx, v, "deals_now", `
		SELECT manager_id, any(manager_name) FROM
		(
			SELECT manager_id, manager_name FROM deals_now
			UNION ALL
			SELECT manager_id, manager_name FROM deal_stages
		)
		WHERE manager_name != concat('#', toString(manager_id))
		GROUP BY manager_id
		ORDER BY manager_id`, func(rows driver.Rows, m *Manager) error {
		var id uint64
		err := rows.Scan(&id, &m.Name)
		m.ID = extractor.ManagerID(id)
		return err
	}))
}

// HasManager is whether a deal, a visit or a day counts for a manager.
func (v Views) HasManager(ctx context.Context, id extractor.ManagerID) (bool, error) {
	count, err := one(read(ctx, v, "quality_report", `
		SELECT (SELECT count() FROM quality_report WHERE manager_id = ?) + (SELECT count() FROM deals_now WHERE manager_id = ?)`,
		func(rows driver.Rows, n *uint64) error { return rows.Scan(n) }, uint64(id), uint64(id)))
	return count > 0, err
}
