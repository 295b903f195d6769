package warehouse

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// An EngineError is the engine's own complaint about a statement or a connection.
type EngineError struct {
	Code    int    // the engine's number for the kind of error
	Name    string // its name, such as UNKNOWN_TABLE; can be empty
	Message string // one line
}

func (e *EngineError) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("%s (code %d)", e.Message, e.Code)
	}
	return fmt.Sprintf("%s (%s)", e.Message, e.Name)
}

var (
	exceptionHead = regexp.MustCompile(`(?:^|.*?\s)Code: (\d+)[.,] (?:DB::\w+: |type: .*?e\.what\(\) = )?`)
	exceptionName = regexp.MustCompile(`^(.*)\(([A-Z][A-Z0-9_]+)\)`)
	// The engine adds a stack trace and its version, and to a syntax error all
	// that could have stood there.
	exceptionNoise = regexp.MustCompile(`(?:, Stack trace| \(version |Expected one of:|Expected: ).*$`)
)

// parseException reads an exception as the engine writes it. It returns nil for
// a text that is none.
func parseException(text string) *EngineError {
	text = strings.Join(strings.Fields(text), " ")
	head := exceptionHead.FindStringSubmatchIndex(text)
	if head == nil {
		return nil
	}
	e := &EngineError{}
	_, _ = fmt.Sscan(text[head[2]:head[3]], &e.Code)
	e.Message = text[head[1]:]
	if name := exceptionName.FindStringSubmatch(e.Message); name != nil {
		e.Message, e.Name = name[1], name[2]
	}
	e.Message = strings.TrimRight(exceptionNoise.ReplaceAllString(e.Message, ""), " .:")
	return e
}

// plain turns an exception that clickhouse-go brought into an *EngineError, and
// returns any other error as it is.
func plain(err error) error {
	var exception *clickhouse.Exception
	if !errors.As(err, &exception) {
		return err
	}
	text := fmt.Sprintf("Code: %d. %s", exception.Code, exception.Message)
	if exception.CodeName != "" && !strings.HasSuffix(text, ")") {
		text += " (" + exception.CodeName + ")"
	}
	return parseException(text)
}

// exceptionCode is the engine's code for err, 0 for an error that is not its own.
func exceptionCode(err error) int {
	if exception, ok := errors.AsType[*clickhouse.Exception](err); ok {
		return int(exception.Code)
	}
	if engine, ok := errors.AsType[*EngineError](err); ok {
		return engine.Code
	}
	return 0
}
