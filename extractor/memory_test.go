package extractor_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"stagelag/extractor"
)

// memory is a Landing that keeps its contract to the letter and can be killed.
type memory struct {
	run       uint64
	state     []byte
	deals     map[extractor.DealID]*landedDeal
	changes   map[extractor.ChangeID]*landedChange
	companies map[extractor.CompanyID]string
	// writes counts the calls that write; the one numbered killAt fails, and all after it.
	writes, killAt int
}

type landedDeal struct {
	extractor.Deal
	run              uint64
	vanished, hidden bool
}

type landedChange struct {
	extractor.StageChange
	run      uint64
	vanished bool
}

var errKilled = errors.New("killed")

func newMemory() *memory {
	return &memory{
		run: 1, deals: map[extractor.DealID]*landedDeal{}, changes: map[extractor.ChangeID]*landedChange{},
		companies: map[extractor.CompanyID]string{},
	}
}

func (m *memory) write() error {
	m.writes++
	if m.killAt > 0 && m.writes >= m.killAt {
		return errKilled
	}
	return nil
}

func (m *memory) Run() uint64 { return m.run }

func (m *memory) State(context.Context) (state extractor.State, err error) {
	if m.state == nil {
		return state, nil
	}
	err = json.Unmarshal(m.state, &state)
	return state, err
}

func (m *memory) SaveState(_ context.Context, state extractor.State) error {
	if err := m.write(); err != nil {
		return err
	}
	var err error
	m.state, err = json.Marshal(state)
	return err
}

func (m *memory) LandDeals(_ context.Context, deals []extractor.Deal) error {
	for _, deal := range deals {
		m.deals[deal.ID] = &landedDeal{Deal: deal, run: m.run}
	}
	return m.write()
}

func (m *memory) LandStageChanges(_ context.Context, changes []extractor.StageChange) error {
	for _, change := range changes {
		m.changes[change.ID] = &landedChange{StageChange: change, run: m.run}
	}
	return m.write()
}

func (m *memory) ReplaceStageChanges(ctx context.Context, deals []extractor.DealID, changes []extractor.StageChange) error {
	for _, change := range m.changes {
		change.vanished = change.vanished || slices.Contains(deals, change.DealID)
	}
	return m.LandStageChanges(ctx, changes)
}

func (m *memory) VanishDeals(_ context.Context, deals []extractor.DealID) error {
	for _, deal := range m.deals {
		deal.vanished = deal.vanished || slices.Contains(deals, deal.ID)
	}
	for _, change := range m.changes {
		change.vanished = change.vanished || slices.Contains(deals, change.DealID)
	}
	return m.write()
}

func (m *memory) HideDeals(_ context.Context, deals []extractor.DealID) error {
	for _, deal := range m.deals {
		if slices.Contains(deals, deal.ID) && !deal.vanished && !deal.hidden {
			deal.hidden, deal.run = true, m.run
		}
	}
	return m.write()
}

func (m *memory) VanishUnseenChanges(_ context.Context, since uint64) error {
	for _, change := range m.changes {
		deal := m.deals[change.DealID]
		isSeen := deal != nil && deal.isShown() && deal.run >= since
		change.vanished = change.vanished || isSeen && change.run < since
	}
	return m.write()
}

func (d *landedDeal) isShown() bool { return !d.vanished && !d.hidden }

func (m *memory) Places(_ context.Context, deals []extractor.DealID) (map[extractor.DealID]extractor.Deal, error) {
	places := map[extractor.DealID]extractor.Deal{}
	for _, id := range deals {
		if deal := m.deals[id]; deal != nil && deal.StageID != "" {
			places[id] = deal.Deal
		}
	}
	return places, nil
}

func (m *memory) KnownDeals(_ context.Context, after extractor.DealID, limit int) ([]extractor.KnownDeal, error) {
	var known []extractor.KnownDeal
	for _, id := range slices.Sorted(maps.Keys(m.deals)) {
		deal := m.deals[id]
		if id > after && !deal.vanished && len(known) < limit {
			known = append(known, extractor.KnownDeal{ID: id, FunnelID: deal.FunnelID, LandedBy: deal.run, IsHidden: deal.hidden})
		}
	}
	return known, nil
}

// DeletedDeals gives them whatever the days: this landing has no clock.
func (m *memory) DeletedDeals(context.Context, int) ([]extractor.DealID, error) {
	var deleted []extractor.DealID
	for _, id := range slices.Sorted(maps.Keys(m.deals)) {
		if m.deals[id].vanished {
			deleted = append(deleted, id)
		}
	}
	return deleted, nil
}

