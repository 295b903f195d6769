package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"stagelag/config"
	"stagelag/plain"
)

// browsers are looked for on the PATH, in this order.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// ErrNoBrowser is what WritePDF gives where no browser can print the page.
var ErrNoBrowser = errors.New("a PDF is printed by Chromium or Chrome, and none is on the PATH: install one (Debian: apt-get install chromium), " +
	"name it in STAGELAG_BROWSER, or write the page with --format html and print it elsewhere")

// printingLasts is more than a browser needs for the longest page.
const printingLasts = 2 * time.Minute

// WritePDF writes the report as WriteHTML does, printed on A4 paper by the Chromium or Chrome of this machine.
func WritePDF(ctx context.Context, out io.Writer, r *Report, l Language) error {
	browser, err := findBrowser()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "stagelag-report-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	page, printed := filepath.Join(folder, "report.html"), filepath.Join(folder, "report.pdf")
	var html bytes.Buffer
	if err := WriteHTML(&html, r, l); err != nil {
		return err
	}
	if err := os.WriteFile(page, html.Bytes(), 0o600); err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, printingLasts)
	defer stop()
	arguments := []string{
		"--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--no-pdf-header-footer",
		"--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND", // the page needs no network
		"--user-data-dir=" + filepath.Join(folder, "profile"), "--print-to-pdf=" + printed,
	}
	if os.Geteuid() == 0 {
		arguments = append(arguments, "--no-sandbox") // without it Chromium does not start for root; the page has no scripts
	}
	cmd := exec.CommandContext(ctx, browser, append(arguments, "file://"+page)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + folder} // no secret of this process
	cmd.WaitDelay = 5 * time.Second
	var said bytes.Buffer
	cmd.Stderr = &said
	failure := cmd.Run()
	pdf, err := os.ReadFile(printed)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("print the page: %w", context.Cause(ctx))
	case failure != nil || err != nil:
		return fmt.Errorf("print the page: %s gives no PDF (%w): %s", browser, errors.Join(failure, err), lastSaid(said.String()))
	}
	_, err = out.Write(pdf)
	return err
}

// lastSaid is the last line that a program said.
func lastSaid(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return plain.Text(lines[len(lines)-1], 200)
}

// findBrowser is the browser that the variable names, else the first on the PATH.
func findBrowser() (string, error) {
	if named := os.Getenv(config.BrowserVariable); named != "" {
		browser, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("STAGELAG_BROWSER names %s, which is no program: correct it, or unset it", named)
		}
		return browser, nil
	}
	for _, name := range browsers {
		if browser, err := exec.LookPath(name); err == nil {
			return browser, nil
		}
	}
	return "", ErrNoBrowser
}
