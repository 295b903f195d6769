// Package remedy explains an error to the reader of a last line: its cause and what to do about
// it, whether it came from the portal, from the warehouse or from a signal.
package remedy

import (
	"context"
	"errors"
	"fmt"

	"stagelag/bitrix24"
	"stagelag/warehouse"
)

// Explain returns an error of work within ctx together with what to do about it, as far as that
// is known. When ctx was cancelled, the cause of that replaces the error. Portal is the portal's
// host.
func Explain(ctx context.Context, err error, portal string) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); errors.Is(err, context.Canceled) && cause != nil {
		err = cause
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return err // it looks like an error of the network, and is not one
	}
	if what := Of(err, portal); what != "" {
		return fmt.Errorf("%w; %s", err, what)
	}
	return err
}

// Of is what to do about an error, empty where that is not known.
func Of(err error, portal string) string {
	if errors.Is(err, bitrix24.ErrNoAnswer) {
		return bitrix24.Remedy(err, portal)
	}
	return warehouse.Remedy(err)
}
