// Package config reads what a person may set: a YAML file, over it the environment, under
// both the defaults. Every complaint about them is collected, so that one restart mends
// them all.
package config

import (
	"slices"
	"strings"
	"time"

	"stagelag/bitrix24"
	"stagelag/extractor"
	"stagelag/warehouse/access"
)

// A Config is what the commands work with, checked as a whole. Each field's comment ends
// with its key and its default.
type Config struct {
	Portal    Portal    `key:"portal"`
	Plan      Plan      `key:"plan"`
	Stages    Stages    `key:"stages"`
	Visits    Visits    `key:"visits"`
	Calendar  Calendar  `key:"calendar"`
	Pauses    Pauses    `key:"pauses"`
	Warehouse Warehouse `key:"warehouse"`
	Schedule  Schedule  `key:"schedule"`
	WriteBack WriteBack `key:"write_back"`
	Letter    Letter    `key:"letter"`
	Targets   Targets   `key:"targets"`

	// Dimensions are fields of the deal by which people want to group, under names of their own.
	// dimensions, none unless set.
	Dimensions map[DimensionName]FieldName `key:"dimensions"`

	// Funnels are the funnels whose deals are read; none means all of them.
	// funnels, all unless set.
	Funnels []extractor.FunnelID `key:"funnels"`

	// Warnings are remarks that stop nothing, each a sentence for the log.
	Warnings []string
}

// Portal is the account that deals are read from.
type Portal struct {
	// URL is the inbound webhook that every request goes through.
	// portal.url, needed by every command that reads the portal.
	URL bitrix24.Webhook `key:"url"`
	// TimeZone is the zone of all dates. It has no default: a day of the wrong zone
	// would look like a right one.
	// portal.time_zone, needed by every command that reads the portal.
	TimeZone *time.Location `key:"time_zone"`
	// Limits names the request limits that the portal's tariff sets.
	// portal.limits, standard unless set.
	Limits bitrix24.Limits `key:"limits"`
	// CheckClock is whether a run is refused where the portal's clock disagrees with the machine's by more than an
	// hour.
	// portal.check_clock, true unless set, and false for a loopback address.
	CheckClock bool `key:"check_clock"`
}

// Plan tells how many days a stage is given.
type Plan struct {
	// Fields names the fields of the deal that carry the plan of a stage.
	// plan.fields, none unless set.
	Fields map[extractor.StageID]PlanFields `key:"fields"`
	// Norms are the plans of stages where the deal carries none, in the order of the
	// configuration. No two have the same stage and From.
	// plan.norms, none unless set.
	Norms []Norm `key:"norms"`
}

// PlanFields names the fields of the deal that carry the plan of one stage. At least one
// of them is set.
type PlanFields struct {
	Days FieldName `key:"days"` // a number of days
	Date FieldName `key:"date"` // the planned end
}

// A FieldName is the name of a field of the deal, in upper case: UF_CRM_DOCS_DAYS.
type FieldName string

// A Norm is the plan of a stage for visits entered on From or later, until the next norm
// of the stage.
type Norm struct {
	Stage extractor.StageID `key:"stage"`
	Days  int32             `key:"days"`
	From  time.Time         `key:"from"` // midnight UTC of the date; zero: before every other norm
}

// Stages tells what has become of stages.
type Stages struct {
	// Map gives for a stage that no longer exists the one that it counts as. What it
	// names is never itself mapped.
	// stages.map, empty unless set.
	Map map[extractor.StageID]extractor.StageID `key:"map"`
	// Waiting are the stages in which a deal waits for somebody else, such as the client:
	// they have no plan, and nothing in them is late.
	// stages.waiting, none unless set.
	Waiting []extractor.StageID `key:"waiting"`
}

// Visits tells what is a visit.
type Visits struct {
	// Shortest is how long a visit lasts at least: what was left sooner is a slip.
	// visits.shortest, 0s unless set.
	Shortest Least `key:"shortest"`
}

