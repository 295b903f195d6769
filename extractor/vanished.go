package extractor

import "fmt"

// A VanishedError is a portal that has stopped showing most of the deals at once, which is
// what lost rights look like. Nothing was marked as vanished.
type VanishedError struct {
	Known, Vanished int
}

func (e *VanishedError) Error() string {
	return e.what() + ": check the rights of the webhook's user; if they really were deleted, run with --full"
}

func (e *VanishedError) what() string {
	return fmt.Sprintf("%d of %d known deals are gone from the portal at once", e.Vanished, e.Known)
}

// isSuspect is whether that is more than people delete in a night. A few known deals may all be
// gone without a doubt.
func (e *VanishedError) isSuspect() bool {
	const fewDeals = 100
	return e.Known >= fewDeals && 2*e.Vanished > e.Known
}
