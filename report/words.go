package report

// words are the texts of a language. Those with a verb are formats.
type words struct {
	Title   string
	ByTitle map[By]string // of a level
	ByName  map[By]string // of one row of it
	// ByDimensionTitle is the heading of the level by a dimension, with its name. ByTitle names the sheet, which cannot have every name.
	ByDimensionTitle string
	Period           string
	Running          string // beside a period that is not over
	AsOf             string // date, run, time
	OnlyFunnels      string
	OnlyDepartments  string
	OnlyManagers     string
	OnlyCompanies    string
	OnlyDeals        string // name of a dimension
	AllFunnels       string
	NoDepartment     string // in the place of its name
	NoCompany        string
	NoValue          string
	Overlapping      string // below the rows of a level
	MoreRows         string // number

	Findings    string
	NoFindings  string
	FindingText map[FindingKind]string

	KnownFrom       string // date, share
	AssumedShare    string // share
	Assumed         string
	ClosedAssumed   string
	DaysLostAssumed string
	OneScale        string
	Unsaid          string // beside what is not compared

	DaysLost        string
	DaysLostToDate  string
	DaysLostBefore  string
	Change          string
	Closed          string
	WithPlan        string
	OnTime          string
	Late            string
	NoPlan          string
	OnTimeRate      string
	Coverage        string
	Few             string
	Open            string
	OpenOverdue     string
	OpenNoPlan      string
	Waiting         string
	AtEnd           string // date, open, overdue
	AtEndShort      string // number
	OpenAtEnd       string
	OverdueAtEnd    string
	NoPlanAtEnd     string
	WaitingAtEnd    string
	Total           string
	OfPlanned       string // on time, with a plan
	OfClosed        string // share, with a plan, closed
	NonePlanned     string // closed
	NoneClosed      string
	OfOpen          string
	OfOpenNoPlan    string
	OfWaiting       string
	FirstPlanRate   string
	Target          string // of a rate
	ByFirstPlans    string // the same beside an on-time rate
	WithFirstPlan   string
	OnTimeFirstPlan string
	OfFirstPlanned  string // on time, with a first plan
	// The names above and below that stand where working days are counted.
	WorkingDaysLost, WorkingDaysLostToDate, WorkingDaysLostBefore               string
	WorkingDaysForgiven, WorkingDaysLostAssumed                                 string
	WorkingPlanDays, WorkingOverdueDays, WorkingLostInPeriod, WorkingPausedDays string

	Trend        string
	TrendNumbers string
	NoData       string

	Behind        string
	BehindNote    string
	NothingBehind string
	More          string // number, not shown
	MoreXLSX      string
	Deal          string
	DealTitle     string
	From          string
	To            string
	VisitsSheet   string
	TrendSheet    string
	Stage         string
	Funnel        string
	Manager       string
	Entered       string
	PlannedEnd    string
	PlanDays      string
	Left          string
	StillOpen     string
	OverdueDays   string
	PausedDays    string
	Paused        string // so many days
	LostInPeriod  string
	ClosedHere    string
	State         string
	Visit         string
	Link          string
	Status        map[string]string

	Department string

	Amounts       string
	AmountsNote   string
	Currency      string
	NoCurrency    string
	OverdueDeals  string
	OverdueAmount string
	OpenDeals     string
	OpenAmount    string
	NoAmount      string
	OfNoAmount    string // number

	StageTimes        string
	StageTimesNote    string
	Median            string
	P85               string
	MedianPlan        string
	MedianElapsed     string
	P85Elapsed        string
	Over              string
	NoStageTimes      string
	WorkingMedian     string
	WorkingP85        string
	WorkingMedianPlan string

	Cells        string
	CellsNote    string
	CellsUnknown string // date
	MoreCells    string

	Ahead           string
	AheadNote       string // date
	Within          string // days
	Coming          string
	LikelyLate      string
	ExpectedLate    string
	Unknown         string
	NothingAhead    string
	LikelyDeals     string
	NoLikelyDeals   string
	LateProbability string
	ExpectedEnd     string
	LikelyEnd       string
	Amount          string
	MoreDealsXLSX   string
	Record          string
	RecordNote      string
	RecordBetter    string // forecasts, days off, days off of the naive one
	RecordNotBetter string
	RecordUnknown   string // forecasts
	Bin             string
	Forecasts       string
	Foreseen        string
	CameLate        string

	PlansMoved       string
	PlansMovedNote   string
	NothingMoved     string
	MoreChangesXLSX  string
	PlanChanges      string
	DaysMoved        string
	DaysForgiven     string
	KnownOn          string
	PlannedEndBefore string
	PlannedEndAfter  string
	WithoutPlan      string
	OtherChanges     string
	CauseText        map[string]string

	Gaps       string
	GapsNote   string
	GapsNone   string
	Reason     string
	Cases      string
	Deals      string
	InPeriod   string
	Detail     string
	ReasonText map[string]string
	ReasonFix  map[string]string

	Summary  string
	Notes    string
	NoteList []string
	Page     string
}

