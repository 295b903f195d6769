package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"stagelag/locale"
	"stagelag/plain"
)

// A progress shows on a terminal what long work does: the step, its rows and their rate,
// and what it waits for. Each step that has ended leaves a line. In a pipe it is silent.
// Its methods may be called from several goroutines, and do nothing on a nil *progress.
type progress struct {
	terminal io.Writer // nil for none
	width    func() int
	now      func() time.Time

	mu      sync.Mutex
	printer *locale.Printer
	current *step         // nil between steps
	isShown bool          // the terminal's last line is the current step's
	ended   chan struct{} // closed to end the redrawing; nil while there is none
}

// A step is one part of a long work.
type step struct {
	name        string
	begun       time.Time
	done, total int64
	waiting     string // for what and until when, empty unless it waits
}

func newProgress(stream io.Writer, isTerminal bool, now func() time.Time) *progress {
	p := &progress{now: now, width: func() int { return widthOf(stream) }}
	if isTerminal {
		p.terminal = stream
	}
	return p
}

func widthOf(stream io.Writer) int {
	const usual = 80
	file, ok := stream.(*os.File)
	if !ok {
		return usual
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil || width < 1 {
		return usual
	}
	return width
}

// speak has the steps named in the language of the printer.
func (p *progress) speak(printer *locale.Printer) { p.change(func() { p.printer = printer }) }

// Step begins a step, which ends the one before it.
func (p *progress) Step(name string) {
	p.change(func() {
		p.finish()
		p.current = &step{name: plain.Text(p.printer.Text(name), 0), begun: p.now()}
		if p.ended == nil {
			p.ended = make(chan struct{})
			go p.redraw(p.ended)
		}
	})
}

// Rows says how many rows of the step are done, of how many; a total of 0 is not known.
func (p *progress) Rows(done, total int64) {
	p.change(func() {
		if p.current != nil {
			p.current.done, p.current.total, p.current.waiting = done, total, ""
		}
	})
}

// Waiting says what the step waits for and until when. The next Rows ends it.
func (p *progress) Waiting(reason string, until time.Time) {
	p.change(func() {
		if p.current != nil {
			p.current.waiting = p.printer.Sprintf("waiting until %s: %s", until.Local().Format(time.TimeOnly), plain.Text(p.printer.Text(reason), 0))
			p.draw()
		}
	})
}

// Done ends the step that is under way. Another may begin.
func (p *progress) Done() {
	p.change(func() {
		p.finish()
		if p.ended != nil {
			close(p.ended)
			p.ended = nil
		}
	})
}

// above is a writer to w whose lines stand above the step that is under way.
func (p *progress) above(w io.Writer) io.Writer {
	return writerFunc(func(lines []byte) (n int, err error) {
		if p.terminal == nil {
			return w.Write(lines)
		}
		p.change(func() {
			p.clear()
			n, err = w.Write(lines)
			p.draw()
		})
		return n, err
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// change makes a change where there is a terminal to show it on.
func (p *progress) change(change func()) {
	if p == nil || p.terminal == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *progress) redraw(ended chan struct{}) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ended:
			return
		case <-ticker.C:
			p.change(p.draw)
		}
	}
}

// draw, clear and finish write to the terminal. The caller holds the lock.

func (p *progress) draw() {
	if p.current == nil {
		return
	}
	line := []rune(p.current.line(p.now(), p.printer))
	// A line as wide as the terminal would wrap, and only its second half be cleared.
	line = line[:min(len(line), p.width()-1)]
	p.clear()
	_, _ = io.WriteString(p.terminal, string(line))
	p.isShown = true
}

func (p *progress) clear() {
	if p.isShown {
		_, _ = io.WriteString(p.terminal, "\r\x1b[K")
	}
	p.isShown = false
}

func (p *progress) finish() {
	if p.current == nil {
		return
	}
	p.clear()
	p.current.waiting = ""
	_, _ = fmt.Fprintln(p.terminal, p.current.summary(p.now(), p.printer))
	p.current = nil
}

// line tells how far the step is.
func (s *step) line(now time.Time, p *locale.Printer) string {
	const frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
	elapsed := now.Sub(s.begun)
	frame := []rune(frames)[int(elapsed/(100*time.Millisecond))%len([]rune(frames))]
	parts := []string{string(frame) + " " + s.name}
	if s.done > 0 || s.total > 0 {
		rows := p.Sprintf("%s rows", grouped(s.done))
		if s.total > 0 {
			rows = p.Sprintf("%s of %s rows", grouped(s.done), grouped(s.total))
		}
		parts = append(parts, rows)
	}
	switch seconds := elapsed.Seconds(); {
	case s.waiting != "":
		parts = append(parts, s.waiting)
	case s.done > 0 && seconds >= 1:
		parts = append(parts, p.Sprintf("%s rows/s", grouped(int64(float64(s.done)/seconds))))
	}
	return strings.Join(parts, " · ")
}

// summary tells what the step has done.
func (s *step) summary(now time.Time, p *locale.Printer) string {
	parts := []string{"✓ " + s.name}
	if s.done > 0 {
		parts = append(parts, p.Sprintf("%s rows", grouped(s.done)))
	}
	return strings.Join(append(parts, p.Sprintf("%.1f s", now.Sub(s.begun).Seconds())), " · ")
}

// grouped is a number with its thousands apart: 1,234,567.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
