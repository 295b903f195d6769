package report

// words are the texts of a language. Those with a verb are formats.
type words struct {
	Title           string
	ByTitle         map[By]string // of a level
	ByName          map[By]string // of one row of it
	Period          string
	Running         string // beside a period that is not over
	AsOf            string // date, run, time
	OnlyFunnels     string
	OnlyDepartments string
	AllFunnels      string

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
	Total           string
	OfPlanned       string // on time, with a plan
	OfClosed        string // share, with a plan, closed
	NonePlanned     string // closed
	NoneClosed      string
	OfOpen          string
	OfOpenNoPlan    string
	OfWaiting       string
	FirstPlanRate   string
	ByFirstPlans    string // the same beside an on-time rate
	WithFirstPlan   string
	OnTimeFirstPlan string
	OfFirstPlanned  string // on time, with a first plan
	// The names above and below that stand where working days are counted.
	WorkingDaysLost, WorkingDaysLostToDate, WorkingDaysLostBefore               string
	WorkingDaysForgiven                                                         string
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
	Title:       "Quality report",
	ByTitle:     map[By]string{ByManager: "By manager", ByStage: "By stage", ByFunnel: "By funnel"},
	ByName:      map[By]string{ByManager: "Manager", ByStage: "Stage", ByFunnel: "Funnel"},
	Period:      "Period",
	Running:     "not over yet",
	AsOf:        "As of %s · run %s, published %s",
	OnlyFunnels: "Only funnels", OnlyDepartments: "only departments",
	AllFunnels: "All funnels",

	DaysLost:       "Days lost",
	DaysLostToDate: "Days lost to date",
	DaysLostBefore: "Days lost before",
	Change:         "Change",
	Closed:         "Visits closed",
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
	Total:          "Total",
	OfPlanned:      "%s of %s with a plan",
	OfClosed:       "plan coverage %s: %s of %s closed",
	NonePlanned:    "none of %s closed had a plan",
	NoneClosed:     "nothing was closed",
	OfOpen:         "%s overdue",
	OfOpenNoPlan:   "%s without a plan",
	OfWaiting:      "beside these, waiting: %s",

	FirstPlanRate:   "Rate by first plans",
	ByFirstPlans:    "By first plans",
	WithFirstPlan:   "With a first plan",
	OnTimeFirstPlan: "On time by first plans",
	OfFirstPlanned:  "%s of %s with a first plan",

	WorkingDaysForgiven:   "Lost working days forgiven",
	WorkingDaysLost:       "Working days lost",
	WorkingDaysLostToDate: "Working days lost to date",
	WorkingDaysLostBefore: "Working days lost before",
	WorkingPlanDays:       "Plan, working days",
	WorkingOverdueDays:    "Working days late",
	WorkingLostInPeriod:   "Working days lost in the period",
	WorkingPausedDays:     "Paused, working days",

	Trend:        "Twelve periods",
	TrendNumbers: "The twelve periods in numbers",
	NoData:       "no data",

	Behind:        "The deals behind it",
	BehindNote:    "Visits closed in the period, visits that lost days in it, and what is overdue now; the most days lost first.",
	NothingBehind: "No visit was closed, none lost days, and none is overdue now.",
	More:          "… and %s",
	MoreXLSX:      "… and %s in the XLSX form, sheet Visits",
	Deal:          "Deal",
	DealTitle:     "Title",
	From:          "From",
	To:            "To",
	VisitsSheet:   "Visits",
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
	Visit:         "Visit",
	Link:          "Link",
	Status: map[string]string{
		"on_time": "on time so far", "due_today": "due today", "overdue": "overdue", "finished_on_time": "finished on time",
		"finished_late": "finished late", "no_plan": "no plan", "waiting": "waiting", "final": "final",
	},

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
		"no_plan":               "Visits without a plan",
		"bad_plan":              "The deal carries a value that is no plan",
		"history_reconstructed": "Visits that the history does not tell",
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
		"history_reconstructed": "Such a visit begins at the deal’s last move, or at its creation.",
		"history_starts_late":   "The days before it belong to no visit.",
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
		"A visit is one stay of one deal in one stage; coming back is a new visit. Visits in final stages count nowhere. Visits that wait for somebody else are shown as waiting now, and count nowhere else.",
		"A visit is on time when it ends no later than its planned end. Each day after that is a day lost, counted for whoever was responsible on that day. Days off, where there is a calendar of working days, and paused days are no days of a plan and are not lost.",
		"The on-time rate counts closed visits that had a plan, and is shown with how many those are. Without any there is no rate; below five it is marked as few cases.",
		"The rate by first plans counts the closed visits that were on time by the first plan that they were given, out of those that had one. Moving a plan does not change it. A rate below the on-time rate points to plans that were moved.",
		"Open and overdue now are as of the date above, whatever the period.",
	},
	Page: "Page",
}

