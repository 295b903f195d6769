package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/plain"
	"stagelag/setup"
	"stagelag/whatif"
)

// portalVariable is where the webhook's address is expected.
const portalVariable = "STAGELAG_PORTAL_URL"

// initFlags say how a configuration is made.
type initFlags struct {
	portal   string
	zone     string
	keepsURL bool
	isDry    bool
}

func newInit(a *app) *cobra.Command {
	var flags initFlags
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Propose a configuration for a portal, or add what is new to one that is there",
		Long: `Asks the portal for its funnels, stages and fields, matches stages with the fields that carry
their plans by their names, and writes a configuration with comments. Where the portal has up to 50,000
stage changes it reads them, and proposes norms from how long visits lasted. Called again, it adds stages
that have a field by now, and leaves everything else as it is, to the letter.

The webhook's address is a password. It is taken from STAGELAG_PORTAL_URL, from a configuration that
is there, or asked for; the file refers to that variable, unless --keep-address has it written down.
With --portal everybody on this machine can see it in the list of processes.`,
		Example: `  STAGELAG_PORTAL_URL=https://example.bitrix24.ru/rest/1/secret/ stagelag init
  stagelag init --keep-address < address.txt
  stagelag init --dry-run`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.init(cmd, flags) },
	}
	set := cmd.Flags()
	set.StringVar(&flags.portal, "portal", "", "the webhook's `address`")
	set.StringVar(&flags.zone, "time-zone", "", "the `zone` of all dates, such as Europe/Moscow (default that of the portal, as far as it tells)")
	set.BoolVar(&flags.keepsURL, "keep-address", false, "write the webhook's address into the file, which nobody else may read then")
	set.BoolVar(&flags.isDry, "dry-run", false, "print what would be written, and write nothing")
	return cmd
}

func (a *app) init(cmd *cobra.Command, flags initFlags) error {
	text, err := os.ReadFile(a.configPath)
	isThere := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &config.Error{Complaints: []config.Complaint{{Place: a.configPath, Text: err.Error()}}}
	}
	if isThere && (flags.zone != "" || flags.keepsURL) {
		return usagef("init: %s is there, and what it says of the portal is left alone; set it there, without --time-zone and --keep-address", a.configPath)
	}
	// Without NeedPortal: the address may come from elsewhere.
	cfg, err := config.Load(a.configPath, false, a.environ)
	if err != nil {
		return a.answered(cmd.Context(), err)
	}
	webhook, address, err := a.address(flags, cfg)
	if err != nil {
		return err
	}
	if flags.zone != "" {
		if zone, err := time.LoadLocation(flags.zone); err != nil || zone == time.Local {
			return usagef("init: --time-zone: %q is no zone; give one such as Europe/Moscow", flags.zone)
		}
	}
	cfg.Portal.URL = webhook
	client := a.client(cfg)
	portal, err := extractor.Describe(cmd.Context(), client)
	if err != nil {
		return fmt.Errorf("init: ask the portal %s what it has: %w", webhook.Host(), err)
	}
	proposal := setup.Propose(portal, cfg.Funnels)
	if isThere {
		return a.addTo(string(text), portal, cfg, proposal, flags)
	}
	site, err := a.site(cmd.Context(), client, portal, flags)
	if err != nil {
		return err
	}
	if flags.keepsURL && address == "" {
		return usagef("init: --keep-address needs the address itself: give it as %s or on standard input", portalVariable)
	}
	if flags.keepsURL {
		site.URL = address
	}
	said, err := a.proposeNorms(cmd.Context(), client, portal, site, proposal)
	if err != nil {
		return err
	}
	return a.write(setup.File(a.printer, site, portal, proposal), proposal, site, said, flags)
}

const (
	// mostChanges is how many stage changes init reads: twenty requests, which every portal grants at once.
	mostChanges = 50_000
	// normShare is the share of the visits that a proposed norm leaves in time.
	normShare = 0.8
)

