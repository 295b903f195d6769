package bitrix24

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"stagelag/reach"
)

// The portal's codes that callers and this package decide by.
const (
	CodeTooManyRequests   = "QUERY_LIMIT_EXCEEDED"
	CodeOperatingLimit    = "OPERATION_TIME_LIMIT"
	CodeOverload          = "OVERLOAD_LIMIT"
	CodeInsufficientScope = "insufficient_scope"
	CodePortalDeleted     = "PORTAL_DELETED"
)

// An APIError is a refusal by the portal.
type APIError struct {
	Method      string
	Code        string // as the portal wrote it: letter case varies, and it may be empty or "0"
	Description string // may be empty
	HTTPStatus  int    // 200 for a command that failed in a good batch
	retryAfter  time.Duration
}

// is compares the code without regard to letter case.
func (e *APIError) is(code string) bool { return strings.EqualFold(e.Code, code) }

// Error names the method, what the portal said, and what to do about it where that is known.
func (e *APIError) Error() string {
	what := strings.TrimRight(e.Description, ". ")
	if what == "" {
		what = strings.ToLower(http.StatusText(e.HTTPStatus))
	}
	if e.Description == "" && e.HTTPStatus == http.StatusOK {
		what = "refused"
	}
	switch {
	case e.Code != "" && e.Code != e.Description:
		what = fmt.Sprintf("%s (%s)", what, e.Code)
	case e.Code == "" && e.HTTPStatus != http.StatusOK:
		what = fmt.Sprintf("%s (HTTP %d)", what, e.HTTPStatus)
	}
	if remedy := e.remedy(); remedy != "" {
		what += "; " + remedy
	}
	return e.Method + ": " + what
}

func (e *APIError) remedy() string {
	switch {
	case e.is(CodeOverload):
		return "Bitrix24 has blocked the portal by hand, only its support lifts that"
	case e.is(CodeInsufficientScope):
		scope, _, _ := strings.Cut(e.Method, ".")
		return fmt.Sprintf("the webhook lacks the scope %q: tick it in the webhook's settings", scope)
	case e.is(CodePortalDeleted):
		return "the portal is gone or closed"
	case e.HTTPStatus == http.StatusUnauthorized:
		return "check the webhook's address in portal.url"
	case e.HTTPStatus == http.StatusForbidden:
		return "check the rights of the webhook's user, and that the portal's plan includes REST"
	case e.Code == "" && e.Description == "" && (e.HTTPStatus == http.StatusBadGateway || e.HTTPStatus == http.StatusServiceUnavailable || e.HTTPStatus == http.StatusGatewayTimeout):
		return "the portal, or what stands before it, is down: try again later, or check the host in portal.url"
	case e.HTTPStatus == http.StatusNotFound && e.Code == "", e.HTTPStatus != http.StatusOK && e.Code == "" && e.Description == "":
		return "check the host in portal.url"
	}
	return ""
}

// isTransient is whether the same read may succeed a little later.
func (e *APIError) isTransient() bool {
	switch {
	case e.is(CodeOverload), e.is(CodePortalDeleted):
		return false
	case e.is(CodeTooManyRequests), e.is("INTERNAL_SERVER_ERROR"), e.is("ERROR_UNEXPECTED_ANSWER"):
		return true
	}
	return e.HTTPStatus >= 500 || e.HTTPStatus == http.StatusRequestTimeout || e.HTTPStatus == http.StatusTooManyRequests
}

// wasRefused is whether the portal turned the call away before it did anything.
func (e *APIError) wasRefused() bool {
	return e.is(CodeTooManyRequests) || e.is(CodeOperatingLimit) || e.HTTPStatus == http.StatusTooManyRequests
}

// ErrOutcomeUnknown marks a writing request whose answer was lost: it may or may not have
// been carried out, so it was not repeated.
var ErrOutcomeUnknown = errors.New("the answer was lost and the change may have been made")

// A transportError is a request that brought no readable answer.
type transportError struct {
	method, host string
	err          error
}

func (e *transportError) Error() string        { return e.method + ": " + e.err.Error() }
func (e *transportError) Unwrap() error        { return e.err }
func (e *transportError) Is(target error) bool { return target == ErrNoAnswer }

// ErrNoAnswer marks every error of a request that brought no readable answer, be it that
// no connection was made, that it broke, or that something other than a portal answered.
var ErrNoAnswer = errors.New("no readable answer")

// errTooLong is an answer that would take too much memory.
var errTooLong = fmt.Errorf("the answer is longer than %d MB", maxAnswer>>20)

// Remedy says what to do about a portal that gave no readable answer; empty for any other
// error. What a portal refuses says so itself.
func Remedy(err error) string {
	lost, ok := errors.AsType[*transportError](err)
	switch {
	case !ok:
		return ""
	case errors.Is(err, errTooLong):
		return "deals carry texts of many megabytes: shorten them, or leave out the fields that hold them"
	}
	if advice := reach.Advice(err, lost.host, "portal.url"); advice != "" {
		return advice
	}
	return fmt.Sprintf("check that %s can be reached from here, and portal.url", lost.host)
}

// A RedirectError is a portal that has moved to a host which does not get the secret without
// being asked for.
type RedirectError struct {
	Host   string // where the portal points to
	reason string
}

func (e *RedirectError) Error() string {
	return fmt.Sprintf("the portal redirects to %s, %s; if that is the portal's new address, set portal.url to it", e.Host, e.reason)
}

// IsNotFound is whether the portal says that what was asked for does not exist.
func IsNotFound(err error) bool {
	refusal, ok := errors.AsType[*APIError](err)
	if !ok {
		return false
	}
	return refusal.is("NOT_FOUND") || (refusal.Code == "" || refusal.is("0")) && strings.EqualFold(strings.Trim(refusal.Description, ". "), "not found")
}