var english = words{
	Title:            "Quality report",
	ByTitle:          map[By]string{ByManager: "By manager", ByStage: "By stage", ByFunnel: "By funnel", ByDepartment: "By department", ByCompany: "By company", ByDimension: "By field"},
	ByName:           map[By]string{ByManager: "Manager", ByStage: "Stage", ByFunnel: "Funnel", ByDepartment: "Department", ByCompany: "Company"},
	ByDimensionTitle: "By %s",
	Period:           "Period",
	Running:          "not over yet",
	AsOf:             "As of %s · run %s, published %s",
	OnlyFunnels:      "Only funnels", OnlyDepartments: "only departments",
	OnlyManagers: "only managers", OnlyCompanies: "only companies", OnlyDeals: "only %s",
	AllFunnels: "All funnels", NoDepartment: "No department known", NoCompany: "No company", NoValue: "No value",
	Overlapping: "A deal with several values counts in the row of each, so that the rows do not add up to the total.",
	MoreRows:    "… and %s more in the XLSX, CSV and JSON forms",

	Findings:   "Findings",
	NoFindings: "There is too little data for findings.",
	FindingText: map[FindingKind]string{
		NoPlans:     "No open stage has a plan, and none that was closed had one: without plans nothing can be late.",
		LowCoverage: "Only %s of %s closed stages had a plan: whether the others were late is not known.",
		LostMore:    "Lost days rose: %s in the period before, %s in this one.",
		LostLess:    "Lost days fell: %s in the period before, %s in this one.",
		WorstStage:  "Most days were lost in “%s”: %s of %s, in %s.",
		OverPlan:    "85%% of the deals left “%s” within %s, where the plan is %s.",
		MoreOverdue: "Overdue at the end of the period: %s, at its beginning: %s.",
		PlansPutOff: "By first plans the on-time rate would be %s, by the current ones it is %s: plans have been moved.",
		ComingLate:  "Of %s whose planned end comes within %s, %s will probably be late.",
	},

	KnownFrom:       "Managers are known from %s. %s of the days lost and stages closed in this period are assumed: they count for whoever was responsible when they were computed. People are not compared by them.",
	AssumedShare:    "assumed: %s",
	Assumed:         "Assumed",
	ClosedAssumed:   "Closed, assumed",
	DaysLostAssumed: "Days lost, assumed",
	OneScale:        "one scale",
	Unsaid:          "assumed",

	DaysLost:       "Days lost",
	DaysLostToDate: "Days lost to date",
	DaysLostBefore: "Days lost before",
	Change:         "Change",
	Closed:         "Stages closed",
	WithPlan:       "With a plan",
	OnTime:         "On time",
	Late:           "Late",
	NoPlan:         "No plan",
	OnTimeRate:     "On-time rate",
	Coverage:       "Plan coverage",
	Few:            "few cases",
	Open:           "Open now",
	OpenOverdue:    "Overdue now",
	OpenNoPlan:     "No plan now",
	Waiting:        "Waiting now",
	AtEnd:          "at the end of %s: %s open, %s overdue",
	AtEndShort:     "at the end: %s",
	OpenAtEnd:      "Open at the end",
	OverdueAtEnd:   "Overdue at the end",
	NoPlanAtEnd:    "No plan at the end",
	WaitingAtEnd:   "Waiting at the end",
	Total:          "Total",
	OfPlanned:      "%s of %s with a plan",
	OfClosed:       "plan coverage %s: %s of %s closed",
	NonePlanned:    "none of %s closed had a plan",
	NoneClosed:     "nothing was closed",
	OfOpen:         "%s overdue",
	OfOpenNoPlan:   "%s without a plan",
	OfWaiting:      "beside these, waiting: %s",

	FirstPlanRate:   "Rate by first plans",
	Target:          "target",
	ByFirstPlans:    "By first plans",
	WithFirstPlan:   "With a first plan",
	OnTimeFirstPlan: "On time by first plans",
	OfFirstPlanned:  "%s of %s with a first plan",

	WorkingDaysForgiven:    "Lost working days forgiven",
	WorkingDaysLostAssumed: "Working days lost, assumed",
	WorkingDaysLost:        "Working days lost",
	WorkingDaysLostToDate:  "Working days lost to date",
	WorkingDaysLostBefore:  "Working days lost before",
	WorkingPlanDays:        "Plan, working days",
	WorkingOverdueDays:     "Working days late",
	WorkingLostInPeriod:    "Working days lost in the period",
	WorkingPausedDays:      "Paused, working days",

	Trend:        "Twelve periods",
	TrendNumbers: "The twelve periods in numbers",
	NoData:       "no data",

	Behind:        "The deals behind it",
	BehindNote:    "Stages closed in the period, stages that lost days in it, and what is overdue now; the most days lost first.",
	NothingBehind: "No stage was closed, none lost days, and none is overdue now.",
	More:          "… and %s",
	MoreXLSX:      "… and %s in the XLSX form, sheet Stages of deals",
	Deal:          "Deal",
	DealTitle:     "Title",
	From:          "From",
	To:            "To",
	VisitsSheet:   "Stages of deals",
	TrendSheet:    "Trend",
	Stage:         "Stage",
	Funnel:        "Funnel",
	Manager:       "Manager",
	Entered:       "Entered",
	PlannedEnd:    "Planned end",
	PlanDays:      "Plan, days",
	Left:          "Left",
	StillOpen:     "open",
	OverdueDays:   "Days late",
	PausedDays:    "Paused, days",
	Paused:        "paused %s",
	LostInPeriod:  "Lost in the period",
	ClosedHere:    "Closed in the period",
	State:         "State",
	Visit:         "No. of the stage",
	Link:          "Link",
	Status: map[string]string{
		"on_time": "on time so far", "due_today": "due today", "overdue": "overdue", "finished_on_time": "finished on time",
		"finished_late": "finished late", "no_plan": "no plan", "waiting": "waiting", "final": "final",
	},

	Department: "Department",

	Amounts:       "Money in overdue deals",
	AmountsNote:   "As of the run, by currency. Deals that wait for somebody else are left out.",
	Currency:      "Currency",
	NoCurrency:    "no currency",
	OverdueDeals:  "Overdue deals",
	OverdueAmount: "Amount overdue",
	OpenDeals:     "Open deals",
	OpenAmount:    "Amount open",
	NoAmount:      "Overdue without an amount",
	OfNoAmount:    "without an amount: %s",

	StageTimes:        "Time in stage",
	StageTimesNote:    "How long the stages lasted that were closed in the period, in days that count: what half and what 85% of them kept within, beside the median of their plans. Marked is where 85% take longer than the plan.",
	Median:            "Median, days",
	P85:               "85% within, days",
	MedianPlan:        "Plan (median), days",
	MedianElapsed:     "Median, calendar days",
	P85Elapsed:        "85% within, calendar days",
	Over:              "85% exceeds the plan",
	NoStageTimes:      "No stage was closed in the period.",
	WorkingMedian:     "Median, working days",
	WorkingP85:        "85% within, working days",
	WorkingMedianPlan: "Plan (median), working days",

	Cells:        "Managers × stages",
	CellsNote:    "What was lost in the period, and how many of the closed stages with a plan were on time. A dashed frame marks fewer than five. The stages with the most days lost first; all are in the XLSX and JSON forms.",
	CellsUnknown: "Managers are known from %s. The whole period is before, so they are not compared stage by stage.",
	MoreCells:    "… and %s in the XLSX form, sheet Managers × stages",

	Ahead:           "Ahead",
	AheadNote:       "As of %s, whatever the period: deals that are on time, and whose stage reaches its planned end soon. Probably late is a deal with a probability of at least 50%%.",
	Within:          "Within %s",
	Coming:          "Planned end comes",
	LikelyLate:      "Probably late",
	ExpectedLate:    "Late deals expected",
	Unknown:         "Without a forecast",
	NothingAhead:    "No planned end comes within 30 days.",
	LikelyDeals:     "Probably late",
	NoLikelyDeals:   "No deal that is on time now will probably be late within 30 days.",
	LateProbability: "Probability",
	ExpectedEnd:     "Expected end",
	LikelyEnd:       "Likely end",
	Amount:          "Amount",
	MoreDealsXLSX:   "… and %s more in the XLSX form, sheet Ahead",
	Record:          "How good the forecasts have been",
	RecordNote:      "Forecasts of the Mondays of the last 182 days that have come due, in all of the funnels above.",
	RecordBetter:    "Of %s forecasts, the expected end was off by %s in the median, the median of the stage by %s: the forecasts have been better.",
	RecordNotBetter: "Of %s forecasts, the expected end was off by %s in the median, the median of the stage by %s: the forecasts have been no better.",
	RecordUnknown:   "Forecasts that have come due: %s. That is too few to tell how good they are.",
	Bin:             "Probability foreseen",
	Forecasts:       "Forecasts",
	Foreseen:        "Foreseen on average",
	CameLate:        "Came late",

	PlansMoved:       "Plans that were moved",
	PlansMovedNote:   "Plans that somebody changed in a deal, by the manager of the day on which a run saw the change. Days forgiven are lost days that the change took back. The most days forgiven first.",
	NothingMoved:     "No plan was changed in a deal in the period.",
	MoreChangesXLSX:  "… and %s in the XLSX form, sheet Plans that were moved",
	PlanChanges:      "Plan changes",
	DaysMoved:        "Moved, calendar days",
	DaysForgiven:     "Lost days forgiven",
	KnownOn:          "Known on",
	PlannedEndBefore: "Planned end before",
	PlannedEndAfter:  "Planned end after",
	WithoutPlan:      "no plan",
	OtherChanges:     "Changes by other causes, not in these numbers",
	CauseText: map[string]string{
		"norm": "norms and other configuration", "entry": "corrected history", "calendar": "calendars",
	},

	Gaps:     "Not covered",
	GapsNote: "What the numbers above can't tell, and why. The deals are listed in the XLSX and JSON forms and in the view data_gaps.",
	GapsNone: "Everything is covered.",
	Reason:   "Reason",
	Cases:    "Cases",
	Deals:    "Deals",
	InPeriod: "In the period",
	Detail:   "Detail",
	ReasonText: map[string]string{
		"no_plan":               "Stages without a plan",
		"bad_plan":              "The deal carries a value that is no plan",
		"history_reconstructed": "Stays that the history does not tell",
		"history_starts_late":   "Histories that start later than the deal",
		"unknown_stage":         "Stages that the portal no longer has",
		"unknown_manager":       "People whose name is not known",
		"time_in_future":        "Times after the portal’s own clock",
		"hidden":                "Deals that the webhook may not read",
		"bad_date":              "Dates that nobody can mean",
		"bad_amount":            "Amounts that are no numbers, or too large",
		"bad_pause":             "Deals whose pause cannot be read",
	},
	ReasonFix: map[string]string{
		"no_plan":               "They count as closed or open, never as late or on time. Fill the plan in the deal, or set a norm for the stage.",
		"bad_plan":              "The next source of a plan was asked. Mend the field in the deal.",
		"history_reconstructed": "Such a stay begins at the deal’s last move, or at its creation.",
		"history_starts_late":   "The days before it belong to no stage.",
		"unknown_stage":         "It keeps its name and its norm. Map it to a current stage in stages.map.",
		"unknown_manager":       "They are shown as #ID. Give the webhook the right to read users, and the person a name.",
		"time_in_future":        "They count from their date on.",
		"hidden":                "They are shown as they were last seen, and count on. Give the webhook’s user the right to read all deals.",
		"bad_date":              "A date before 1970 counts as 1970-01-01.",
		"bad_amount":            "They are shown without an amount, and count as all others. Mend the amount in the deal.",
		"bad_pause":             "Its days count. Mend the fields of the pause in the deal.",
	},

	Summary: "Summary",
	Notes:   "How to read it",
	NoteList: []string{
		"Stages are counted by stays of deals in them: coming back is a new stay. Final stages count nowhere. What waits for somebody else is shown as waiting, and counts nowhere else.",
		"A stage is on time when the deal leaves it no later than its planned end. Each day after that is a day lost. It counts for whoever was responsible on that day, from the date on which managers are known; a day before that, and one that was computed later, counts for whoever was responsible when it was computed, and is assumed. Days off, where there is a calendar of working days, and paused days are no days of a plan and are not lost.",
		"The on-time rate counts closed stages that had a plan, and is shown with how many those are. Without any there is no rate; below five it is marked as few cases.",
		"The rate by first plans counts the closed stages that were on time by the first plan that they were given, out of those that had one. Moving a plan does not change it. A rate below the on-time rate points to plans that were moved.",
		"Now is as of the date above, whatever the period. What was open at the end of the period is shown beside it, as it is known now.",
		"People are not compared with a period before where more than 5% of either is assumed. The small bars of all rows have one scale, and none for a period that is assumed.",
	},
	Page: "Page",
}

