package warehouse

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"strings"
	"syscall"

	"stagelag/reach"
	"stagelag/warehouse/exception"
)

// An EngineError is the engine's own complaint about a statement or a connection.
type EngineError = exception.Error

// The engine's codes for what a person can mend.
const (
	notEnoughSpace   = 243
	memoryLimit      = 241
	timeoutExceeded  = 159
	noRight          = 497
	readOnlyStorage  = 164
	cannotWriteFile  = 75
	authenticationNo = 516
	unknownTable     = 60
)

// A reachError is a server that could not be talked to when the warehouse was opened.
type reachError struct {
	host string
	err  error
}

func (e *reachError) Error() string { return e.err.Error() }
func (e *reachError) Unwrap() error { return e.err }

// otherInterface is how the driver reports an answer of something that is not the interface it speaks to.
var otherInterface = regexp.MustCompile(`\[HTTP \d+\]|unexpected packet|response code|conn_id`)

func (e *reachError) advice() string {
	if advice := reach.Advice(e.err, e.host, "warehouse.url"); advice != "" {
		return advice
	}
	if otherInterface.MatchString(e.err.Error()) {
		return fmt.Sprintf("what listens at %s is not the interface of ClickHouse that warehouse.url names: "+
			"clickhouse:// is for the native port (9000, 9440 with secure=true), http:// for 8123 and https:// for 8443", e.host)
	}
	return fmt.Sprintf("check that %s can be reached from here, and warehouse.url", e.host)
}

// unreached marks an error of a server that did not answer as ClickHouse does. The driver puts the
// whole address and the whole answer into some; neither is for a last line.
func unreached(config Config, err error) error {
	_, isAbsent := errors.AsType[*AbsentError](err)
	if config.URL == Embedded || isAbsent || exception.Code(err) != 0 {
		return err
	}
	u, parsing := url.Parse(config.URL)
	if parsing != nil || !isOfNetwork(err) {
		return err
	}
	lost := &reachError{u.Host, err}
	if uerr, ok := errors.AsType[*url.Error](err); ok {
		if lost.err = distrust(uerr.Err); lost.err != uerr.Err { //nolint:errorlint // whether it was explained
			return lost.err
		}
	} else if text, _, isCut := strings.Cut(err.Error(), " response body:"); isCut {
		lost.err = errors.New(text)
	}
	return lost
}

// isOfNetwork is whether an error says that a server could not be talked to.
func isOfNetwork(err error) bool {
	return isConnection(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || otherInterface.MatchString(err.Error())
}

// isConnection is whether an error is one of a connection. A number of the system's satisfies net.Error by itself, and is
// that of a file where no error of the network is around it.
func isConnection(err error) bool {
	network, ok := errors.AsType[net.Error](err)
	_, isNumber := network.(syscall.Errno)
	return ok && !isNumber
}

// Remedy says what to do about an error of the engine or of the connection to it, empty where
// that is not known. The caller knows that an error of the network is not one of the portal's.
func Remedy(err error) string {
	if what := OwnRemedy(err); what != "" {
		return what
	}
	if errors.Is(err, ErrLeaseLost) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isConnection(err) {
		return "the warehouse ended or was cut off: see that it runs, and run again, nothing is lost"
	}
	return ""
}

// OwnRemedy is Remedy for an error of anything: it knows those that only a warehouse gives.
func OwnRemedy(err error) string {
	if absent, ok := errors.AsType[*AbsentError](err); ok {
		return absent.remedy()
	}
	code := exception.Code(err)
	if code != 0 && strings.Contains(err.Error(), "No space left on device") { // said with a code that says less
		code = notEnoughSpace
	}
	switch code {
	case notEnoughSpace, cannotWriteFile:
		return "the warehouse's disk is full: free some space and run again, nothing is lost"
	case memoryLimit:
		return "the warehouse has not enough memory: end other queries, or give it more (docs/scale.md tells how much), and run again"
	case timeoutExceeded:
		return "the warehouse took too long: run again when it has less to do"
	case noRight, readOnlyStorage:
		return "the warehouse's user lacks a right: stagelag warehouse users shows which it needs"
	case authenticationNo:
		return "the warehouse refuses the user or the password: check warehouse.url"
	}
	if lost, ok := errors.AsType[*reachError](err); ok {
		return lost.advice()
	}
	return ""
}