// histories gives the known changes of each deal by time and id.
func (m *memory) histories() map[extractor.DealID][]extractor.StageChange {
	histories := map[extractor.DealID][]extractor.StageChange{}
	for _, change := range m.changes {
		if !change.vanished {
			histories[change.DealID] = append(histories[change.DealID], change.StageChange)
		}
	}
	for _, history := range histories {
		slices.SortFunc(history, func(a, b extractor.StageChange) int {
			return cmp.Or(a.ChangedAt.Compare(b.ChangedAt), cmp.Compare(a.ID, b.ID))
		})
	}
	return histories
}

func (m *memory) HistoryCounts(_ context.Context, deals []extractor.DealID) (map[extractor.DealID]int, error) {
	counts := map[extractor.DealID]int{}
	for id, history := range m.histories() {
		if slices.Contains(deals, id) {
			counts[id] = len(history)
		}
	}
	return counts, nil
}

// where gives the known deals landed since a run that hold a condition, by id.
func (m *memory) where(since uint64, holds func(extractor.Deal, []extractor.StageChange) bool) []extractor.DealID {
	var ids []extractor.DealID
	histories := m.histories()
	for id, deal := range m.deals {
		if deal.isShown() && deal.run >= since && holds(deal.Deal, histories[id]) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (m *memory) Inconsistent(_ context.Context, since uint64) ([]extractor.DealID, error) {
	return m.where(since, func(deal extractor.Deal, history []extractor.StageChange) bool {
		if len(history) == 0 || deal.IsPlaceUnknown {
			return false
		}
		last := history[len(history)-1]
		return last.StageID != deal.StageID || last.FunnelID != deal.FunnelID
	}), nil
}

func (m *memory) OrphanOwners(_ context.Context, since uint64) ([]extractor.DealID, error) {
	owners := map[extractor.DealID]bool{}
	for _, change := range m.changes {
		deal := m.deals[change.DealID]
		if change.run >= since && !change.vanished && (deal == nil || !deal.isShown() || deal.run < since) {
			owners[change.DealID] = true
		}
	}
	return slices.Sorted(maps.Keys(owners)), nil
}

func (m *memory) MovedFunnel(_ context.Context, since uint64, funnels []extractor.FunnelID) ([]extractor.DealID, error) {
	return m.where(since, func(deal extractor.Deal, history []extractor.StageChange) bool {
		return !slices.Contains(funnels, deal.FunnelID) || len(history) == 0 || history[0].TypeID != 1 ||
			slices.ContainsFunc(history, func(change extractor.StageChange) bool { return change.TypeID == 5 })
	}), nil
}

func (m *memory) ManagerIDs(context.Context) ([]extractor.ManagerID, error) {
	ids := map[extractor.ManagerID]bool{}
	for _, deal := range m.deals {
		ids[deal.ManagerID] = true
	}
	return slices.Sorted(maps.Keys(ids)), nil
}

func (m *memory) LandCompanies(_ context.Context, companies []extractor.Company) error {
	for _, c := range companies {
		m.companies[c.ID] = c.Name
	}
	return m.write()
}

func (m *memory) CompaniesOf(_ context.Context, all bool) ([]extractor.CompanyID, error) {
	ids := map[extractor.CompanyID]bool{}
	for _, deal := range m.deals {
		name, isKnown := m.companies[deal.CompanyID]
		if deal.CompanyID > 0 && (all || !isKnown || name == "" && deal.run == m.run) {
			ids[deal.CompanyID] = true
		}
	}
	return slices.Sorted(maps.Keys(ids)), nil
}

func (m *memory) LandedCompanies(_ context.Context, companies []extractor.CompanyID) (map[extractor.CompanyID]string, error) {
	landed := maps.Clone(m.companies)
	maps.DeleteFunc(landed, func(id extractor.CompanyID, _ string) bool { return !slices.Contains(companies, id) })
	return landed, nil
}

func (s *site) hidden() (n int) {
	for _, deal := range s.landing.deals {
		if deal.hidden && !deal.vanished {
			n++
		}
	}
	return n
}

func (m *memory) watermark() time.Time {
	state, err := m.State(context.Background())
	if err != nil {
		panic(err)
	}
	return state.Watermark
}
