// Package schedule has a run made every night: when it is due, again when it failed, and at
// the start when one was missed. It knows nothing of what a run does.
package schedule
