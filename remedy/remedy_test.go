package remedy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"stagelag/plain"
	"stagelag/remedy"
	"stagelag/warehouse"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	goesOn := t.Context()
	stopped, stop := context.WithCancelCause(goesOn)
	stop(errors.New("terminated"))
	lost, lose := context.WithCancelCause(goesOn)
	lose(warehouse.ErrLeaseLost)
	late, cancel := context.WithDeadline(goesOn, time.Unix(0, 0))
	defer cancel()
	const cutOff = "; the warehouse ended or was cut off: see that it runs, and run again, nothing is lost"
	tests := []struct {
		name string
		ctx  context.Context
		err  error
		want string
	}{
		{"what nothing is known about stays as it is", goesOn, errors.New("odd"), "odd"},
		{"a warehouse that hangs up", goesOn, fmt.Errorf("publish: %w", io.EOF), "publish: EOF" + cutOff},
		{"a warehouse that resets the connection", goesOn, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}, "read tcp: connection reset by peer" + cutOff},
		{"a file that can't be written", goesOn, plain.NotWritten("/none/file", syscall.ENOENT),
			"/none/file can't be written: no such file or directory; make the folder, or name another one"},
		{"a file that can't be opened", goesOn, &fs.PathError{Op: "open", Path: "file", Err: syscall.EACCES}, "open file: permission denied"},
		{"what says itself what to do", goesOn, remedy.Explained(&clickhouse.Exception{Code: 516, Message: "no"}), "code: 516, message: no"},
		{"a warehouse that refuses", goesOn, &clickhouse.Exception{Code: 516, Message: "no"},
			"code: 516, message: no; the warehouse refuses the user or the password: check warehouse.url"},
		{"a disk that is full", goesOn, &clickhouse.Exception{Code: 243, Message: "no"},
			"code: 243, message: no; the warehouse's disk is full: free some space and run again, nothing is lost"},
		{"a full disk under another code", goesOn, &clickhouse.Exception{Code: 1001, Message: "No space left on device"},
			"code: 1001, message: No space left on device; the warehouse's disk is full: free some space and run again, nothing is lost"},
		{"work that was stopped names who stopped it", stopped, fmt.Errorf("extract: %w", context.Canceled), "terminated"},
		{"work that was stopped in a query", stopped, fmt.Errorf("publish: %w", &net.OpError{Op: "read", Net: "tcp", Err: net.ErrClosed}), "terminated"},
		{"a lease that was lost", lost, fmt.Errorf("publish: %w", context.Canceled), warehouse.ErrLeaseLost.Error() + cutOff},
		{"a failure before the stop is the failure", stopped, errors.New("odd"), "odd"},
		{"work that took too long is not cut off by the warehouse", late, fmt.Errorf("extract: %w", context.DeadlineExceeded), "extract: context deadline exceeded"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := remedy.Explain(test.ctx, test.err); got.Error() != test.want {
				t.Errorf("Explain(%v) = %q, want %q", test.err, got, test.want)
			}
		})
	}
	foreign := &net.OpError{Op: "listen", Net: "tcp", Err: syscall.EADDRINUSE}
	if err := remedy.ExplainAny(foreign); !errors.Is(err, foreign) || err.Error() != foreign.Error() {
		t.Errorf("ExplainAny of an error of neither: %v, want it as it was", err)
	}
	if err := remedy.ExplainAny(&clickhouse.Exception{Code: 243, Message: "no"}); !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("ExplainAny of an error of the warehouse: %v, want what to do", err)
	}
	once := remedy.Explain(goesOn, io.EOF)
	if twice := remedy.Explain(goesOn, fmt.Errorf("run: %w", once)); twice.Error() != "run: "+once.Error() {
		t.Errorf("Explain of what is explained: %v, want it as it was", twice)
	}
	if err := remedy.Explain(stopped, nil); err != nil {
		t.Errorf("Explain of no error: %v, want none", err)
	}
}
