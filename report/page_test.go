package report_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"stagelag/config"
	"stagelag/report"
)

// startBrowser starts a headless Chromium that ends with the test.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	found, err := exec.Command("bash", "find-browser.sh").Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("%s", exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	program := strings.TrimSpace(string(found))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(program),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
	)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	return ctx
}

// overflowing lists what is wider than the window or than its own box.
const overflowing = `(() => {
	const wide = [], width = document.documentElement.clientWidth;
	if (document.documentElement.scrollWidth > width) wide.push('the page: ' + document.documentElement.scrollWidth);
	for (const e of document.querySelectorAll('body *:not(svg *)')) {
		const box = e.getBoundingClientRect();
		if (box.width === 0 || box.height === 0) continue;
		if (box.right > width + 1 || box.left < -1) wide.push('outside ' + e.tagName + ' ' + e.className + ' ' + e.textContent.trim().slice(0, 40));
		else if (!['inline'].includes(getComputedStyle(e).display) && e.scrollWidth > e.clientWidth + 1) wide.push('too wide ' + e.tagName + ' ' + e.className + ' ' + e.textContent.trim().slice(0, 40));
	}
	return wide;
})()`

// missing lists the letters that the fonts lack: they are drawn like one that no font has.
const missing = `(() => {
	const c = document.createElement('canvas'); c.width = c.height = 40;
	const g = c.getContext('2d', {willReadFrequently: true});
	g.font = '24px ' + getComputedStyle(document.body).fontFamily;
	const draw = s => { g.clearRect(0, 0, 40, 40); g.fillText(s, 4, 30); return g.getImageData(0, 0, 40, 40).data.join(); };
	const none = draw('\u{10FFFD}');
	return [...new Set(document.body.textContent)].filter(s => s.trim() && draw(s) === none);
})()`

// uncuttable lists what may not be cut at the end of a sheet but is longer than one.
const uncuttable = `[...document.querySelectorAll('tr, .card, figure, .group, .together')]
	.filter(e => e.getBoundingClientRect().height > 297 / 25.4 * 96 - 30 / 25.4 * 96)
	.map(e => e.tagName + ' ' + e.className + ' ' + e.textContent.trim().slice(0, 40))`

// unseen lists the tables that show nothing, other than the folded rest.
const unseen = `[...document.querySelectorAll('table')]
	.filter(e => !e.closest('.more') && e.checkVisibility({contentVisibilityAuto: true}) === false || !e.closest('.more') && e.getBoundingClientRect().height < 20)
	.map(e => e.textContent.trim().slice(0, 40))`

// TestPage looks at the page as its readers do: on a phone, on a desk, in the dark, on
// paper. The pages by stage and by funnel differ from that by manager in their texts alone, and are
// looked at in the language with the longer words, where each of the layouts is at its narrowest, and not printed.
func TestPage(t *testing.T) {
	t.Parallel()
	s := samples(t)
	folder := t.TempDir()
	browser := startBrowser(t)
	for _, language := range report.Languages {
		for by, r := range map[string]*report.Report{"manager": &s.byManager, "stage": &s.byStage, "funnel": &s.byFunnel, "manager, working days": workingDays(&s.moved)} {
			isWhole := by == "manager" || os.Getenv("STAGELAG_SCREENSHOTS") != ""
			if (by == "stage" || by == "funnel") && language != report.Russian && !isWhole {
				continue
			}
			var b bytes.Buffer
			if err := report.WriteHTML(&b, r, language); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(folder, fmt.Sprintf("%s-%s.html", by, language))
			if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Run(fmt.Sprintf("by %s in %s", by, language), func(t *testing.T) { look(browser, t, file, isWhole) })
		}
	}
}

// workingDays is a report of the same numbers in working days, with deals that wait and visits that were paused: the
// longest words there are.
func workingDays(of *report.Report) *report.Report {
	r := *of
	r.CountsWorkingDays, r.Total.Now.Waiting = true, 1234
	r.Levels, r.Visits = slices.Clone(r.Levels), slices.Clone(r.Visits)
	r.Levels[0].Rows = slices.Clone(r.Levels[0].Rows)
	for i := range r.Levels[0].Rows {
		r.Levels[0].Rows[i].Now.Waiting = 123
	}
	for i := range r.Visits {
		r.Visits[i].PausedDays = 22
	}
	return &r
}

