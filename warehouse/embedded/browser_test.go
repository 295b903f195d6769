package embedded

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"stagelag/warehouse/access"
)

// asking asks the engine from within a page: as a script that wants to read the answer, and as one that
// is content with asking.
const asking = `(async () => {
	const said = []
	for (const mode of ['cors', 'no-cors']) {
		try {
			const answer = await fetch(%[1]q, {mode})
			said.push(mode + ': ' + answer.type + ' ' + answer.status + ' ' + await answer.text())
		} catch (e) {
			said.push(mode + ': refused')
		}
	}
	return said.join('; ')
})()`

// A page that somebody looks at in a browser on this machine gets nothing from the engine, also if it knew
// a password.
func TestAPageInABrowserGetsNothing(t *testing.T) {
	t.Parallel()
	found, err := exec.Command("bash", "../../report/find-browser.sh").Output()
	if err != nil {
		t.Fatal("there is no Chromium: make browser, or name one in STAGELAG_BROWSER")
	}
	s := mustJoin(t, newPath(t))
	mustExec(t, connect(t, s), "CREATE DATABASE IF NOT EXISTS stagelag")
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>a page</title>")
	}))
	defer page.Close()

	ctx, stop := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath(strings.TrimSpace(string(found))),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true))
	defer stop()
	ctx, stop = chromedp.NewContext(ctx)
	defer stop()
	if err := chromedp.Do(ctx, chromedp.Navigate(page.URL)); err != nil {
		t.Fatal(err)
	}
	for name, login := range map[string]string{
		"as nobody":       "",
		"with a password": "&user=analyst&password=" + s.Passwords(access.Default).Analyst,
	} {
		t.Run(name, func(t *testing.T) {
			address := "http://" + s.HTTP + "/?add_http_cors_header=1&query=SELECT+'an+answer'" + login
			said, err := chromedp.Run(ctx, chromedp.Evaluate[string](fmt.Sprintf(asking, address), chromedp.EvalAwaitPromise))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(said, "an answer") || !strings.HasPrefix(said, "cors: refused; no-cors: opaque 0 ") {
				t.Errorf("the page got %q, want nothing", said)
			}
		})
	}
	mustGoOn(t, s)
}
