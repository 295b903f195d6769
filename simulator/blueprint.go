package simulator

// What a generated portal looks like: its funnels, custom fields, people and words, in
// each language.

// A Language is that of a generated world's titles, stages and people.
type Language string

// The languages that the generator speaks.
const (
	English Language = "en"
	Russian Language = "ru"
)

// words is one text in both languages.
type words struct{ en, ru string }

func (w words) in(l Language) string {
	if l == Russian {
		return w.ru
	}
	return w.en
}

// A funnelPlan is a funnel with how deals pass through it.
type funnelPlan struct {
	id     FunnelID
	name   words
	share  int // of the deals, in percent
	stages []stagePlan
	won    StageID
	lost   StageID
}

type stagePlan struct {
	id        StageID
	name      words
	semantics Semantics
	days      float64 // the median of a stay
	planned   int     // days that people give it; 0: none
	daysField string
	dateField string
	hasNorm   bool
}

const (
	docs      StageID = "C5:DOCS"
	oldDocs   StageID = "C5:OLD_DOCS"  // deleted: docs took its place
	oldSurvey StageID = "C5:UC_7Q2KXM" // deleted, with nothing in its place
)

// Each funnel of a portal begins with the same stages, and some keep their names: so do New of Sales and New of Service.
var funnelPlans = []funnelPlan{
	{
		id: 0, name: words{"Sales", "Продажи"}, share: 35, won: "WON", lost: "LOSE",
		stages: []stagePlan{
			{id: "NEW", name: words{"New", "Новая"}, days: 2, planned: 3, hasNorm: true},
			{id: "PREPARATION", name: words{"Offer", "Подготовка предложения"}, days: 7, planned: 11, daysField: "UF_CRM_OFFER_DAYS"},
			{id: "PREPAYMENT_INVOICE", name: words{"Prepayment invoice", "Счёт на предоплату"}, days: 8, planned: 13, hasNorm: true},
			{id: "EXECUTING", name: words{"In progress", "В работе"}, days: 20, planned: 34, dateField: "UF_CRM_DELIVERY_DUE", hasNorm: true},
			{id: "FINAL_INVOICE", name: words{"Final invoice", "Финальный счёт"}, days: 5},
			{id: "WON", name: words{"Deal won", "Сделка успешна"}, semantics: Success},
			{id: "LOSE", name: words{"Deal lost", "Сделка провалена"}, semantics: Failure},
			{id: "APOLOGY", name: words{"Analysis of failure", "Анализ причины провала"}, semantics: Failure},
		},
	},
	{
		id: 5, name: words{"Projects", "Проекты"}, share: 45, won: "C5:WON", lost: "C5:LOSE",
		stages: []stagePlan{
			{id: "C5:NEW", name: words{"Request", "Заявка"}, days: 3, planned: 5, hasNorm: true},
			{id: docs, name: words{"Documents", "Сбор документов"}, days: 9, planned: 15, daysField: "UF_CRM_DOCS_DAYS", dateField: "UF_CRM_DOCS_DUE", hasNorm: true},
			{id: "C5:DESIGN", name: words{"Design", "Проектирование"}, days: 14, planned: 24, daysField: "UF_CRM_DESIGN_DAYS", hasNorm: true},
			{id: "C5:APPROVAL", name: words{"Approval", "Согласование"}, days: 10, planned: 17, daysField: "UF_CRM_APPROVAL_DAYS", hasNorm: true},
			{id: "C5:BUILD", name: words{"Construction", "Строительство"}, days: 25, planned: 42, daysField: "UF_CRM_BUILD_DAYS", dateField: "UF_CRM_BUILD_DUE"},
			{id: "C5:HANDOVER", name: words{"Handover", "Сдача объекта"}, days: 6, planned: 10, hasNorm: true},
			{id: "C5:WON", name: words{"Project closed", "Проект завершён"}, semantics: Success},
			{id: "C5:LOSE", name: words{"Project lost", "Отказ"}, semantics: Failure},
		},
	},
	{
		id: 12, name: words{"Service", "Сервис"}, share: 20, won: "C12:WON", lost: "C12:LOSE",
		stages: []stagePlan{
			{id: "C12:NEW", name: words{"New", "Новая"}, days: 1, planned: 2, hasNorm: true},
			{id: "C12:PREPARATION", name: words{"Diagnosis", "Диагностика"}, days: 4, planned: 7, hasNorm: true},
			// A standard stage whose id the portal has cut to 21 characters.
			{id: "C12:PREPAYMENT_INVOIC", name: words{"Waiting for parts", "Ожидание запчастей"}, days: 10},
			{id: "C12:EXECUTING", name: words{"Repair", "Ремонт"}, days: 8, planned: 14, daysField: "UF_CRM_REPAIR_DAYS", hasNorm: true},
			{id: "C12:WON", name: words{"Solved", "Решено"}, semantics: Success},
			{id: "C12:LOSE", name: words{"Refused", "Отказ клиента"}, semantics: Failure},
		},
	},
}

// deletedStages were in funnel 5 once.
var deletedStages = []struct {
	id   StageID
	name words
}{
	{oldDocs, words{"Papers", "Бумаги"}},
	{oldSurvey, words{"Survey", "Замер"}},
}