// proposeNorms adds to the stages of the proposal the norms that the portal's own history suggests, if it is small
// enough to be read now, and says what was done.
func (a *app) proposeNorms(ctx context.Context, client *bitrix24.Client, portal extractor.Description, site setup.Site, proposal setup.Proposal) (said string, err error) {
	const later = "stagelag norms --yaml proposes norms after the first run"
	zone, err := time.LoadLocation(site.TimeZone)
	if err != nil {
		return "", fmt.Errorf("init: %w", err)
	}
	a.progress.Step("read the stage history")
	changes, isMore, err := extractor.Changes(ctx, client, portal, nil, mostChanges, func(rows, total int) { a.progress.Rows(int64(rows), int64(total)) })
	a.progress.Done()
	switch {
	case err != nil && ctx.Err() != nil:
		return "", fmt.Errorf("init: %w", err)
	case err != nil: // the rest of the proposal is as good without
		a.log.WithError(err).Warn("no norms proposed")
		return fmt.Sprintf("The stage history could not be read: %s.", later), nil
	case isMore:
		return fmt.Sprintf("The portal has more than %d stage changes, which init does not read: %s.", mostChanges, later), nil
	}
	for _, norm := range whatif.ProposeFrom(portal, changes, zone, normShare) {
		for i := range proposal.Stages {
			if s := &proposal.Stages[i]; s.ID == norm.StageID && s.Funnel.ID == norm.FunnelID && norm.Proposed != nil {
				s.Norm, s.NormReason = norm.Proposed, norm.Remark(a.printer)
			}
		}
	}
	if !proposal.HasNorms() {
		return fmt.Sprintf("The history of %d stage changes is too short for norms: %s.", len(changes), later), nil
	}
	return fmt.Sprintf("The days in plan.norms come from %d stage changes: %.0f %% of the visits ended within them, in calendar days.", len(changes), 100*normShare), nil
}

// address is the webhook's, and as the text that it was given as.
func (a *app) address(flags initFlags, cfg config.Config) (bitrix24.Webhook, string, error) {
	address := flags.portal
	for _, variable := range a.environ {
		if value, ok := strings.CutPrefix(variable, portalVariable+"="); ok && address == "" {
			address = value
		}
	}
	// From the configuration, or from a file that a variable names.
	if address == "" && cfg.Portal.URL.Host() != "" {
		return cfg.Portal.URL, "", nil
	}
	if address == "" {
		var err error
		if address, err = a.ask(); err != nil {
			return bitrix24.Webhook{}, "", err
		}
	}
	address = strings.TrimSpace(address)
	webhook, err := bitrix24.ParseWebhook(address)
	if err != nil {
		return bitrix24.Webhook{}, "", usagef("init: %w", err)
	}
	return webhook, address, nil
}

