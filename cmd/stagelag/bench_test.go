package main

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"stagelag/warehouse"
)

// BenchmarkFirstSteps runs what somebody does on the first day, each as a process of its own: the demo in an empty folder
// with the engine's file at hand, a query over its warehouse with an engine that has to start, and the same while an
// engine is up. It gives the seconds of each.
func BenchmarkFirstSteps(b *testing.B) {
	program := filepath.Join(b.TempDir(), "stagelag")
	if text, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, text)
	}
	var folder string
	call := func(args ...string) time.Duration {
		cmd := exec.Command(program, args...)
		cmd.Dir = folder
		begun := time.Now()
		if text, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("stagelag %v: %v\n%s", args, err, text)
		}
		return time.Since(begun)
	}
	var demo, cold, warm time.Duration
	for b.Loop() {
		folder = b.TempDir()
		demo += call("demo")
		cold += call("query", "--config", demoFolder+"/stagelag.yaml", "SELECT count() FROM deals_now")
		w, err := warehouse.Open(b.Context(), warehouse.Config{URL: warehouse.Embedded, Path: filepath.Join(folder, demoFolder, "warehouse")})
		if err != nil {
			b.Fatal(err)
		}
		warm += call("query", "--config", demoFolder+"/stagelag.yaml", "SELECT count() FROM deals_now")
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op")
	for unit, took := range map[string]time.Duration{"demo-s": demo, "cold-query-s": cold, "query-s": warm} {
		b.ReportMetric(took.Seconds()/float64(b.N), unit)
	}
}
