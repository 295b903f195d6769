// Package remedy explains an error to the reader of a last line: its cause and what to do about
// it, whether it came from the portal, from the warehouse or from a signal.
package remedy

import (
	"context"
	"errors"
	"fmt"
	"net"

	"stagelag/bitrix24"
	"stagelag/warehouse"
)

// Explain returns an error of work within ctx together with what to do about it, as far as that
// is known. When ctx was cancelled, the cause of that replaces the error. An error that was
// explained before stays as it is.
func Explain(ctx context.Context, err error) error {
	if err == nil || isExplained(err) {
		return err
	}
	if cause := context.Cause(ctx); cause != nil && WasCutOff(err) {
		err = cause
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return err // it looks like an error of the network, and is not one
	}
	if what := Of(err); what != "" {
		return &explained{fmt.Errorf("%w; %s", err, what)}
	}
	return err
}

// WasCutOff is whether the error can come from the end of a context. ClickHouse's client closes the connection of a query
// then, and tells either of the context or of the connection.
func WasCutOff(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed)
}

// ExplainAny is Explain for an error of which nobody knows whether it is the portal's, the warehouse's or another's.
func ExplainAny(err error) error {
	if err == nil || isExplained(err) {
		return err
	}
	what := bitrix24.Remedy(err)
	if what == "" {
		what = warehouse.OwnRemedy(err)
	}
	if what == "" {
		return err
	}
	return &explained{fmt.Errorf("%w; %s", err, what)}
}

// Explained marks an error that says itself what to do about it: Explain and ExplainAny leave it as it is.
func Explained(err error) error { return &explained{err} }

// explained is an error that says what to do about it.
type explained struct{ error }

func (e *explained) Unwrap() error { return e.error }

func isExplained(err error) bool {
	_, ok := errors.AsType[*explained](err)
	return ok
}

// Of is what to do about an error, empty where that is not known.
func Of(err error) string {
	if errors.Is(err, bitrix24.ErrNoAnswer) {
		return bitrix24.Remedy(err)
	}
	return warehouse.Remedy(err)
}
