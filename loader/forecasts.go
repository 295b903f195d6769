package loader

import (
	"context"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/forecast"
	"stagelag/transform"
)

// A curveRow is what is forecast of the visits to a stage that have lasted so many days.
type curveRow struct {
	key           transform.StageKey
	days          uint16
	lasting       forecast.Lasting
	closing       int32
	closingReason forecast.Reason
}

var curveTable = table[curveRow]{"forecast_curves", []column[curveRow]{
	id32("funnel_id", func(r *curveRow) *extractor.FunnelID { return &r.key.Funnel }),
	text("stage_id", func(r *curveRow) *extractor.StageID { return &r.key.Stage }),
	plain("days", func(r *curveRow) *uint16 { return &r.days }),
	plain("expected_days", func(r *curveRow) *int32 { return &r.lasting.Expected }),
	plain("likely_days", func(r *curveRow) *int32 { return &r.lasting.Likely }),
	plain("naive_days", func(r *curveRow) *int32 { return &r.lasting.Naive }),
	plain("basis", func(r *curveRow) *uint32 { return &r.lasting.Basis }),
	enum("reason", func(r *curveRow) *forecast.Reason { return &r.lasting.Reason }),
	plain("curve", func(r *curveRow) *uint8 { return &r.lasting.Curve }),
	plain("open_before", func(r *curveRow) *float64 { return &r.lasting.Before }),
	plain("open_last", func(r *curveRow) *float64 { return &r.lasting.Last }),
	plain("open_short", func(r *curveRow) *float64 { return &r.lasting.Open[0] }),
	plain("open_year", func(r *curveRow) *float64 { return &r.lasting.Open[1] }),
	plain("open_ever", func(r *curveRow) *float64 { return &r.lasting.Open[2] }),
	plain("closing_days", func(r *curveRow) *int32 { return &r.closing }),
	enum("closing_reason", func(r *curveRow) *forecast.Reason { return &r.closingReason }),
}}

// AppendForecasts appends what is forecast of the visits that the run will publish, unless it is what is in force. It
// comes after the visits.
func (r *Run) AppendForecasts(ctx context.Context) error {
	outlooks, err := r.outlooks(ctx)
	if err != nil {
		return err
	}
	var rows []curveRow
	for i := range outlooks {
		o := &outlooks[i]
		for days := range o.Days {
			rows = append(rows, curveRow{o.Key, uint16(days), o.Days[days], o.Closing, o.ClosingReason})
		}
	}
	isSame, err := r.hasForecasts(ctx, rows)
	if err != nil {
		return err
	}
	if isSame {
		r.KeepForecasts()
		return nil
	}
	if err := curveTable.insert(ctx, r.conn, r.row.RunID, rows); err != nil {
		return fmt.Errorf("append to %s: %w", curveTable.name, err)
	}
	r.curves = r.row.RunID
	return nil
}

// KeepForecasts has the run forecast what is in force.
func (r *Run) KeepForecasts() { r.curves = r.before.Curves }

// hasForecasts is whether the forecasts in force are these, which are in the order of the table.
func (r *Run) hasForecasts(ctx context.Context, rows []curveRow) (isSame bool, err error) {
	if r.before.Curves == 0 {
		return false, nil
	}
	n := 0
	isSame = true
	err = curveTable.read(ctx, r.conn, "WHERE run_id = ? ORDER BY funnel_id, toString(stage_id), days", func(row *curveRow) {
		isSame = isSame && n < len(rows) && rows[n] == *row
		n++
	}, uint32(r.before.Curves))
	if err != nil {
		return false, fmt.Errorf("read the published forecasts: %w", err)
	}
	return isSame && n == len(rows), nil
}