// Least is the least length of something, possibly zero.
type Least time.Duration

// Calendar tells which days count. Under CalendarDays nothing but Kind is set.
type Calendar struct {
	// Kind names the days that are counted.
	// calendar.kind, calendar unless set.
	Kind CalendarKind `key:"kind"`
	// Weekend are the weekly days off under WorkingDays, in their order; possibly none.
	// calendar.weekend, sat and sun with working unless set.
	Weekend []time.Weekday `key:"weekend"`
	// Lists are the lists of days off and of moved working days. A later one outweighs an
	// earlier one, day by day.
	// calendar.lists, none unless set.
	Lists []List `key:"lists"`
	// Off are dates that don't count, whatever the lists say; midnight UTC.
	// calendar.off, none unless set.
	Off []time.Time `key:"off"`
	// Work are dates that count, whatever the lists say; midnight UTC.
	// calendar.work, none unless set.
	Work []time.Time `key:"work"`
	// Funnels are the calendars of the funnels that have one of their own.
	// calendar.funnels, none unless set.
	Funnels map[extractor.FunnelID]FunnelCalendar `key:"funnels"`

	// Place is where the configuration sets the calendar, file:line or a variable, for a
	// complaint about it as a whole; empty where it does not.
	Place string
}

// FunnelCalendar is the whole calendar of one funnel, see Calendar.
type FunnelCalendar struct {
	Kind    CalendarKind   `key:"kind"`
	Weekend []time.Weekday `key:"weekend"`
	Lists   []List         `key:"lists"`
	Off     []time.Time    `key:"off"`
	Work    []time.Time    `key:"work"`
	Place   string
}

// Default is the calendar of the funnels that have none of their own.
func (c Calendar) Default() FunnelCalendar {
	return FunnelCalendar{Kind: c.Kind, Weekend: c.Weekend, Lists: c.Lists, Off: c.Off, Work: c.Work, Place: c.Place}
}

// HasList is whether any of the calendars has a list of that name.
func (c Calendar) HasList(name string) bool {
	isIt := func(l List) bool { return l.Name == name }
	for _, funnel := range c.Funnels {
		if slices.ContainsFunc(funnel.Lists, isIt) {
			return true
		}
	}
	return slices.ContainsFunc(c.Lists, isIt)
}

// CalendarKind names the days that a plan and an overrun are counted in.
type CalendarKind string

// The kinds of calendars.
const (
	CalendarDays CalendarKind = "calendar" // every day
	WorkingDays  CalendarKind = "working"
)

// A List is a list of days as the configuration names it.
type List struct {
	// Name is that of a list that comes with the program, PortalList, or else the path of a
	// file: a relative one of the configuration has its folder before it.
	Name string
	// Place is where the configuration names it, file:line or a variable.
	Place string
}

// PortalList is the list that the portal's own calendar settings make.
const PortalList = "portal"

