package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/bitrix24"
	"stagelag/calendar"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/nightly"
	"stagelag/plain"
	"stagelag/remedy"
	"stagelag/sql"
	"stagelag/warehouse"
	"stagelag/writeback"
)

func (e *examination) portal(ctx context.Context) {
	host := e.Client.Portal()
	asked := e.Now()
	description, err := extractor.Describe(ctx, e.Client)
	answered := e.Now()
	if err != nil {
		e.find("portal", Problem, fmt.Sprintf("%s: %v", host, err), toReach(err))
		for _, check := range []string{"clock", "rights", "tariff", "names", "plans"} {
			e.find(check, Warning, notAsked, "")
		}
		if calendar.NeedsSettings(e.Config.Calendar) {
			e.find("calendar", Warning, notAsked, "")
		} else {
			e.calendar(nil)
		}
		return
	}
	e.description = &description
	stages := 0
	for _, funnel := range description.Funnels {
		stages += len(funnel.Stages)
	}
	e.find("portal", OK, fmt.Sprintf("%s answers: %s, %s, %s", host,
		count(len(description.Funnels), "funnel"), count(stages, "stage"), count(len(description.Fields), "field")), "")
	for _, warning := range e.Client.Warnings() {
		e.find("portal", Warning, warning, "set portal.url to the new address")
	}
	e.clock(description, asked, answered)
	e.rights(description)
	e.tariff(ctx)
	e.names(ctx, description)
	e.plans(description)
	e.readCalendar(ctx)
}

const notAsked = "not looked at, because the portal could not be asked"

// toReach is what to do about a portal that gave no description. What it answers itself says
// so already.
func toReach(err error) string {
	var refusal *bitrix24.APIError
	var redirect *bitrix24.RedirectError
	switch {
	case errors.As(err, &redirect):
		return "set portal.url"
	case errors.As(err, &refusal):
		return afterRefusal(refusal)
	default:
		return remedy.Of(err)
	}
}

// afterRefusal is what to do about what a portal answered.
func afterRefusal(refusal *bitrix24.APIError) string {
	is := func(code string) bool { return strings.EqualFold(refusal.Code, code) }
	switch {
	case is(bitrix24.CodeOverload):
		return "ask Bitrix24's support to open the portal's REST interface again"
	case is(bitrix24.CodePortalDeleted):
		return "set portal.url to a portal that is there"
	case is(bitrix24.CodeTooManyRequests), is(bitrix24.CodeOperatingLimit):
		return "something else asks this portal much at the moment: look again in ten minutes"
	case refusal.HTTPStatus == http.StatusUnauthorized:
		return "copy the webhook's address from the portal once more, or make another webhook: see Your own portal in README.md"
	case refusal.HTTPStatus == http.StatusForbidden, is(bitrix24.CodeInsufficientScope):
		return "the webhook needs the rights crm and user, and its owner has to be in office: see Your own portal in README.md"
	case refusal.Code == "" && refusal.Description == "":
		return "see that portal.url names the portal, and that it is up"
	default:
		return "look again in a while; if it stays, ask Bitrix24's support about what the portal says"
	}
}

// Clocks may differ by so much without a remark; the answer took a moment itself.
const likeClocks = time.Minute

func (e *examination) clock(d extractor.Description, asked, answered time.Time) {
	// The portal tells whole seconds, of some moment while it was asked.
	ahead := time.Duration(0)
	if d.Clock.Before(asked.Truncate(time.Second)) {
		ahead = d.Clock.Sub(asked)
	} else if d.Clock.After(answered) {
		ahead = d.Clock.Sub(answered)
	}
	today := d.Clock.In(e.Config.Portal.TimeZone)
	text := fmt.Sprintf("the portal's clock says %s", today.Format("2006-01-02 15:04:05 MST"))
	switch {
	case ahead.Abs() < likeClocks:
		e.find("clock", OK, text+", as this machine's does", "")
	case ahead > 0:
		e.find("clock", Warning, fmt.Sprintf("%s, %s ahead of this machine's", text, plain.Duration(ahead)), "set the clocks by NTP; dates are the portal's, and runs start by this machine's")
	default:
		e.find("clock", Warning, fmt.Sprintf("%s, %s behind this machine's", text, plain.Duration(-ahead)), "set the clocks by NTP; dates are the portal's, and runs start by this machine's")
	}
}

func (e *examination) rights(d extractor.Description) {
	if !d.IsAdmin {
		e.find("rights", Warning, "the webhook's owner is no administrator: deals that this user may not read are missing without a sign",
			"make the webhook as an administrator, or give its owner the right to read all deals of all funnels")
	}
	if !d.ShowsPeople() {
		e.find("rights", Warning, "the webhook lacks the scope user: managers stay without names", "tick user in the webhook's settings")
	}
	hasDepartments := d.HasScope("department")
	if d.ShowsPeople() && !hasDepartments {
		e.find("rights", Warning, "the webhook lacks the scope department: departments are shown by their ids", "tick department in the webhook's settings")
	}
	if len(d.Scopes) == 0 {
		e.find("rights", Warning, "the portal does not tell the webhook's scopes", "")
	}
	if d.IsAdmin && len(d.Scopes) > 0 && d.ShowsPeople() && hasDepartments {
		e.find("rights", OK, "an administrator's webhook with the scopes "+strings.Join(d.Scopes, ", "), "")
	}
}

