package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal gives the two ends of a terminal: what a program writes to and what is shown.
func openTerminal(t *testing.T) (written, shown *os.File) {
	t.Helper()
	shown, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shown.Close() })
	no, err := unix.IoctlGetInt(int(shown.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(shown.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		written, err = os.OpenFile("/dev/pts/"+strconv.Itoa(no), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { written.Close() })
	return written, shown
}

// onTerminal does something with a program on a terminal, and gives what that shows.
func onTerminal(t *testing.T, do func(a *app)) string {
	t.Helper()
	written, shown := openTerminal(t)
	var screen bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		// A terminal whose last writer is gone ends with an error.
		if _, err := io.Copy(&screen, shown); err != nil && !errors.Is(err, unix.EIO) && !errors.Is(err, fs.ErrClosed) {
			t.Error(err)
		}
	}()
	do(newApp(strings.NewReader(""), written, written, os.Environ(), time.Now))
	written.Close()
	<-done
	return screen.String()
}

// hostile is a deal's title as anybody could write it: with what a terminal would obey.
const hostile = "Kitchen \x1b[31mred\x1b]0;title\a\u009b2J\u202egnp.exe\b\r!"

const harmless = "Kitchen  [31mred ]0;title  2J gnp.exe  !"

// Whatever a command writes to a terminal is shown, and nothing of it is obeyed.
func TestATerminalObeysNoTexts(t *testing.T) {
	writers := map[string]func(a *app){
		"a result":      func(a *app) { _ = a.printf("%s\n", hostile) },
		"a table":       func(a *app) { _, _ = io.WriteString(a.stdout, hostile+"\n") },
		"a log":         func(a *app) { a.log.WithField("deal", hostile).Error(hostile) },
		"the last line": func(a *app) { a.complain(errors.New(hostile)) },
		"a step":        func(a *app) { a.progress.Step(hostile); a.progress.Done() },
		"what is waited for": func(a *app) {
			a.progress.Step("read deals")
			a.progress.Waiting(hostile, time.Now())
			a.progress.Done()
		},
		"help": func(a *app) { newRoot(a).Print(hostile) },
	}
	for name, write := range writers {
		t.Run(name, func(t *testing.T) {
			got := onTerminal(t, write)
			for _, own := range []string{"\r\x1b[K", "\r\n"} { // of the progress, and of a terminal
				got = strings.ReplaceAll(got, own, "\n")
			}
			if strings.ContainsAny(got, "\x1b\a\b\r\u009b\u202e") || !strings.Contains(got, "Kitchen") {
				t.Errorf("the terminal is given %q", got)
			}
		})
	}
}

// A query shows a person what can be read, and a pipe what is there.
func TestAQueryOnATerminal(t *testing.T) {
	t.Parallel()
	folder := newFolder(t)
	openWarehouse(t, folder)
	query := fmt.Sprintf("SELECT unhex('%X') AS title", hostile)
	t.Run("in a pipe", func(t *testing.T) {
		if got := mustCall(t, folder, "query", "--format", "TSVRaw", query); got != hostile+"\n" {
			t.Errorf("the query shows %q, want %q", got, hostile)
		}
	})
	for _, format := range []string{"", "TSVRaw", "Vertical", "JSONEachRow"} {
		t.Run("on a terminal, with the format "+format, func(t *testing.T) {
			args := []string{"query", query}
			if format != "" {
				args = append(args, "--format", format)
			}
			got := onTerminal(t, func(a *app) {
				a.environ = append(a.environ, "STAGELAG_WAREHOUSE_PATH="+folder+"/data/warehouse")
				if code := a.execute(context.Background(), newRoot(a), args); code != 0 {
					t.Errorf("exit code %d", code)
				}
			})
			if got = strings.ReplaceAll(got, "\r\n", "\n"); strings.ContainsAny(got, "\x1b\a\b\r\u009b\u202e") || format == "TSVRaw" && got != harmless+"\n" {
				t.Errorf("the terminal is given %q", got)
			}
		})
	}
}

// A person sees a page, with words for what there is none of.
func TestCalendarOnATerminal(t *testing.T) {
	t.Parallel()
	shown := onTerminal(t, func(a *app) {
		a.environ = append(a.environ, "STAGELAG_CALENDAR_KIND=working", "STAGELAG_CALENDAR_OFF=2026-03-02")
		for _, year := range []string{"2026", "2027"} {
			if code := a.execute(t.Context(), newRoot(a), []string{"calendar", year}); code != 0 {
				t.Errorf("calendar %s: exit code %d", year, code)
			}
		}
	})
	for _, want := range []string{
		"The calendar in 2026: weekly days off are Saturday, Sunday\r\n", "Mon  2 Mar  off  day off (calendar.off)\r\n",
		"There are no exceptions in 2027.\r\n", "There are no lists of days off: calendar.lists names none.\r\n",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("calendar shows on a terminal:\n%s\nwant %q", shown, want)
		}
	}
	if strings.Contains(shown, "There are no exceptions in 2026") {
		t.Errorf("calendar shows of a year with an exception that there is none:\n%s", shown)
	}
}
