package views

import (
	"context"
	"fmt"
	"iter"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/forecast"
	"stagelag/transform"
)

// A StageHistory is a stage in process with all visits to it as they stand now.
type StageHistory struct {
	FunnelID extractor.FunnelID
	Funnel   string
	StageID  extractor.StageID
	Stage    string
	Visits   []forecast.Visit // in no order
}

// StageHistories are the stages in process that were ever visited, waiting ones included, by funnel and stage.
func (v Views) StageHistories(ctx context.Context) iter.Seq2[StageHistory, error] {
	none := number(transform.NoDay)
	return read(ctx, v, "deal_stages", `
		SELECT funnel_id, any(funnel_name), toString(stage_id), any(stage_name), groupArray(toInt32(entered_date)),
			groupArray(ifNull(toInt32(left_date), `+none+`)), groupArray(ifNull(toInt32(planned_end), `+none+`))
		FROM deal_stages WHERE stage_semantics = 'process'
		GROUP BY funnel_id, stage_id ORDER BY funnel_id, stage_id`,
		func(rows driver.Rows, s *StageHistory) error {
			var entered, left, planned []int32
			if err := rows.Scan((*uint32)(&s.FunnelID), &s.Funnel, (*string)(&s.StageID), &s.Stage, &entered, &left, &planned); err != nil {
				return err
			}
			if len(left) != len(entered) || len(planned) != len(entered) {
				return fmt.Errorf("stage %s: %d entries, %d ends and %d plans", s.StageID, len(entered), len(left), len(planned))
			}
			for i := range entered {
				s.Visits = append(s.Visits, forecast.Visit{
					Entered: transform.Day(entered[i]), Left: transform.Day(left[i]), Planned: transform.Day(planned[i]),
				})
			}
			return nil
		})
}
