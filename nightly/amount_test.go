package nightly_test

import (
	"testing"

	"stagelag/simulator"
)

// An amount that is none the warehouse can hold is a gap, and the deal is shown without one: neither 0 nor
// the largest. It counts as before, and the gap is gone with the next amount.
func TestAnAmountBeyondTheType(t *testing.T) {
	t.Parallel()
	s, deal := small(t)
	day := 10
	amount := func(cents int64) {
		s.world.EditDeal(deal, march(day, 9), func(d *simulator.Deal) { d.Cents = cents })
		day++
		s.at(march(day, 3))
	}
	s.run(false)
	for _, value := range []int64{5e18, -5e18} {
		amount(value)
		s.run(false)
		s.expect("an amount beyond the type", "SELECT amount IS NULL FROM deals_now", "1")
		s.expect("its gap", "SELECT reason FROM data_gaps WHERE reason = 'bad_amount' AND detail LIKE '%50000000000000000%'", "bad_amount")
	}
	s.expect("its days", "SELECT count() > 0 FROM deal_stage_days WHERE day = '2026-03-12'", "1")
	s.run(true)
	s.expect("after a full run", "SELECT count() FROM data_gaps WHERE reason = 'bad_amount'", "1")
	amount(999_999_999_999_999)
	s.run(false)
	s.expect("an amount", "SELECT amount FROM deals_now", "9999999999999.99")
	s.expect("no gap", "SELECT count() FROM data_gaps WHERE reason = 'bad_amount'", "0")
	s.expectLaws("after amounts that were none")
}