var russian = words{
	Title:            "Отчёт о качестве",
	ByTitle:          map[By]string{ByManager: "По ответственным", ByStage: "По стадиям", ByFunnel: "По воронкам", ByDepartment: "По отделам", ByCompany: "По компаниям", ByDimension: "По полю"},
	ByName:           map[By]string{ByManager: "Ответственный", ByStage: "Стадия", ByFunnel: "Воронка", ByDepartment: "Отдел", ByCompany: "Компания"},
	ByDimensionTitle: "По полю «%s»",
	Period:           "Период",
	Running:          "ещё не закончен",
	AsOf:             "Данные на %s · расчёт № %s, опубликован %s",
	OnlyFunnels:      "Только воронки", OnlyDepartments: "только отделы",
	OnlyManagers: "только ответственные", OnlyCompanies: "только компании", OnlyDeals: "только %s",
	AllFunnels: "Все воронки", NoDepartment: "Отдел неизвестен",
	NoCompany: "Без компании", NoValue: "Без значения",
	Overlapping: "Сделка с несколькими значениями входит в строку каждого из них, поэтому сумма строк не равна итогу.",
	MoreRows:    "… и ещё %s — в формах XLSX, CSV и JSON",

	Findings:   "Выводы",
	NoFindings: "Данных для выводов слишком мало.",
	FindingText: map[FindingKind]string{
		NoPlans:     "Ни у одной открытой и ни у одной завершённой стадии нет плана: без планов ничто не может опоздать.",
		LowCoverage: "План был только у %s из %s завершённых стадий: об опоздании остальных ничего не известно.",
		LostMore:    "Потери выросли: %s за предыдущий период, %s за этот.",
		LostLess:    "Потери снизились: %s за предыдущий период, %s за этот.",
		WorstStage:  "Больше всего дней потеряно на стадии «%[1]s»: %[2]s (%[4]s), а всего потеряно %[3]s.",
		OverPlan:    "85 %% сделок покидают стадию «%s» за %s, а по плану — %s.",
		MoreOverdue: "В конце периода просрочено: %s, в начале — %s.",
		PlansPutOff: "По первым планам доля в срок была бы %s, по нынешним она %s: планы переносили.",
		ComingLate:  "Срок в ближайшие %[2]s: %[1]s; из них скорее опоздают: %[3]s.",
	},

	KnownFrom:       "Ответственные известны с %s. Из потерянных дней и завершённых стадий этого периода приписано %s: они засчитаны тем, кто отвечал за сделки в день расчёта. Людей по ним не сравнивают.",
	AssumedShare:    "приписано: %s",
	Assumed:         "Приписано",
	ClosedAssumed:   "Завершено, приписано",
	DaysLostAssumed: "Потеряно дней, приписано",
	OneScale:        "в одном масштабе",
	Unsaid:          "приписано",

	DaysLost:       "Потеряно дней",
	DaysLostToDate: "Потеряно дней за всё время",
	DaysLostBefore: "Потеряно дней ранее",
	Change:         "Изменение",
	Closed:         "Завершено стадий",
	WithPlan:       "С планом",
	OnTime:         "В срок",
	Late:           "С опозданием",
	NoPlan:         "Без плана",
	OnTimeRate:     "Доля в срок",
	Coverage:       "Доля с планом",
	Few:            "мало данных",
	Open:           "Открыто сейчас",
	OpenOverdue:    "Просрочено сейчас",
	OpenNoPlan:     "Без плана сейчас",
	Waiting:        "Ожидают сейчас",
	AtEnd:          "на конец дня %s: открыто %s, просрочено %s",
	AtEndShort:     "в конце: %s",
	OpenAtEnd:      "Открыто в конце",
	OverdueAtEnd:   "Просрочено в конце",
	NoPlanAtEnd:    "Без плана в конце",
	WaitingAtEnd:   "Ожидали в конце",
	Total:          "Всего",
	OfPlanned:      "%s из %s с планом",
	OfClosed:       "доля с планом %s: %s из %s завершённых",
	NonePlanned:    "ни у одной из завершённых (%s) не было плана",
	NoneClosed:     "ничего не завершено",
	OfOpen:         "просрочено: %s",
	OfOpenNoPlan:   "без плана: %s",
	OfWaiting:      "кроме них ожидают: %s",

	FirstPlanRate:   "Доля по первым планам",
	Target:          "цель",
	ByFirstPlans:    "По первым планам",
	WithFirstPlan:   "С первым планом",
	OnTimeFirstPlan: "В срок по первым планам",
	OfFirstPlanned:  "%s из %s с первым планом",

	WorkingDaysForgiven:    "Прощено рабочих дней",
	WorkingDaysLostAssumed: "Потеряно рабочих дней, приписано",
	WorkingDaysLost:        "Потеряно рабочих дней",
	WorkingDaysLostToDate:  "Потеряно рабочих дней за всё время",
	WorkingDaysLostBefore:  "Потеряно рабочих дней ранее",
	WorkingPlanDays:        "План, рабочих дней",
	WorkingOverdueDays:     "Рабочих дней просрочки",
	WorkingLostInPeriod:    "Потеряно рабочих дней за период",
	WorkingPausedDays:      "На паузе, рабочих дней",

	Trend:        "Двенадцать периодов",
	TrendNumbers: "Двенадцать периодов в числах",
	NoData:       "нет данных",

	Behind:        "Сделки за этими числами",
	BehindNote:    "Стадии, завершённые за период, стадии, потерявшие в нём дни, и просроченные сейчас; сначала те, где потеряно больше всего дней.",
	NothingBehind: "Ни одна стадия не завершена, дни не потеряны, просроченных нет.",
	More:          "… и %s",
	MoreXLSX:      "… и %s — в форме XLSX, на листе «Стадии сделок»",
	Deal:          "Сделка",
	DealTitle:     "Название",
	From:          "С",
	To:            "По",
	VisitsSheet:   "Стадии сделок",
	TrendSheet:    "Динамика",
	Stage:         "Стадия",
	Funnel:        "Воронка",
	Manager:       "Ответственный",
	Entered:       "Вход",
	PlannedEnd:    "Плановый срок",
	PlanDays:      "План, дней",
	Left:          "Выход",
	StillOpen:     "открыта",
	OverdueDays:   "Дней просрочки",
	PausedDays:    "На паузе, дней",
	Paused:        "на паузе %s",
	LostInPeriod:  "Потеряно за период",
	ClosedHere:    "Завершена за период",
	State:         "Состояние",
	Visit:         "№ стадии",
	Link:          "Ссылка",
	Status: map[string]string{
		"on_time": "пока в срок", "due_today": "срок сегодня", "overdue": "просрочена", "finished_on_time": "завершена в срок",
		"finished_late": "завершена с опозданием", "no_plan": "без плана", "waiting": "ожидание", "final": "конечная",
	},

	Department: "Отдел",

	Amounts:       "Деньги в просроченных сделках",
	AmountsNote:   "На дату расчёта, по валютам. Сделки в ожидании не учтены.",
	Currency:      "Валюта",
	NoCurrency:    "без валюты",
	OverdueDeals:  "Просрочено сделок",
	OverdueAmount: "Сумма просроченных",
	OpenDeals:     "Открыто сделок",
	OpenAmount:    "Сумма открытых",
	NoAmount:      "Просрочено без суммы",
	OfNoAmount:    "без суммы: %s",

	StageTimes:        "Время в стадии",
	StageTimesNote:    "Сколько длились стадии, завершённые за период, в днях, которые идут в счёт: во сколько уложилась половина и во сколько 85 %, и медиана их планов. Отмечено, где 85 % дольше плана.",
	Median:            "Медиана, дней",
	P85:               "85 % до, дней",
	MedianPlan:        "План (медиана), дней",
	MedianElapsed:     "Медиана, календарных дней",
	P85Elapsed:        "85 % до, календарных дней",
	Over:              "85 % дольше плана",
	NoStageTimes:      "За период не завершена ни одна стадия.",
	WorkingMedian:     "Медиана, рабочих дней",
	WorkingP85:        "85 % до, рабочих дней",
	WorkingMedianPlan: "План (медиана), рабочих дней",

	Cells:        "Ответственные × стадии",
	CellsNote:    "Потери за период и сколько завершённых стадий с планом закончено в срок. Пунктирная рамка — меньше пяти. Сначала стадии, где потеряно больше всего; все — в формах XLSX и JSON.",
	CellsUnknown: "Ответственные известны с %s. Весь период раньше, поэтому по стадиям их не сравнивают.",
	MoreCells:    "… и %s — в форме XLSX, на листе «Ответственные × стадии»",

	Ahead:           "Впереди",
	AheadNote:       "На %s, каким бы ни был период: сделки, которые сейчас в срок и плановый срок которых скоро истекает. «Скорее опоздают» — с вероятностью не меньше 50 %%.",
	Within:          "В ближайшие %s",
	Coming:          "Срок истекает",
	LikelyLate:      "Скорее опоздают",
	ExpectedLate:    "Ожидается опозданий",
	Unknown:         "Без прогноза",
	NothingAhead:    "В ближайшие 30 дней сроки не истекают.",
	LikelyDeals:     "Скорее опоздают",
	NoLikelyDeals:   "Нет сделок, которые сейчас в срок и в ближайшие 30 дней скорее опоздают.",
	LateProbability: "Вероятность",
	ExpectedEnd:     "Ожидаемый конец",
	LikelyEnd:       "Вероятный конец",
	Amount:          "Сумма",
	MoreDealsXLSX:   "… и ещё %s — в форме XLSX, на листе «Впереди»",
	Record:          "Насколько верны были прогнозы",
	RecordNote:      "Прогнозы по понедельникам последних 182 дней, сроки которых прошли, по всем воронкам выше.",
	RecordBetter:    "Прогнозов %s: ожидаемый конец ошибался в медиане на %s, медиана стадии — на %s. Прогноз лучше.",
	RecordNotBetter: "Прогнозов %s: ожидаемый конец ошибался в медиане на %s, медиана стадии — на %s. Прогноз не лучше.",
	RecordUnknown:   "Прогнозов, которые можно проверить: %s. Судить о них рано.",
	Bin:             "Обещанная вероятность",
	Forecasts:       "Прогнозов",
	Foreseen:        "Обещано в среднем",
	CameLate:        "Опоздало",

	PlansMoved:       "Перенесённые планы",
	PlansMovedNote:   "Планы, которые изменили в сделке; изменение относится к ответственному того дня, когда его увидел расчёт. Прощённые дни — потерянные дни, которых после изменения больше нет. Сначала те, где прощено больше всего.",
	NothingMoved:     "За период ни в одной сделке план не менялся.",
	MoreChangesXLSX:  "… и %s — в форме XLSX, на листе «Перенесённые планы»",
	PlanChanges:      "Изменений плана",
	DaysMoved:        "Сдвиг, календарных дней",
	DaysForgiven:     "Прощено дней",
	KnownOn:          "Стало известно",
	PlannedEndBefore: "Плановый срок до",
	PlannedEndAfter:  "Плановый срок после",
	WithoutPlan:      "без плана",
	OtherChanges:     "Изменения по другим причинам, в эти числа не входят",
	CauseText: map[string]string{
		"norm": "нормы и другие настройки", "entry": "исправленная история", "calendar": "календари",
	},

	Gaps:     "Что не охвачено",
	GapsNote: "О чём числа выше не говорят и почему. Список сделок — в формах XLSX и JSON и в представлении data_gaps.",
	GapsNone: "Охвачено всё.",
	Reason:   "Причина",
	Cases:    "Случаев",
	Deals:    "Сделок",
	InPeriod: "В периоде",
	Detail:   "Подробности",
	ReasonText: map[string]string{
		"no_plan":               "Стадии без плана",
		"bad_plan":              "В сделке указано значение, которое не может быть планом",
		"history_reconstructed": "Стадии, которых нет в истории",
		"history_starts_late":   "История начинается позже сделки",
		"unknown_stage":         "Стадии, которых на портале больше нет",
		"unknown_manager":       "Сотрудники, чьё имя неизвестно",
		"time_in_future":        "Время позже часов портала",
		"hidden":                "Сделки, которые вебхук не может прочитать",
		"bad_date":              "Невозможные даты",
		"bad_amount":            "Невозможные суммы",
		"bad_pause":             "Сделки, чью паузу нельзя прочитать",
	},
	ReasonFix: map[string]string{
		"no_plan":               "Они считаются завершёнными или открытыми, но ни «в срок», ни «с опозданием». Заполните план в сделке или задайте норму стадии.",
		"bad_plan":              "План взят из следующего источника. Исправьте поле в сделке.",
		"history_reconstructed": "Такая стадия начинается с последнего перехода сделки или с её создания.",
		"history_starts_late":   "Дни до начала истории не относятся ни к одной стадии.",
		"unknown_stage":         "Стадия сохраняет название и норму. Сопоставьте её с действующей в stages.map.",
		"unknown_manager":       "Они показаны как #ID. Дайте вебхуку право читать сотрудников, а сотруднику — имя.",
		"time_in_future":        "Учитываются с их даты.",
		"hidden":                "Показаны такими, какими были видны в последний раз, дни идут дальше. Дайте пользователю вебхука право читать все сделки.",
		"bad_date":              "Дата раньше 1970 года считается как 01.01.1970.",
		"bad_amount":            "Показаны без суммы и учитываются, как все. Исправьте сумму в сделке.",
		"bad_pause":             "Дни такой паузы считаются. Исправьте поля паузы в сделке.",
	},

	Summary: "Сводка",
	Notes:   "Как читать",
	NoteList: []string{
		"Стадии считаются по пребываниям сделок в них: возврат считается заново. Конечные стадии не учитываются. Стадии ожидания показаны отдельно и больше нигде не учитываются.",
		"Стадия завершена в срок, если сделка вышла из неё не позже планового срока. Каждый день после срока — потерянный. Он засчитан тому, кто отвечал за сделку в этот день, — с даты, с которой ответственные известны; более ранний день и день, рассчитанный позже, засчитан тому, кто отвечал в день расчёта: он приписан. Выходные (если задан календарь рабочих дней) и дни на паузе не входят в план и потерянными не бывают.",
		"Доля в срок считается по завершённым стадиям с планом и показана вместе с их числом. Без планов доли нет; если их меньше пяти, стоит пометка «мало данных».",
		"Доля по первым планам — сколько завершённых стадий закончено в срок по первому назначенному плану, из тех, у которых он был. Перенос плана её не меняет. Если она ниже доли в срок, это указывает на перенос планов.",
		"«Сейчас» — на дату расчёта, каким бы ни был период. Рядом показано, что было открыто в конце периода, как это известно теперь.",
		"Людей не сравнивают с предыдущим периодом, если в одном из двух приписано больше 5 %. Столбики всех строк — в одном масштабе; за период, где ответственные приписаны, столбика нет.",
	},
	Page: "Страница",
}