func (r *Run) outlooks(ctx context.Context) ([]forecast.Outlook, error) {
	stages := map[transform.StageKey][]forecast.Stay{}
	var moves []forecast.Move
	for _, shard := range r.shards {
		if err := shard.addStays(ctx, stages); err != nil {
			return nil, err
		}
		var err error
		if moves, err = shard.addMoves(ctx, moves, r.start.AsOf); err != nil {
			return nil, err
		}
	}
	night := forecast.NewNight(r.start.AsOf)
	for key, stays := range stages {
		night.Add(key, stays)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return night.Outlooks(moves), nil
}

// willBeShown is the condition for the rows of visits that the run will publish.
func (s *Shard) willBeShown() string {
	return fmt.Sprintf("NOT is_gone AND until_run_id != %[1]d AND (run_id = %[1]d OR %[2]s)", s.run, s.shown)
}

// addStays adds the visits of the shard to the stages in process.
func (s *Shard) addStays(ctx context.Context, stages map[transform.StageKey][]forecast.Stay) error {
	err := s.each(ctx, `
		SELECT funnel_id, stage, groupArray(entered), groupArray(days), groupArray(visits)
		FROM
		(
			SELECT funnel_id, toString(stage_id) AS stage, toInt32(entered_date) AS entered, if(is_open, -1, toInt32(left_date) - toInt32(entered_date)) AS days, count() AS visits
			FROM visits WHERE `+s.willBeShown()+` AND semantics = 'process'
			GROUP BY funnel_id, stage, entered, days
		)
		GROUP BY funnel_id, stage`, func(rows driver.Rows) error {
		var key transform.StageKey
		var entered, days []int32
		var visits []uint64
		if err := rows.Scan((*uint32)(&key.Funnel), (*string)(&key.Stage), &entered, &days, &visits); err != nil {
			return err
		}
		stays := slices.Grow(stages[key], len(entered))
		for i := range entered {
			stay := forecast.Stay{Entered: transform.Day(entered[i]), Left: transform.NoDay, Visits: int64(visits[i])}
			if days[i] >= 0 {
				stay.Left = stay.Entered + transform.Day(days[i])
			}
			stays = append(stays, stay)
		}
		stages[key] = stays
		return nil
	})
	if err != nil {
		return fmt.Errorf("read how long visits last: %w", err)
	}
	return nil
}

// addMoves adds the moves of the shard's deals to those of others.
func (s *Shard) addMoves(ctx context.Context, moves []forecast.Move, asOf transform.Day) ([]forecast.Move, error) {
	first := forecast.Periods(asOf)
	err := s.each(ctx, fmt.Sprintf(`
		SELECT funnel_id, toString(stage_id), next_funnel_id, toString(next_stage_id),
			(next_funnel_id, next_stage_id) IN (SELECT DISTINCT funnel_id, stage_id FROM visits WHERE %[4]s AND semantics != 'process') AS is_closed,
			countIf(left_date >= toDate(%[1]d)), countIf(left_date >= toDate(%[2]d)), countIf(left_date >= toDate(%[3]d))
		FROM visits WHERE %[4]s AND semantics = 'process' AND NOT is_open AND left_date < toDate(%[5]d) AND next_stage_id != ''
		GROUP BY funnel_id, stage_id, next_funnel_id, next_stage_id`, first[0], first[1], first[2], s.willBeShown(), asOf), func(rows driver.Rows) error {
		var m forecast.Move
		var isClosed uint8
		var visits [3]uint64
		if err := rows.Scan((*uint32)(&m.From.Funnel), (*string)(&m.From.Stage), (*uint32)(&m.To.Funnel), (*string)(&m.To.Stage), &isClosed, &visits[0], &visits[1], &visits[2]); err != nil {
			return err
		}
		m.IsClosed = isClosed != 0
		for i := range visits {
			m.Visits[i] = int64(visits[i])
		}
		i := slices.IndexFunc(moves, func(other forecast.Move) bool {
			return other.From == m.From && other.To == m.To && other.IsClosed == m.IsClosed
		})
		if i < 0 {
			moves = append(moves, m)
			return nil
		}
		for k := range m.Visits {
			moves[i].Visits[k] += m.Visits[k]
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read where deals move: %w", err)
	}
	return moves, nil
}

// each gives the rows of a result.
func (s *Shard) each(ctx context.Context, query string, give func(driver.Rows) error) error {
	rows, err := s.conn.Query(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := give(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
