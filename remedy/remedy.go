// Package remedy says of a failure why it came to that and what to do about it, wherever the
// failure came from: the portal, the warehouse, or whoever ended the work.
package remedy

import (
	"context"
	"errors"
	"fmt"

	"stagelag/bitrix24"
	"stagelag/warehouse"
)

// Explain gives an error of work that was done within ctx, with why the work was ended, where
// it was, and with what to do, as far as that is known. Portal is the portal's host.
func Explain(ctx context.Context, err error, portal string) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); errors.Is(err, context.Canceled) && cause != nil {
		err = cause // says why the context has ended
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return err // looks like an error of the network, and is none
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
