// Package extractor brings deals, stage changes, funnels and managers from a Bitrix24 portal
// to a landing.
//
// Describe shows what the portal has. Extract is the flow of one run: everything on the first
// run, what has changed afterwards. Package bitrix24 does the asking.
package extractor
