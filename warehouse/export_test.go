package warehouse

import "time"

// SetPauses has Retry pause so, and gives the way back.
func SetPauses(shorter ...time.Duration) (back func()) {
	before := pauses
	pauses = shorter
	return func() { pauses = before }
}
