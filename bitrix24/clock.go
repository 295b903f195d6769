package bitrix24

import (
	"context"
	"time"
)

// A Clock gives the time and sleeps, so that a test does not have to wait for a limit.
type Clock interface {
	Now() time.Time
	// Sleep returns after d, or at once with the context's error when that ends first.
	Sleep(ctx context.Context, d time.Duration) error
}

// WallClock is a clock that really sleeps, around the function that gives its time.
type WallClock func() time.Time

// Now is the time that the function gives.
func (now WallClock) Now() time.Time { return now() }

// Sleep waits for d to pass.
func (WallClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