// customFields of the generated portal. One keeps days as text, which lets people write
// anything into it.
var customFields = []struct {
	name, kind string
	label      words
	options    []words // of a list
}{
	{"UF_CRM_OFFER_DAYS", "integer", words{"Offer: planned days", "Предложение: план, дней"}, nil},
	{"UF_CRM_DELIVERY_DUE", "date", words{"Delivery: planned end", "Поставка: плановая дата"}, nil},
	{"UF_CRM_DOCS_DAYS", "integer", words{"Documents: planned days", "Документы: план, дней"}, nil},
	{"UF_CRM_DOCS_DUE", "date", words{"Documents: planned end", "Документы: плановая дата"}, nil},
	{"UF_CRM_DESIGN_DAYS", "double", words{"Design: planned days", "Проектирование: план, дней"}, nil},
	{"UF_CRM_APPROVAL_DAYS", "string", words{"Approval: planned days", "Согласование: план, дней"}, nil},
	{"UF_CRM_BUILD_DAYS", "integer", words{"Construction: planned days", "Строительство: план, дней"}, nil},
	{"UF_CRM_BUILD_DUE", "date", words{"Construction: planned end", "Строительство: плановая дата"}, nil},
	{"UF_CRM_REPAIR_DAYS", "integer", words{"Repair: planned days", "Ремонт: план, дней"}, nil},
	{waitingField, "boolean", words{"Waiting for the client", "Ждём клиента"}, nil},
	{holdFromField, "date", words{"On hold from", "На паузе с"}, nil},
	{holdUntilField, "date", words{"On hold until", "На паузе до"}, nil},
	{regionField, "enumeration", words{"Region", "Регион"}, []words{{"North", "Север"}, {"South", "Юг"}, {"East", "Восток"}, {"West", "Запад"}}},
	{contractField, "date", words{"Contract of", "Договор от"}, nil},
}

// The fields that deals are grouped by. The first option of the list has the id 41.
const (
	regionField   = "UF_CRM_REGION"
	contractField = "UF_CRM_CONTRACT_DATE"
	firstOption   = 41
)

// The companies with a fate of their own.
const (
	deletedCompany CompanyID = 12
	renamedCompany CompanyID = 3
)

// The fields that pause a deal.
const (
	waitingField   = "UF_CRM_WAITING"
	holdFromField  = "UF_CRM_HOLD_FROM"
	holdUntilField = "UF_CRM_HOLD_UNTIL"
)

// The people: the webhook's owner, managers, two who were dismissed, and one whom the
// portal never shows.
const (
	firstManager  UserID = 2
	lastManager   UserID = 11
	firedLongAgo  UserID = 10
	firedInMonth  UserID = 11
	hiddenManager UserID = 12
	// One is in two departments, one changes hers in the month.
	inTwoDepartments UserID = 4
	movedInMonth     UserID = 6
)

var people = []struct{ name, lastName words }{
	{words{"Webhook", "Сервисный"}, words{"Account", "Пользователь"}},
	{words{"Anna", "Анна"}, words{"Lindqvist", "Смирнова"}},
	{words{"Boris", "Борис"}, words{"Novak", "Кузнецов"}},
	{words{"Clara", "Вера"}, words{"Hughes", "Соколова"}},
	{words{"Daniel", "Даниил"}, words{"Moreau", "Лебедев"}},
	{words{"Elena", "Елена"}, words{"Rossi", "Морозова"}},
	{words{"Frank", "Фёдор"}, words{"Keller", "Волков"}},
	{words{"Grace", "Галина"}, words{"O'Neill", "Павлова"}},
	{words{"Boris", "Борис"}, words{"Novak", "Кузнецов"}}, // two people of one name
	{words{"Irene", "Ирина"}, words{"Costa", "Голубева"}},
	{words{"Jonas", "Кирилл"}, words{"Weber", "Виноградов"}},
	{words{"Portal", "Интегратор"}, words{"Integrator", "Портала"}},
}

var departmentNames = []words{
	{"Northwind Build", "СеверСтрой"}, {"Sales", "Отдел продаж"}, {"Projects", "Проектный отдел"}, {"Service", "Сервисная служба"},
}

// managementChat is the chat that leadership has.
var managementChat = words{"Management", "Руководство"}

var subjects = []words{
	{"House", "Дом"}, {"Roof", "Кровля"}, {"Warehouse", "Склад"}, {"Office fit-out", "Отделка офиса"},
	{"Boiler room", "Котельная"}, {"Facade", "Фасад"}, {"Workshop", "Цех"}, {"Bathhouse", "Баня"},
	{"Extension", "Пристройка"}, {"Greenhouse", "Теплица"}, {"Hangar", "Ангар"}, {"Kitchen", "Кухня"},
}

var clients = []words{
	{"Hillside Ltd", "ООО «Вектор»"}, {"Larch & Sons", "ИП Ларин"}, {"Blue Harbour", "АО «Гавань»"},
	{"the Petersons", "семья Петровых"}, {"Orchard Farm", "КФХ «Сад»"}, {"Quarry Lane", "ООО «Карьер»"},
	{"Maple Street", "ул. Кленовая"}, {"Riverside", "пос. Заречный"}, {"Stone Bridge", "ООО «Мост»"},
	{"Windmill Inn", "гостиница «Мельница»"}, {"Fox Hollow", "дер. Лисицыно"}, {"Old Town School", "школа № 14"},
	{"Bright Lab", "ООО «Светлаб»"}, {"Greenfield", "СНТ «Луч»"}, {"Cedar Park", "ЖК «Кедр»"},
}