// look looks at a page in every view, or in the tightest ones only.
func look(browser context.Context, t *testing.T, file string, isWhole bool) {
	t.Helper()
	tab, end := chromedp.NewContext(browser)
	defer end()
	var mu sync.Mutex
	var complaints []string
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		if len(complaints) > 0 {
			t.Errorf("the browser complains:\n%s", strings.Join(complaints, "\n"))
		}
	}()
	complain := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		complaints = append(complaints, fmt.Sprintf(format, args...))
	}
	err := chromedp.Listen(tab, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			complain("an exception: %s", e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			complain("the console: %s", e.Type)
		case *log.EventEntryAdded:
			complain("the log: %s %s", e.Entry.Level, e.Entry.Text)
		case *network.EventRequestWillBeSent:
			if address := e.Request.URL; !strings.HasPrefix(address, "file://") && !strings.HasPrefix(address, "data:") {
				complain("a request to %s", address)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	enable := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, enablingNetwork := cdp.Call(ctx, target, network.Enable, network.EnableParams{})
		_, enablingLog := cdp.Call(ctx, target, log.Enable, cdp.Empty{})
		return errors.Join(enablingNetwork, enablingLog)
	})
	if err := chromedp.Do(tab, enable, chromedp.Navigate("file://"+file)); err != nil {
		t.Fatal(err)
	}
	letters, err := chromedp.Run(tab, chromedp.Evaluate[[]string](missing))
	if err != nil {
		t.Fatal(err)
	}
	if len(letters) > 0 {
		t.Errorf("no font has the letters %q", letters)
	}
	for _, view := range []struct {
		name   string
		width  int64
		media  string
		scheme string
		isOpen bool // whether everything is unfolded
		tight  bool // the narrowest of its layout
	}{
		{"A4 within its margins", 703, "print", "light", false, true},
		{"a phone", 360, "screen", "light", false, false},
		{"a phone, unfolded", 360, "screen", "light", true, true},
		{"a phone in the dark", 360, "screen", "dark", true, false},
		{"where rows become cards", 820, "screen", "light", true, false},
		{"the narrowest table", 821, "screen", "light", true, true},
		{"a tablet", 923, "screen", "light", true, false},
		{"the last of the narrow charts", 1000, "screen", "light", true, false},
		{"the first of the wide charts", 1001, "screen", "light", true, true},
		{"a desk", 1280, "screen", "light", true, false},
		{"a desk in the dark", 1280, "screen", "dark", true, false},
	} {
		if !view.tight && !isWhole {
			continue
		}
		set := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, media := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Media: view.media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: view.scheme}},
			})
			_, size := cdp.Call(ctx, target, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: view.width, Height: 900, DeviceScaleFactor: 1})
			return errors.Join(media, size)
		})
		if err := chromedp.Do(tab, set); err != nil {
			t.Fatalf("%s: %v", view.name, err)
		}
		list := func(script string) []string {
			t.Helper()
			found, err := chromedp.Run(tab, chromedp.Evaluate[[]string](script))
			if err != nil {
				t.Fatalf("%s: %v", view.name, err)
			}
			return found
		}
		if view.isOpen {
			list(`[...document.querySelectorAll('details')].map(e => { e.open = true; return '' })`)
		}
		if wide := list(overflowing); len(wide) > 0 {
			t.Errorf("%s: %d things overflow:\n%s", view.name, len(wide), strings.Join(wide[:min(len(wide), 8)], "\n"))
		}
		if view.media == "print" {
			if long := list(uncuttable); len(long) > 0 {
				t.Errorf("%s: longer than a sheet: %q", view.name, long)
			}
			if hidden := list(unseen); len(hidden) > 0 {
				t.Errorf("%s: not to be seen: %q", view.name, hidden)
			}
		}
		if folder := os.Getenv("STAGELAG_SCREENSHOTS"); folder != "" {
			picture, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatalf("%s: %v", view.name, err)
			}
			keep(t, folder, file, fmt.Sprintf("%s-%d-%s.png", view.media, view.width, view.scheme), picture)
		}
	}
	if !isWhole {
		return
	}
	// On paper the rows are as folded as the page comes.
	if err := chromedp.Do(tab, chromedp.Navigate("file://"+file)); err != nil {
		t.Fatal(err)
	}
	pdf, err := chromedp.Run(tab, chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize(), chromedp.PDFPrintBackground()))
	if err != nil {
		t.Fatalf("print: %v", err)
	}
	// A4 in points; Chromium rounds it up.
	if sheets := len(regexp.MustCompile(`/Type\s*/Page\b`).FindAll(pdf, -1)); sheets < 2 || sheets > 20 || !regexp.MustCompile(`/MediaBox \[0 0 59[45][.\d]* 84[12][.\d]*\]`).Match(pdf) {
		t.Errorf("the print has %d sheets of %s, want a few of A4", sheets, regexp.MustCompile(`/MediaBox \[[^\]]*\]`).Find(pdf))
	}
	if folder := os.Getenv("STAGELAG_SCREENSHOTS"); folder != "" {
		keep(t, folder, file, "a4.pdf", pdf)
	}
}

// keep leaves what was seen in the folder that STAGELAG_SCREENSHOTS names, for a person to
// look at.
func keep(t *testing.T, folder, page, name string, content []byte) {
	t.Helper()
	page = strings.TrimSuffix(filepath.Base(page), ".html")
	if err := os.WriteFile(filepath.Join(folder, page+"-"+name), content, 0o600); err != nil {
		t.Error(err)
	}
}

func TestRatesHaveTheColourOfTheirTarget(t *testing.T) {
	t.Parallel()
	r := many(100)
	r.Total.Closed, r.Total.ClosedWithPlan, r.Total.OnTime = 12, 10, 8
	write := func() string {
		var page strings.Builder
		if err := report.WriteHTML(&page, &r, report.English); err != nil {
			t.Fatal(err)
		}
		return page.String()
	}
	const rate = 0.8
	if text := write(); strings.Contains(text, `class="missed"`) || strings.Contains(text, `class="reached"`) || strings.Contains(text, "target:") {
		t.Error("a rate is coloured though it has no target")
	}
	for _, test := range []struct {
		target      float64
		shown, gone string
	}{{rate, "reached", "missed"}, {rate + 0.001, "missed", "reached"}} {
		target := config.Share(test.target)
		r.Targets.OnTimeRate = &target
		if text := write(); !strings.Contains(text, `<b class="`+test.shown+`">`) || strings.Contains(text, `<b class="`+test.gone+`">`) || !strings.Contains(text, "target:") {
			t.Errorf("with the target %v the rate %v is not shown as %s, beside its target", test.target, rate, test.shown)
		}
	}
}
