package simulator

import (
	"net/http"
	"strconv"
)

// An Error is a refusal as the portal writes it.
type Error struct {
	Status int    // of HTTP; inside a batch it does not show
	Code   string // may be empty
	Text   string
	// IsNumber writes the code as a number, which some controllers do.
	IsNumber bool
}

func (e *Error) append(b []byte) []byte {
	b = append(b, `{"error":`...)
	if e.IsNumber {
		n, _ := strconv.Atoi(e.Code)
		b = strconv.AppendInt(b, int64(n), 10)
	} else {
		b = appendText(b, e.Code)
	}
	b = append(b, `,"error_description":`...)
	b = appendText(b, e.Text)
	return append(b, '}')
}

// Refusals of the system, which also serve to be injected.
var (
	NoAuthFound         = Error{Status: http.StatusUnauthorized, Code: "NO_AUTH_FOUND", Text: "Wrong authorization data"}
	ExpiredToken        = Error{Status: http.StatusUnauthorized, Code: "expired_token", Text: "The access token provided has expired."}
	AccessDenied        = Error{Status: http.StatusForbidden, Code: "ACCESS_DENIED", Text: "REST is available only on commercial plans."}
	InsufficientScope   = Error{Status: http.StatusForbidden, Code: "insufficient_scope", Text: "The request requires higher privileges than provided by the webhook token"}
	InvalidCredentials  = Error{Status: http.StatusForbidden, Code: "INVALID_CREDENTIALS", Text: "Invalid request credentials"}
	QueryLimitExceeded  = Error{Status: http.StatusServiceUnavailable, Code: "QUERY_LIMIT_EXCEEDED", Text: "Too many requests"}
	OverloadLimit       = Error{Status: http.StatusServiceUnavailable, Code: "OVERLOAD_LIMIT", Text: "REST API is blocked due to overload."}
	OperationTimeLimit  = Error{Status: http.StatusTooManyRequests, Code: "OPERATION_TIME_LIMIT", Text: "Method is blocked due to operation time limit."}
	InternalServerError = Error{Status: http.StatusInternalServerError, Code: "INTERNAL_SERVER_ERROR", Text: "Internal server error"}
)

func invalidArgument(text string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: "INVALID_ARG_VALUE", Text: text}
}

func badRequest(code, text string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: code, Text: text}
}

func missingParameter(name string) *Error {
	return badRequest("100", "Could not find value for parameter {"+name+"}")
}