func (e *examination) tariff(ctx context.Context) {
	configured := e.Config.Portal.Limits
	tariff, err := e.Client.Tariff(ctx)
	text := fmt.Sprintf("portal.limits is %s", configured)
	switch {
	case err != nil:
		e.find("tariff", Warning, fmt.Sprintf("the portal's tariff: %v", err), "")
	case tariff.Limits == "":
		e.find("tariff", OK, text+"; the portal does not tell its tariff", "")
	case tariff.Limits == configured:
		e.find("tariff", OK, fmt.Sprintf("%s, as the tariff %s has it", text, plain.Text(tariff.Name, 40)), "")
	case allowance(configured) > allowance(tariff.Limits):
		e.find("tariff", Warning, fmt.Sprintf("%s, and the tariff %s allows less: requests will be refused and made again", text, plain.Text(tariff.Name, 40)),
			fmt.Sprintf("set portal.limits to %s", tariff.Limits))
	default:
		e.find("tariff", OK, fmt.Sprintf("%s; the tariff %s allows more", text, plain.Text(tariff.Name, 40)), fmt.Sprintf("portal.limits: %s would be faster", tariff.Limits))
	}
}

// allowance orders limits by how much they let through.
func allowance(limits bitrix24.Limits) int {
	return slices.Index([]bitrix24.Limits{bitrix24.Standard, bitrix24.Enterprise, bitrix24.Unlimited}, limits)
}

// names holds what is configured against what the portal has.
func (e *examination) names(ctx context.Context, d extractor.Description) {
	known, err := e.knownNames(ctx, d)
	if err != nil {
		e.find("names", Problem, err.Error(), e.remedy(err))
		return
	}
	found := 0
	warnings, wrong := nightly.Check(e.Config, d, known)
	for _, warning := range warnings {
		e.find("names", Warning, plain.Text(warning, 0), "take the name out of the configuration once no visit needs it")
		found++
	}
	for _, err := range []error{
		wrong, writeback.CheckFields(e.Config.WriteBack, d.Description), calendar.CheckFields(e.Config.Pauses, d.Description),
	} {
		wrong, ok := errors.AsType[*config.Error](err)
		if !ok {
			continue
		}
		for _, complaint := range wrong.Complaints {
			e.find("names", Problem, plain.Text(complaint.Text, 0), "correct the name in the configuration, or name another one; no run begins before")
			found++
		}
	}
	if found == 0 {
		e.find("names", OK, "every funnel, stage and field of the configuration is on the portal", "")
	}
}

// knownNames asks the warehouse as well, where there is one.
func (e *examination) knownNames(ctx context.Context, d extractor.Description) (nightly.Names, error) {
	var conn driver.Conn
	if w := e.openWarehouse(ctx); w != nil {
		defer w.Close()
		conn = w.DB()
	}
	return nightly.KnownNames(ctx, e.Config, d, e.Client, conn)
}

// openWarehouse opens a warehouse whose schema is this program's, nil where there is none or it can't be opened:
// what is wrong with it has a check of its own.
func (e *examination) openWarehouse(ctx context.Context) *warehouse.Warehouse {
	w, err := warehouse.Open(ctx, e.readOnly())
	if err != nil {
		return nil
	}
	status, err := sql.ReadStatus(ctx, w)
	if err != nil || status.Version != status.Newest {
		_ = w.Close()
		return nil
	}
	return w
}

// plans says which stages have a plan from where.
func (e *examination) plans(d extractor.Description) {
	var without []string
	byField, byNorm, waiting := 0, 0, 0
	for _, funnel := range d.Funnels {
		if len(e.Config.Funnels) > 0 && !slices.Contains(e.Config.Funnels, funnel.ID) {
			continue
		}
		for _, stage := range funnel.Stages {
			_, hasField := e.Config.Plan.Fields[stage.ID]
			hasNorm := slices.ContainsFunc(e.Config.Plan.Norms, func(n config.Norm) bool { return n.Stage == stage.ID })
			switch {
			case stage.Semantics.IsFinal():
			case slices.Contains(e.Config.Stages.Waiting, stage.ID):
				waiting++
			case hasField:
				byField++
			case hasNorm:
				byNorm++
			default:
				without = append(without, fmt.Sprintf("%s (%s)", plain.Text(string(stage.ID), 40), plain.Text(stage.Name, 40)))
			}
		}
	}
	text := fmt.Sprintf("%s with a plan from the deal's fields, %d from norms alone, %d from nowhere", count(byField, "stage"), byNorm, len(without))
	if waiting > 0 {
		text += fmt.Sprintf("; %s none, because deals wait there", needs(waiting))
	}
	if len(without) == 0 {
		e.find("plans", OK, text, "")
		return
	}
	const most = 10
	more := ""
	if len(without) > most {
		more = fmt.Sprintf(" and %d more", len(without)-most)
	}
	e.find("plans", Warning, fmt.Sprintf("%s: %s%s", text, strings.Join(without[:min(most, len(without))], ", "), more),
		"give these stages a norm in plan.norms, or fields in plan.fields; without a plan nothing there is ever late")
}

func needs(n int) string {
	if n == 1 {
		return "1 needs"
	}
	return fmt.Sprintf("%d need", n)
}
