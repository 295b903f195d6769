package bitrix24

import (
	"context"
	"time"
)

// A Clock tells the time and sleeps, so that a test needs not wait for a limit.
type Clock interface {
	Now() time.Time
	// Sleep returns after d, or at once with the context's error when that ends first.
	Sleep(ctx context.Context, d time.Duration) error
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
