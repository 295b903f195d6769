package warehouse

import (
	"errors"
	"io"
	"net"
	"strings"

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

// Remedy says what to do about an error of the engine or of the connection to it, empty where
// that is not known. The caller knows that an error of the network is not one of the portal's.
func Remedy(err error) string {
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
	var network net.Error
	if errors.Is(err, ErrLeaseLost) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network) {
		return "the warehouse ended or was cut off: see that it runs, and run again, nothing is lost"
	}
	return ""
}
