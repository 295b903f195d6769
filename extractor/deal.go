package extractor

import (
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"stagelag/bitrix24"
)

// DealID, ChangeID, FunnelID and ManagerID are the portal's own numbers; StageID is its
// opaque text. They are types of their own so that they cannot be swapped.
type (
	DealID    uint64
	ChangeID  uint64
	FunnelID  uint32
	ManagerID uint64
	StageID   string
	// CompanyID and DepartmentID are 0 for none.
	CompanyID    uint64
	DepartmentID uint64
)

// Semantics is what a stage means: work goes on, or the deal ended well or badly.
type Semantics uint8

// The semantics that the portal knows, under the names that the views show.
const (
	Process Semantics = iota
	Success
	Failure
)

// String is the name in the views: process, success or failure.
func (s Semantics) String() string {
	switch s {
	case Success:
		return "success"
	case Failure:
		return "failure"
	default:
		return "process"
	}
}

// semantics reads P, S and F; anything else is ok=false.
func semantics(value bitrix24.Text) (Semantics, bool) {
	switch strings.ToUpper(string(value)) {
	case "P":
		return Process, true
	case "S":
		return Success, true
	case "F":
		return Failure, true
	}
	return Process, false
}

// IsFinal is whether a deal that enters such a stage is closed by it.
func (s Semantics) IsFinal() bool { return s != Process }

// MostAmount is the largest amount that is one: what the warehouse's Decimal(18, 2) can hold.
var MostAmount = decimal.New(1e18-1, -2)

// A Deal is a deal as the portal showed it when it was read.
type Deal struct {
	ID        DealID
	Title     string
	FunnelID  FunnelID
	StageID   StageID
	Semantics Semantics
	// IsPlaceUnknown is whether the portal showed the deal without a stage; StageID is the one before, empty if there was none.
	IsPlaceUnknown bool
	ManagerID      ManagerID       // 0: nobody
	Amount         decimal.Decimal // in Currency; two places, at most MostAmount either way
	// BadAmount is what the portal showed in place of an amount, empty if it showed one; then Amount is 0 and means nothing.
	BadAmount string
	Currency  string
	CompanyID CompanyID
	CreatedAt time.Time // UTC; zero where the portal gave none
	MovedAt   time.Time // UTC; the last change of stage, zero where the portal gave none
	UpdatedAt time.Time // UTC; zero where the portal gave none
	// IsRecurring marks a template from which deals are made; it is not a deal itself.
	IsRecurring bool
	// Fields holds the custom fields that were asked for and are not empty, by their
	// upper-case name, as bitrix24.Fields gives them.
	Fields map[string]string
}

// A StageChange is one row of the stage history: the deal entered the stage.
type StageChange struct {
	ID        ChangeID
	DealID    DealID
	ChangedAt time.Time // UTC; zero where the portal gave none that can be read
	FunnelID  FunnelID
	StageID   StageID
	Semantics Semantics // of the stage when it was entered
	TypeID    uint8     // 1 created, 2 moved, 3 moved to a final stage, 5 changed funnel
}

// A Funnel is a deal pipeline with its stages in the portal's order.
type Funnel struct {
	ID     FunnelID
	Name   string
	Stages []Stage
}

// A Stage is a step of a funnel as the portal has it, or last had it.
type Stage struct {
	ID        StageID
	FunnelID  FunnelID
	Name      string
	Semantics Semantics
	Sort      int32
	IsGone    bool // the portal has it no more
}

// A Manager is a person who is responsible for deals, dismissed ones included.
type Manager struct {
	ID       ManagerID
	Name     string // first and last name
	IsActive bool
	// DepartmentID is the first by id of those that the person is in; 0 for none, or where the webhook may not see it.
	DepartmentID DepartmentID
}

// A Department is a part of the company that the portal belongs to.
type Department struct {
	ID   DepartmentID
	Name string // no two have the same
}

// A Company is one that deals are made with.
type Company struct {
	ID   CompanyID
	Name string // empty where the portal does not show the company
}
