// Package transform turns what the portal said of a deal into visits, and visits into
// daily facts. It does no I/O and reads no clock: the same deal, rules and dates always
// give the same rows.
//
// A run derives the visits of a deal anew (Rules.Visits) and compares them with the
// published ones (Compare): what it appends is the difference. So a night costs the
// days that passed, a correction costs what it corrects, and a second run costs nothing.
package transform
