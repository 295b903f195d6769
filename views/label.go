package views

import (
	"context"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
)

// A StageID names a stage of a funnel.
type StageID struct {
	FunnelID extractor.FunnelID
	StageID  extractor.StageID
}

// Labels are names of which no two of a kind look the same.
type Labels struct {
	Managers map[extractor.ManagerID]string
	Funnels  map[extractor.FunnelID]string
	Stages   map[StageID]string
	// Companies are the chosen ones by their names, which others can have too.
	Companies map[extractor.CompanyID]string
}

// Labels reads those of all managers, funnels and stages that have a name.
func (v Views) Labels(ctx context.Context) (Labels, error) {
	l := Labels{Managers: map[extractor.ManagerID]string{}, Funnels: map[extractor.FunnelID]string{}, Stages: map[StageID]string{}, Companies: map[extractor.CompanyID]string{}}
	type row struct{ kind, id, label string }
	for r, err := range read(ctx, v, "labels", "SELECT toString(kind), id, label FROM labels", func(rows driver.Rows, r *row) error { return rows.Scan(&r.kind, &r.id, &r.label) }) {
		if err != nil {
			return Labels{}, err
		}
		number, stage, _ := strings.Cut(r.id, "/")
		id, err := strconv.ParseUint(number, 10, 64)
		switch {
		case err != nil: // no manager, funnel or stage has such an id
		case r.kind == "manager":
			l.Managers[extractor.ManagerID(id)] = r.label
		case r.kind == "funnel":
			l.Funnels[extractor.FunnelID(id)] = r.label
		case r.kind == "stage":
			l.Stages[StageID{extractor.FunnelID(id), extractor.StageID(stage)}] = r.label
		}
	}
	if len(v.choice.Companies) == 0 {
		return l, nil
	}
	companies, err := v.Companies(ctx)
	for _, c := range companies {
		l.Companies[c.ID] = c.Name
	}
	return l, err
}