// IsFile is whether the list is in a file.
func (l List) IsFile() bool { return strings.ContainsAny(l.Name, `./\`) }

// Pauses names the fields of the deal that say when it is paused.
type Pauses struct {
	// Flag is a yes/no field: a day on which the portal shows it set is paused.
	// pauses.flag, none unless set.
	Flag FieldName `key:"flag"`
	// From is a date field, the first day of a pause.
	// pauses.from, none unless set.
	From FieldName `key:"from"`
	// Until is a date field, the last day of that pause; empty in a deal that is paused until
	// further notice.
	// pauses.until, none unless set.
	Until FieldName `key:"until"`
}

// A Path is the path of a file or a folder. Load makes a relative one absolute: it starts from the
// folder of the configuration, wherever the command runs, also where a variable sets it.
type Path string

// Warehouse is where the facts lie.
type Warehouse struct {
	// URL is a ClickHouse server, or embedded for the engine that stagelag itself runs.
	// warehouse.url, embedded unless set.
	URL WarehouseURL `key:"url"`
	// Database is the one that people see, with views and nothing else in it. Each portal has
	// another one, with readers of its own. The tables are in the database of this name with
	// _internal behind it.
	// warehouse.database, the name in warehouse.url unless set, and stagelag where that has none.
	Database string `key:"database"`
	// Cluster is the name of the cluster, in the server's configuration, over which the
	// warehouse is spread.
	// warehouse.cluster, none unless set: the server alone.
	Cluster string `key:"cluster"`
	// AnalystURL is the same server for the read-only user that queries run as. The
	// embedded warehouse has one of its own.
	// warehouse.analyst_url, the user of warehouse.url held to reading unless set.
	AnalystURL WarehouseURL `key:"analyst_url"`
	// CAFile holds, as PEM, the certificates of the authorities that may have signed the
	// server's.
	// warehouse.ca_file, the system's authorities unless set.
	CAFile Path `key:"ca_file"`
	// CertificateFile holds, as PEM, the certificate that the program shows to a server
	// that asks its clients for one.
	// warehouse.certificate_file, none unless set.
	CertificateFile Path `key:"certificate_file"`
	// KeyFile holds the private key of that certificate, for nobody else to read.
	// warehouse.key_file, none unless set.
	KeyFile Path `key:"key_file"`
	// Path is the folder of the embedded warehouse.
	// warehouse.path, data/warehouse unless set.
	Path Path `key:"path"`
	// Listen is where the embedded warehouse answers.
	Listen WarehouseListen `key:"listen"`
	// KeepLanding is for how many days what was read of deals and stage changes is kept after
	// something newer was read in its place. The newest is kept always.
	// warehouse.keep_landing, 90 unless set.
	KeepLanding int32 `key:"keep_landing"`
}

// WarehouseListen is where the embedded warehouse answers, on this machine alone. With port 0 the system chooses
// the port at each start.
type WarehouseListen struct {
	// Native is for clickhouse-client and Grafana.
	// warehouse.listen.native, 127.0.0.1:0 unless set.
	Native LoopbackAddress `key:"native"`
	// HTTP is for DBeaver, scripts and the page /play.
	// warehouse.listen.http, 127.0.0.1:0 unless set.
	HTTP LoopbackAddress `key:"http"`
}

// IsFixed is whether readers find the warehouse at a port that stays.
func (l WarehouseListen) IsFixed() bool { return !l.Native.isAny() || !l.HTTP.isAny() }

// A LoopbackAddress is HOST:PORT of this machine.
type LoopbackAddress string

func (a LoopbackAddress) isAny() bool { return strings.HasSuffix(string(a), ":0") }

// Schedule is when the nightly pass runs.
type Schedule struct {
	// Cron is when a run starts: five cron fields, in the portal's time zone.
	// schedule.cron, "30 2 * * *" unless set.
	Cron string `key:"cron"`
	// Listen is where the schedule tells how it is doing, HOST:PORT; empty: nowhere.
	// schedule.listen, 127.0.0.1:9469 unless set.
	Listen ListenAddress `key:"listen"`
	// MaxAge is how old what is published may be before the schedule says that it is not
	// ready, and doctor that there is a problem.
	// schedule.max_age, 26h unless set.
	MaxAge time.Duration `key:"max_age"`
}

// A ListenAddress is HOST:PORT, or empty for none.
type ListenAddress string

// WriteBack names the custom fields of the deal that get what the views show of it. A key
// that is not set writes nothing, and with none set nothing is ever written.
type WriteBack struct {
	// Language is that of the text in the field State.
	// write_back.language, en unless set.
	Language Language `key:"language"`
	// State gets the state of the current stage as a text: on time, 3 days late.
	// write_back.state, none unless set.
	State FieldName `key:"state"`
	// DaysLate gets how many days the open visit is late.
	// write_back.days_late, none unless set.
	DaysLate FieldName `key:"days_late"`
	// DaysLeft gets how many days the open visit has left.
	// write_back.days_left, none unless set.
	DaysLeft FieldName `key:"days_left"`
	// PlannedEnd gets the last day on which the open visit is on time.
	// write_back.planned_end, none unless set.
	PlannedEnd FieldName `key:"planned_end"`
	// DaysLost gets the overdue days of all visits of the deal.
	// write_back.days_lost, none unless set.
	DaysLost FieldName `key:"days_lost"`
	// ExpectedEnd gets the date on which the open visit will probably end.
	// write_back.expected_end, none unless set.
	ExpectedEnd FieldName `key:"expected_end"`
	// LateProbability gets how likely the open visit is to be late, in full tens of percent.
	// write_back.late_probability, none unless set.
	LateProbability FieldName `key:"late_probability"`
}

// IsOn is whether anything is written back.
func (w WriteBack) IsOn() bool {
	return w.State != "" || w.DaysLate != "" || w.DaysLeft != "" || w.PlannedEnd != "" || w.DaysLost != "" ||
		w.ExpectedEnd != "" || w.LateProbability != ""
}

// Letter says who gets the morning letter. With nothing set, nothing is ever sent.
type Letter struct {
	// Chat is where leadership gets the summary: a chat of the portal.
	// letter.chat, none unless set.
	Chat DialogID `key:"chat"`
	// Managers is whether each manager gets the list of their own overdue and due deals, in the
	// portal's messenger.
	// letter.managers, false unless set.
	Managers bool       `key:"managers"`
	Mail     LetterMail `key:"mail"`
	// Language is that of the letters. Empty where it is not set: then they are in the portal's language.
	// letter.language, the portal's language unless set, and en where that is not known.
	Language Language `key:"language"`
}

// LetterMail is how leadership gets the summary by mail. To, From and URL are set together.
type LetterMail struct {
	// To are those who get it, each in a message of its own.
	// letter.mail.to, nobody unless set.
	To []MailAddress `key:"to"`
	// From is the sender.
	// letter.mail.from, needed with letter.mail.to.
	From MailAddress `key:"from"`
	// URL is the server that takes the mail, with user and password.
	// letter.mail.url, needed with letter.mail.to.
	URL MailURL `key:"url"`
}

// IsOn is whether anybody gets a letter.
func (l Letter) IsOn() bool { return l.Chat != "" || l.Managers || len(l.Mail.To) > 0 }

// NeedsPortal is whether a letter goes through the portal's messenger.
func (l Letter) NeedsPortal() bool { return l.Chat != "" || l.Managers }

// A DialogID is a dialog of the portal's messenger: chat42, sg7 for the chat of a group, or the number of a user.
type DialogID string

// A MailAddress is an address without a name, boss@example.com, in small letters behind the @.
type MailAddress string

// Targets are what on-time rate and coverage should be, nil where nobody has said so.
type Targets struct {
	// OnTimeRate is the share of the closed visits with a plan that should be on time, above 0 and up to 1.
	// targets.on_time_rate, none unless set.
	OnTimeRate *Share `key:"on_time_rate"`
	// Coverage is the share of the closed visits that should have a plan, above 0 and up to 1.
	// targets.coverage, none unless set.
	Coverage *Share `key:"coverage"`
}

// Language is one that people are written to in.
type Language string

// The languages that there are texts in.
const (
	English Language = "en"
	Russian Language = "ru"
)

// Default is the configuration of somebody who has set nothing.
func Default() Config {
	return Config{
		Portal:    Portal{Limits: bitrix24.Standard},
		Calendar:  Calendar{Kind: CalendarDays},
		Warehouse: Warehouse{URL: Embedded(), Database: access.Default, Path: "data/warehouse", Listen: WarehouseListen{"127.0.0.1:0", "127.0.0.1:0"}, KeepLanding: 90},
		Schedule:  Schedule{Cron: "30 2 * * *", Listen: "127.0.0.1:9469", MaxAge: 26 * time.Hour},
		WriteBack: WriteBack{Language: English},
	}
}
