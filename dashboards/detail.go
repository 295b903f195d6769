package dashboards

import "stagelag/warehouse/access"

// A phrase is what the program writes about a gap, as a pattern of its English words, and the same in Russian.
type phrase struct{ pattern, russian string }

// phrases are all details of data_gaps. What the program takes from a deal stands in groups.
var phrases = []phrase{
	{`^the portal shows the deal without a stage; it is taken to be where it was$`, `портал показывает сделку без стадии; считается, что она там же, где была`},
	{`^the portal has no stage (.+) in funnel ([0-9]+); map it to a current one under stages\.map$`, `на портале нет стадии \1 в воронке \2; сопоставьте её с нынешней в stages.map`},
	{`^the stage history does not tell this visit; it begins at the deal's last move, (.+)$`, `в истории стадий этого пребывания нет; оно начинается с последнего перехода сделки, \1`},
	{`^the visit begins at no time that the portal tells, it is counted from (.+) on$`, `портал не говорит, когда началось пребывание; оно считается с \1`},
	{`^the visit begins at (.+), outside (.+) to (.+), it is counted from (.+) on$`, `пребывание начинается \1, вне \2 – \3; оно считается с \4`},
	{`^the stage is entered at (.+), after the portal's clock, (.+); it counts from its date on$`, `вход в стадию \1 — позже часов портала, \2; считается со своей даты`},
	{`^since (.+) the portal does not let the webhook's user read the deal; it is shown as it was last seen$`, `с \1 портал не даёт пользователю вебхука читать сделку; показано, какой её видели в последний раз`},
	{`^the portal shows the amount (.+), which is not a number from (.+) to (.+); the deal is shown without one$`, `портал показывает сумму \1, а это не число от \2 до \3; сделка показана без суммы`},
	{`^the deal was created at no time that the portal tells$`, `портал не говорит, когда создана сделка`},
	{`^the deal was created at (.+), outside (.+) to (.+)$`, `сделка создана \1, вне \2 – \3`},
	{`^the deal was created at (.+), after the portal's clock, (.+)$`, `сделка создана \1 — позже часов портала, \2`},
	{`^the deal was created on (.+), its history begins on (.+); the days before belong to no visit$`, `сделка создана \1, её история начинается \2; дни до этого не входят ни в одну стадию`},
	{`^no field of the deal is configured for the stage; `, `для стадии не настроено поле сделки; `},
	{`^the deal carried no plan while the visit was open; `, `пока стадия шла, плана в сделке не было; `},
	{`^the deal's (.+) and (.+) is empty; `, `в сделке пусты \1 и \2; `},
	{`^the deal's (.+) is empty; `, `в сделке пусто поле \1; `},
	{`no norm is configured for the stage$`, `норма стадии не задана`},
	{`no norm of the stage holds on (.+)$`, `на \1 норма стадии не действует`},
	{`: not a date from ([0-9-]+) to ([0-9-]+)`, `: не дата от \1 до \2`},
	{`: not a number of days`, `: не число дней`},
	{`: a plan can't be negative`, `: план не бывает отрицательным`},
	{`: more than ([0-9-]+) days`, `: больше \1 дней`},
	{`: not a whole number of days`, `: не целое число дней`},
	{`: the planned end is after ([0-9-]+)`, `: плановый срок позже \1`},
	{`the pause ends on ([0-9-]+) \(([A-Za-z0-9_]+)\) and ([A-Za-z0-9_]+) is empty`, `пауза кончается \1 (\2), а \3 пусто`},
	{`the pause ends on ([0-9-]+) \(([A-Za-z0-9_]+)\), before it begins on ([0-9-]+) \(([A-Za-z0-9_]+)\)`, `пауза кончается \1 (\2), раньше чем начинается, \3 (\4)`},
	{`: not yes or no`, `: не да и не нет`},
	{`^nobody is responsible for the deal$`, `у сделки нет ответственного`},
	{`^no name is known of the person #([0-9]+): the portal does not return it, or it was taken out$`, `имя человека #\1 неизвестно: портал его не отдаёт, или оно изъято`},
	// Dates as they are written in Russian, except a value of the portal, which stands in quotes, and moments.
	{`(^|[^"0-9])([0-9]{4})-([0-9]{2})-([0-9]{2})($|[^"0-9T-])`, `\1\4.\3.\2\5`},
}

// detail is the detail of a gap in the language.
func detail(lang Lang) string {
	text := "detail"
	if lang == English {
		return text
	}
	for _, p := range phrases {
		text = "replaceRegexpAll(" + text + ", " + access.Literal(p.pattern) + ", " + access.Literal(p.russian) + ")"
	}
	return text
}