// ask reads the address from standard input; what is typed on a terminal is not shown.
func (a *app) ask() (string, error) {
	if file, ok := a.stdin.(*os.File); ok && isTerminal(a.stdin) {
		_, _ = io.WriteString(a.stderr, a.printer.Text("The webhook's address, https://HOST/rest/USER/SECRET/ (it is not shown): "))
		typed, err := term.ReadPassword(int(file.Fd()))
		_, _ = fmt.Fprintln(a.stderr)
		if err != nil {
			return "", fmt.Errorf("init: read the address: %w", err)
		}
		return string(typed), nil
	}
	line, err := bufio.NewReader(io.LimitReader(a.stdin, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("init: read the address: %w", err)
	}
	if strings.TrimSpace(line) == "" {
		return "", usagef("init: no webhook's address; give it as %s or on standard input", portalVariable)
	}
	return line, nil
}

// site is what a new configuration says of the portal.
func (a *app) site(ctx context.Context, client *bitrix24.Client, portal extractor.Description, flags initFlags) (setup.Site, error) {
	site := setup.Site{Host: client.Portal(), TimeZone: flags.zone, Limits: bitrix24.Standard}
	if zone, err := time.LoadLocation(portal.UserZone); site.TimeZone == "" && err == nil && portal.UserZone != "" && zone != time.Local {
		site.TimeZone = portal.UserZone
	}
	if site.TimeZone == "" {
		site.TimeZone, site.IsZoneGuessed = setup.GuessZone(site.Host, portal.Clock.In(client.Zone())), true
	}
	if site.TimeZone == "" {
		return setup.Site{}, usagef("init: the portal does not tell its time zone; give it with --time-zone, such as Europe/Moscow")
	}
	tariff, err := client.Tariff(ctx)
	if err != nil {
		return setup.Site{}, fmt.Errorf("init: ask for the tariff: %w", err)
	}
	if tariff.Limits != "" {
		site.Limits = tariff.Limits
	}
	return site, nil
}

// write makes a new file.
func (a *app) write(text string, proposal setup.Proposal, site setup.Site, said string, flags initFlags) error {
	if flags.isDry {
		if site.URL != "" {
			text = strings.ReplaceAll(text, site.URL, "***")
		}
		return a.printf("%s", text)
	}
	// Without the address there is no secret in it, and others, such as a container's user, may read it
	// as far as the umask lets them.
	var err error
	if site.URL == "" {
		err = writeWhole(a.configPath, func(out io.Writer) error { _, err := io.WriteString(out, text); return err })
	} else {
		err = replaceFile(a.configPath, text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	found := 0
	for _, stage := range proposal.Stages {
		if stage.HasField() {
			found++
		}
	}
	if err := a.printf("%s is written: %d of %d stages have fields for their plan; set plan.norms for the others.\n", a.configPath, found, len(proposal.Stages)); err != nil {
		return err
	}
	if err := a.printf("%s\n", a.printer.Text(said)); err != nil {
		return err
	}
	if site.IsZoneGuessed {
		if err := a.printf("portal.time_zone is %s, guessed from the portal's server: check it.\n", site.TimeZone); err != nil {
			return err
		}
	}
	if site.URL == "" {
		if err := a.printf("The webhook's address is not in it: set %s for every command.\n", portalVariable); err != nil {
			return err
		}
	}
	return a.printf("stagelag doctor checks it, stagelag run makes the first run.\n")
}

// addTo adds to the file what is new.
func (a *app) addTo(text string, portal extractor.Description, cfg config.Config, proposal setup.Proposal, flags initFlags) error {
	merged, added, err := setup.Merge(text, proposal)
	if err != nil {
		return fmt.Errorf("init: %s: %w", a.configPath, err)
	}
	if len(added) > 0 && !flags.isDry {
		info, err := os.Stat(a.configPath)
		if err != nil {
			return fmt.Errorf("init: %w", err)
		}
		if err := replaceFile(a.configPath, merged, info.Mode().Perm()); err != nil {
			return fmt.Errorf("init: %w", err)
		}
	}
	for _, addition := range added {
		if err := a.printf("+ plan.fields: %s\n", addition.Line); err != nil {
			return err
		}
	}
	for _, stage := range proposal.Stages {
		_, hasFields := cfg.Plan.Fields[stage.ID]
		hasNorm := slices.ContainsFunc(cfg.Plan.Norms, func(n config.Norm) bool { return n.Stage == stage.ID })
		if hasFields || hasNorm || stage.HasField() || slices.Contains(cfg.Stages.Waiting, stage.ID) {
			continue
		}
		if err := a.printf("? %s (%s: %s) has no plan; set a norm in plan.norms, which stagelag norms proposes\n", stage.ID, plain.Text(stage.Funnel.Name, 60), plain.Text(stage.Name, 60)); err != nil {
			return err
		}
	}
	for _, remark := range setup.Remarks(portal, cfg, proposal) {
		if err := a.printf("? %s\n", a.printer.Text(remark)); err != nil {
			return err
		}
	}
	switch {
	case len(added) == 0:
		return a.printf("%s has all that was found; nothing is changed.\n", a.configPath)
	case flags.isDry:
		return a.printf("%s would get the lines with a +; everything else stays as it is.\n", a.configPath)
	default:
		return a.printf("%s has got the lines with a +; everything else is as it was.\n", a.configPath)
	}
}

// replaceFile writes a file in one step, also where it is named by a link.
func replaceFile(path, text string, mode fs.FileMode) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	return plain.NotWritten(path, replaceContent(path, text, mode))
}

func replaceContent(path, text string, mode fs.FileMode) error {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-") // mode 0600
	if err != nil {
		return err
	}
	_, err = temp.WriteString(text)
	err = errors.Join(err, temp.Chmod(mode), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		os.Remove(temp.Name())
	}
	return err
}