var russian = words{
	Title:       "Отчёт о качестве",
	ByTitle:     map[By]string{ByManager: "По менеджерам", ByStage: "По этапам", ByFunnel: "По воронкам"},
	ByName:      map[By]string{ByManager: "Менеджер", ByStage: "Этап", ByFunnel: "Воронка"},
	Period:      "Период",
	Running:     "ещё не закончен",
	AsOf:        "На дату %s · расчёт № %s, опубликован %s",
	OnlyFunnels: "Только воронки", OnlyDepartments: "только отделы",
	AllFunnels: "Все воронки",

	DaysLost:       "Потеряно дней",
	DaysLostToDate: "Потеряно дней за всё время",
	DaysLostBefore: "Потеряно дней ранее",
	Change:         "Изменение",
	Closed:         "Завершено этапов",
	WithPlan:       "С планом",
	OnTime:         "В срок",
	Late:           "Поздно",
	NoPlan:         "Без плана",
	OnTimeRate:     "Доля в срок",
	Coverage:       "Охват планом",
	Few:            "мало данных",
	Open:           "Открыто сейчас",
	OpenOverdue:    "Просрочено сейчас",
	OpenNoPlan:     "Без плана сейчас",
	Waiting:        "Ожидают сейчас",
	Total:          "Всего",
	OfPlanned:      "%s из %s с планом",
	OfClosed:       "охват планом %s: %s из %s завершённых",
	NonePlanned:    "ни у одного из завершённых (%s) не было плана",
	NoneClosed:     "ничего не завершено",
	OfOpen:         "просрочено: %s",
	OfOpenNoPlan:   "без плана: %s",
	OfWaiting:      "кроме них ожидают: %s",

	FirstPlanRate:   "Доля по первым планам",
	ByFirstPlans:    "По первым планам",
	WithFirstPlan:   "С первым планом",
	OnTimeFirstPlan: "В срок по первым планам",
	OfFirstPlanned:  "%s из %s с первым планом",

	WorkingDaysForgiven:   "Прощено рабочих дней",
	WorkingDaysLost:       "Потеряно рабочих дней",
	WorkingDaysLostToDate: "Потеряно рабочих дней за всё время",
	WorkingDaysLostBefore: "Потеряно рабочих дней ранее",
	WorkingPlanDays:       "План, рабочих дней",
	WorkingOverdueDays:    "Рабочих дней просрочки",
	WorkingLostInPeriod:   "Потеряно рабочих дней за период",
	WorkingPausedDays:     "На паузе, рабочих дней",

	Trend:        "Двенадцать периодов",
	TrendNumbers: "Двенадцать периодов в числах",
	NoData:       "нет данных",

	Behind:        "Сделки за этими числами",
	BehindNote:    "Этапы, завершённые за период, этапы, потерявшие в нём дни, и просроченные сейчас; сначала те, где потеряно больше всего дней.",
	NothingBehind: "Ни один этап не завершён, дни не потеряны, просроченных нет.",
	More:          "… и %s",
	MoreXLSX:      "… и %s — в форме XLSX, на листе «Этапы сделок»",
	Deal:          "Сделка",
	DealTitle:     "Название",
	From:          "С",
	To:            "По",
	VisitsSheet:   "Этапы сделок",
	TrendSheet:    "Динамика",
	Stage:         "Этап",
	Funnel:        "Воронка",
	Manager:       "Менеджер",
	Entered:       "Вход",
	PlannedEnd:    "Плановый срок",
	PlanDays:      "План, дней",
	Left:          "Уход",
	StillOpen:     "открыт",
	OverdueDays:   "Дней просрочки",
	PausedDays:    "На паузе, дней",
	Paused:        "на паузе %s",
	LostInPeriod:  "Потеряно за период",
	ClosedHere:    "Завершён за период",
	State:         "Состояние",
	Visit:         "№ этапа",
	Link:          "Ссылка",
	Status: map[string]string{
		"on_time": "пока в срок", "due_today": "срок сегодня", "overdue": "просрочен", "finished_on_time": "завершён в срок",
		"finished_late": "завершён поздно", "no_plan": "без плана", "waiting": "ожидание", "final": "конечный",
	},

	PlansMoved:       "Перенесённые планы",
	PlansMovedNote:   "Планы, которые изменили в сделке; изменение относится к менеджеру того дня, когда его увидел расчёт. Прощённые дни — потерянные дни, которых после изменения больше нет. Сначала те, где прощено больше всего.",
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
		"no_plan":               "Этапы без плана",
		"bad_plan":              "В сделке указано значение, которое не может быть планом",
		"history_reconstructed": "Этапы, которых нет в истории",
		"history_starts_late":   "История начинается позже сделки",
		"unknown_stage":         "Этапы, которых на портале больше нет",
		"unknown_manager":       "Сотрудники, чьё имя неизвестно",
		"time_in_future":        "Время позже часов портала",
		"hidden":                "Сделки, которые вебхук не может прочитать",
		"bad_date":              "Невозможные даты",
		"bad_amount":            "Невозможные суммы",
		"bad_pause":             "Сделки, чью паузу нельзя прочитать",
	},
	ReasonFix: map[string]string{
		"no_plan":               "Они считаются завершёнными или открытыми, но ни «в срок», ни «поздно». Заполните план в сделке или задайте норму этапа.",
		"bad_plan":              "План взят из следующего источника. Исправьте поле в сделке.",
		"history_reconstructed": "Такой этап начинается с последнего перехода сделки или с её создания.",
		"history_starts_late":   "Дни до начала истории не относятся ни к одному этапу.",
		"unknown_stage":         "Этап сохраняет название и норму. Сопоставьте его с действующим в stages.map.",
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
		"Этап — одно пребывание сделки в нём; возврат считается заново. Конечные этапы не учитываются. Этапы ожидания показаны отдельно и больше нигде не учитываются.",
		"Этап завершён в срок, если сделка ушла с него не позже планового срока. Каждый день после срока — потерянный; он относится к тому, кто отвечал за сделку в этот день. Выходные (если задан календарь рабочих дней) и дни на паузе не входят в план и потерянными не бывают.",
		"Доля в срок считается по завершённым этапам с планом и показана вместе с их числом. Без планов доли нет; если их меньше пяти, стоит пометка «мало данных».",
		"Доля по первым планам — сколько завершённых этапов закончено в срок по первому назначенному плану, из тех, у которых он был. Перенос плана её не меняет. Если она ниже доли в срок, это указывает на перенос планов.",
		"«Сейчас» — на дату расчёта, каким бы ни был период.",
	},
	Page: "Страница",
}
