package report_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"stagelag/report"
)

// The page is printed by a real browser; without one, and with a program that prints nothing, one line says what to do.
func TestPDF(t *testing.T) {
	found, err := exec.Command("bash", "find-browser.sh").Output()
	if err != nil {
		t.Fatalf("find browser: %v", err)
	}
	browser := strings.TrimSpace(string(found))
	r := hostile()
	printed := func() (string, error) {
		var b bytes.Buffer
		err := report.WritePDF(t.Context(), &b, &r, report.Russian)
		return b.String(), err
	}
	t.Setenv("STAGELAG_BROWSER", browser)
	pdf, err := printed()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(pdf, "%PDF-") || strings.Count(pdf, "/Type /Page\n") == 0 {
		t.Errorf("what is printed is no PDF with pages: %.60q", pdf)
	}

	mute := filepath.Join(t.TempDir(), "mute")
	if err := os.WriteFile(mute, []byte("#!/bin/sh\necho out of order >&2\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("STAGELAG_BROWSER", mute)
	if _, err := printed(); err == nil || !strings.Contains(err.Error(), "gives no PDF") || !strings.HasSuffix(err.Error(), "out of order") {
		t.Errorf("a browser that prints nothing: %v", err)
	}
	t.Setenv("STAGELAG_BROWSER", filepath.Join(t.TempDir(), "none"))
	if _, err := printed(); err == nil || !strings.Contains(err.Error(), "which is no program") {
		t.Errorf("a browser that is none: %v", err)
	}
	t.Setenv("STAGELAG_BROWSER", "")
	t.Setenv("PATH", t.TempDir())
	if _, err := printed(); !errors.Is(err, report.ErrNoBrowser) {
		t.Errorf("without a browser: %v", err)
	}
}
