// Package exception reads what ClickHouse says about a statement or a connection that it
// refuses, however that has come here.
package exception

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// An Error is the engine's own complaint about a statement or a connection.
type Error struct {
	Code    int    // the engine's number for the kind of error
	Name    string // its name, such as UNKNOWN_TABLE; can be empty
	Message string // one line
}

func (e *Error) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("%s (code %d)", e.Message, e.Code)
	}
	return fmt.Sprintf("%s (%s)", e.Message, e.Name)
}

var (
	headForm = regexp.MustCompile(`(?:^|.*?\s)Code: (\d+)[.,] (?:DB::\w+: |type: .*?e\.what\(\) = )?`)
	nameForm = regexp.MustCompile(`^(.*)\(([A-Z][A-Z0-9_]+)\)`)
	// The engine adds a stack trace and its version, and to a syntax error all
	// that could have stood there.
	noise = regexp.MustCompile(`(?:, Stack trace| \(version |Expected one of:|Expected: ).*$`)
)

// Parse reads an exception as the engine writes it. It returns nil for
// a text that is none.
func Parse(text string) *Error {
	text = strings.Join(strings.Fields(text), " ")
	head := headForm.FindStringSubmatchIndex(text)
	if head == nil {
		return nil
	}
	e := &Error{}
	_, _ = fmt.Sscan(text[head[2]:head[3]], &e.Code)
	e.Message = text[head[1]:]
	if name := nameForm.FindStringSubmatch(e.Message); name != nil {
		e.Message, e.Name = name[1], name[2]
	}
	e.Message = strings.TrimRight(noise.ReplaceAllString(e.Message, ""), " .:")
	return e
}

// Plain turns an exception that clickhouse-go brought into an *Error, and
// returns any other error as it is.
func Plain(err error) error {
	var exception *clickhouse.Exception
	if !errors.As(err, &exception) {
		return err
	}
	text := fmt.Sprintf("Code: %d. %s", exception.Code, exception.Message)
	if exception.CodeName != "" && !strings.HasSuffix(text, ")") {
		text += " (" + exception.CodeName + ")"
	}
	return Parse(text)
}

// Code is the engine's code for err, 0 for an error that is not its own.
func Code(err error) int {
	if exception, ok := errors.AsType[*clickhouse.Exception](err); ok {
		return int(exception.Code)
	}
	if engine, ok := errors.AsType[*Error](err); ok {
		return engine.Code
	}
	return 0
}
