// Command stagelag shows how late every deal of a Bitrix24 portal is, at every stage,
// computed night by night from the portal and kept in ClickHouse.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	// The time zones come with the program: a container may have none.
	_ "time/tzdata"

	"stagelag/warehouse/embedded"
)

func main() {
	embedded.RunIfAsked()
	os.Exit(mainCode())
}

// mainCode is main, with the exit code as its result.
func mainCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A command that was asked to stop tidies up; whoever asks again does not want to wait.
	context.AfterFunc(ctx, stop)

	a := newApp(os.Stdin, os.Stdout, os.Stderr, os.Environ(), time.Now)
	return a.execute(ctx, newRoot(a), os.Args[1:])
}
