package simulator

import (
	"fmt"
	"time"
)

// Options is how a portal is set up. With nothing but a clock it is a self-hosted portal
// without limits.
type Options struct {
	// Now is the portal's clock. It is required.
	Now    func() time.Time
	Limits Limits
	// Zone is the server's zone, in which all times are written; nil: UTC+3.
	Zone *time.Location
	// Secret is the webhook's password; empty: "secret".
	Secret string
	// UserID is the person whose webhook it is; 0: 1.
	UserID UserID
	// Scopes are the rights of the webhook; nil: crm, user, department.
	Scopes []string
	Quirks Quirks
	// Costs is the operating time that a call takes, by method, in place of the usual one.
	Costs map[string]time.Duration
	// Delivered is called with each message that was sent, while the world is locked; nil: nobody.
	Delivered func(Message)
	// OperatingLimit is the operating time that a method may take in ten minutes; 0: 480 s
	// where there are limits at all.
	OperatingLimit time.Duration
}

// Limits are the tariff's.
type Limits uint8

// The limits that portals have.
const (
	NoLimits   Limits = iota // self-hosted
	Standard                 // a burst of 50 requests, then 2 a second
	Enterprise               // a burst of 250, then 5 a second
)

// ParseLimits reads standard, enterprise or none.
func ParseLimits(name string) (Limits, error) {
	switch name {
	case "standard":
		return Standard, nil
	case "enterprise":
		return Enterprise, nil
	case "none":
		return NoLimits, nil
	default:
		return 0, fmt.Errorf("limits %q are not standard, enterprise or none", name)
	}
}

// bucket is how many requests the counter bears, and how many it loses each second.
func (l Limits) bucket() (burst, drain int) {
	if l == Enterprise {
		return 250, 5
	}
	return 50, 2
}

// Quirks are the ways in which portals differ from each other and from their
// documentation. The zero value is the documented portal.
type Quirks struct {
	// Transport.
	RequiresHTTPS        bool // plain http is answered with INVALID_REQUEST
	IsUnpaid             bool // the plan has no REST: ACCESS_DENIED
	RefusesMalformedJSON bool // else a broken body is a body without parameters

	// The time member of answers.
	HidesOperating        bool // neither operating nor its reset time
	HidesOperatingReset   bool
	WritesIntegerTimes    bool
	BatchAccounting       BatchAccounting
	UnresolvedReferences  UnresolvedReferences
	CountsUncountedAsZero bool // total 0 with start=-1 for controller methods too, which else have none

	// Lists.
	TakesAnyStart              bool // start is not rounded down to a page
	PagesStatuses              bool // crm.status.list answers 50 at most
	IgnoresISOFilters          bool // conditions with a time such as 2026-01-02T03:04:05+03:00
	LosesFieldsByOriginalNames bool // an explicit select with useOriginalUfNames: items without system fields, some empty

	// Values.
	WritesHistoryAsText bool          // ids and numbers of the stage history in quotes
	HidesListItems      bool          // the elements of lists are not among what fields are described with
	MixesEmpties        bool          // "", false and "0" where null and [] are expected
	CreatedSkew         time.Duration // added to every createdTime

	// Stage history.
	HidesFormerFunnels         bool // only rows of the deal's present funnel are returned
	DropsUnknownHistoryFilters bool // and knows no LIKE
	History                    HistoryModes

	// Rights.
	IsNotAdmin   bool // the webhook's owner
	HidesAppInfo bool // app.info wants an application
}

// BatchAccounting is whose operating time the commands of a batch take.
type BatchAccounting uint8

// The ways of accounting that have been seen.
const (
	PerMethod    BatchAccounting = iota // each command counts for its own method
	PerBatch                            // all count for the method batch, and all show its sum
	ShownByFirst                        // as PerMethod, but only the first command shows a figure
)

// UnresolvedReferences is what becomes of a $result[…] that leads nowhere.
type UnresolvedReferences uint8

// The treatments that have been seen.
const (
	KeptAsText       UnresolvedReferences = iota
	DeepestContainer                      // the innermost array that the path reached
	Dropped                               // the parameter vanishes
)

func (o Options) withDefaults() Options {
	if o.Zone == nil {
		o.Zone = defaultZone
	}
	if o.Secret == "" {
		o.Secret = "secret"
	}
	if o.UserID == 0 {
		o.UserID = 1
	}
	if o.Scopes == nil {
		o.Scopes = []string{"crm", "user", "department"}
	}
	if o.OperatingLimit == 0 {
		o.OperatingLimit = 480 * time.Second
	}
	return o
}

var defaultZone = time.FixedZone("", 3*60*60)
