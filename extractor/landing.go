package extractor

import (
	"context"
	"time"
)

// A Landing keeps what the portal said. Extract is the only writer during a run.
//
// A landing stamps every row that it is given with the run's number. A row "landed since run
// N" is one whose newest version has a number of at least N. What has vanished is kept and
// marked, and comes back when it is landed again. "Known" means landed and not vanished; a known deal
// is hidden when it was marked so and has not been landed since.
// Everything may be called again with the same rows and changes nothing then.
type Landing interface {
	// Run is the number that rows are stamped with. It grows from run to run.
	Run() uint64

	// State is what SaveState saved last, by any run; the zero State before that.
	State(ctx context.Context) (State, error)
	// SaveState returns when what was landed before and the state are both durable.
	SaveState(ctx context.Context, state State) error

	// LandDeals takes up to a few thousand deals; the newest version of a deal wins.
	LandDeals(ctx context.Context, deals []Deal) error
	// LandStageChanges takes up to a few thousand changes; the newest version of a change wins.
	LandStageChanges(ctx context.Context, changes []StageChange) error
	// ReplaceStageChanges takes the whole histories of deals: it lands the changes, and marks
	// every known change of these deals that is not among them as vanished. A deal may have no
	// change at all.
	ReplaceStageChanges(ctx context.Context, deals []DealID, changes []StageChange) error
	// VanishDeals marks the deals and all their changes as vanished. A deal may never have been
	// landed and have changes all the same.
	VanishDeals(ctx context.Context, deals []DealID) error
	// HideDeals marks known deals as hidden. Their changes stay known.
	HideDeals(ctx context.Context, deals []DealID) error
	// VanishUnseenChanges marks every known change that was not landed since the run, of deals that
	// were and are not hidden, as vanished.
	VanishUnseenChanges(ctx context.Context, since uint64) error

	// KnownDeals gives up to limit known deals with ids above after, in the order of their ids.
	KnownDeals(ctx context.Context, after DealID, limit int) ([]KnownDeal, error)
	// DeletedDeals gives the deals that have vanished, in this run or one that began at most so many
	// days before it.
	DeletedDeals(ctx context.Context, days int) ([]DealID, error)
	// Places gives, of the deals, those that were ever landed in a stage, as they were landed last,
	// vanished or not.
	Places(ctx context.Context, deals []DealID) (map[DealID]Deal, error)
	// HistoryCounts counts the known changes of each of the deals; none may be left out.
	HistoryCounts(ctx context.Context, deals []DealID) (map[DealID]int, error)
	// Inconsistent gives the known deals landed since the run whose last known change, by time
	// and id, names another stage or funnel than the deal. A deal without changes is none, nor is a
	// hidden one, or one whose place is unknown.
	Inconsistent(ctx context.Context, since uint64) ([]DealID, error)
	// OrphanOwners gives the deals that own a known change landed since the run, but are not
	// themselves among the known deals landed since the run, or are hidden.
	OrphanOwners(ctx context.Context, since uint64) ([]DealID, error)
	// MovedFunnel gives the known deals landed since the run whose history may lack what
	// happened in other funnels: the deal is in none of the funnels, or one of its known
	// changes has the type 5, or its first one, by time and id, has not the type 1, or it has
	// none.
	MovedFunnel(ctx context.Context, since uint64, funnels []FunnelID) ([]DealID, error)
	// ManagerIDs gives the managers of all known deals, and any others whose names are wanted.
	ManagerIDs(ctx context.Context) ([]ManagerID, error)

	// LandCompanies takes companies whose names are as they were landed, or other; the newest version of one wins.
	LandCompanies(ctx context.Context, companies []Company) error
	// CompaniesOf gives, by id, the companies of the landed deals: all of them, or those that were never landed and
	// those without a name of deals landed in this run.
	CompaniesOf(ctx context.Context, all bool) ([]CompanyID, error)
	// LandedCompanies gives, of the companies, those that were ever landed, with their names.
	LandedCompanies(ctx context.Context, companies []CompanyID) (map[CompanyID]string, error)
}

// A KnownDeal is a deal as the landing has it.
type KnownDeal struct {
	ID       DealID
	FunnelID FunnelID
	LandedBy uint64 // the run that landed or marked it last
	IsHidden bool
}

// State is what one run leaves for the next. A landing saves it as it is; it marshals to JSON.
type State struct {
	// Scope says what was asked for: portal, funnels and fields. What was landed under another
	// scope is read anew.
	Scope string `json:"scope"`
	// Watermark is up to when, by the portal's stamps, all has been landed: the newest change of a deal that the
	// last complete extraction read, and not later than the clock before it. Zero before the first.
	Watermark time.Time `json:"watermark"`
	// LastChange is the last stage change of the configured funnels that was read.
	LastChange ChangeID `json:"last_change"`
	// CompaniesAt is up to when, by the portal's stamps, the names of the landed companies have been read; zero before
	// the first time.
	CompaniesAt time.Time `json:"companies_at,omitzero"`
	// Ahead is how far the portal's clock was ahead of this machine's, where both were held against each other and
	// agreed.
	Ahead *time.Duration `json:"ahead,omitempty"`
	// Full is the full reading that is under way, or died; nil otherwise.
	Full *FullRead `json:"full,omitempty"`
}

// A FullRead is how far a full reading has come, over all the runs that it took.
type FullRead struct {
	SinceRun     uint64    `json:"since_run"`  // the run that began it
	StartedAt    time.Time `json:"started_at"` // by the portal's clock
	DealCursor   DealID    `json:"deal_cursor"`
	DealsDone    bool      `json:"deals_done"`
	ChangeCursor ChangeID  `json:"change_cursor"`
	ChangesDone  bool      `json:"changes_done"`
}
