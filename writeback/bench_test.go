package writeback_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/simulator"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
	"stagelag/writeback"
)

// BenchmarkWriteBack writes to a generated portal without limits for the first time, so that every
// deal differs, as a process of its own. It gives the seconds until so many deals were written, the
// program's memory at its largest until then, and the requests.
//
// STAGELAG_BENCH_WRITE_BACKS are other numbers of deals, with commas between them, and
// STAGELAG_BENCH_WRITTEN is how many of them are written; the others are only compared.
func BenchmarkWriteBack(b *testing.B) {
	most, err := strconv.ParseInt(cmp.Or(os.Getenv("STAGELAG_BENCH_WRITTEN"), "10000"), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	for text := range strings.SplitSeq(cmp.Or(os.Getenv("STAGELAG_BENCH_WRITE_BACKS"), "100000"), ",") {
		deals, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(text, func(b *testing.B) {
			// The limit of a pass is not for a process with a portal in it.
			defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 40))
			s := newSite(b, deals, simulator.Options{Costs: map[string]time.Duration{"crm.item.update": 10 * time.Millisecond}})
			s.night()
			s.portal.ForgetLog()
			for b.Loop() {
				done := s.passOf(b, most)
				b.ReportMetric(done.Seconds, "seconds")
				b.ReportMetric(done.Megabytes, "MB")
				b.ReportMetric(float64(done.Requests), "requests")
				b.ReportMetric(float64(done.Written), "written")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// taskVariable makes the test binary a process that makes one write-back.
const taskVariable = "WRITE_BACK_TEST_TASK"

// A task is a write-back for another process.
type task struct {
	Warehouse, Webhook string
	WriteBack          config.WriteBack
	Most               int64 // deals to write, and then to stop
}

// A measured pass is what another process says of its own.
type measured struct {
	Seconds, Megabytes float64
	Requests, Written  int
}

// passOf makes a write-back as a process of its own.
func (s *site) passOf(b *testing.B, most int64) (done measured) {
	b.Helper()
	endpoints, _ := s.w.Endpoints()
	text, err := json.Marshal(task{
		Warehouse: warehousetest.ServerURL(s.w, endpoints.Native),
		Webhook:   s.portal.WebhookURL("http://" + s.address), WriteBack: s.cfg.WriteBack, Most: most,
	})
	if err != nil {
		b.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), taskVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	printed, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(printed, &done)
	}
	if err != nil {
		b.Fatal(err)
	}
	return done
}

// passAsProcess is a write-back in a process of its own, which prints what it measured.
func passAsProcess(text string) (code int) {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return fail(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cfg := config.Default()
	cfg.WriteBack, cfg.Portal.Limits, cfg.Portal.TimeZone = t.WriteBack, bitrix24.Unlimited, time.UTC
	var err error
	if cfg.Portal.URL, err = bitrix24.ParseWebhook(t.Webhook); err != nil {
		return fail(err)
	}
	w, err := warehouse.Open(ctx, warehouse.Config{URL: t.Warehouse})
	if err != nil {
		return fail(err)
	}
	defer w.Close()
	log := logrus.New()
	log.SetOutput(io.Discard)
	summary, err := writeback.Run(ctx, writeback.Pass{
		Warehouse: w, Config: cfg, Log: log, Now: time.Now, Progress: &enough{most: t.Most, reached: cancel},
		Client: bitrix24.NewClient(bitrix24.ClientOptions{Webhook: cfg.Portal.URL, Limits: cfg.Portal.Limits, Clock: bitrix24.WallClock(time.Now)}),
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		return fail(err)
	}
	err = json.NewEncoder(os.Stdout).Encode(measured{
		Seconds: summary.Took.Seconds(), Megabytes: peakMemory(), Requests: summary.Requests, Written: summary.Written,
	})
	if err != nil {
		return fail(err)
	}
	return 0
}

// enough is a progress that calls when so many deals are written.
type enough struct {
	most    int64
	reached func()
	step    string
}

func (e *enough) Step(name string) { e.step = name }

func (e *enough) Rows(done, _ int64) {
	if e.step == "write back: write" && done >= e.most {
		e.reached()
	}
}

// peakMemory is the most that this process had resident, in MB, 0 where the system does not tell.
// What a parent is told of its child is no less than its own, from before the child's program began.
func peakMemory() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	var kilobytes float64
	if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
		_, _ = fmt.Sscan(rest, &kilobytes)
	}
	return kilobytes / 1024
}
