// Package extractor brings deals, stage changes, funnels and managers from a Bitrix24
// portal to a landing, within the portal's limits.
//
// A Client speaks to the portal: one request at a time, many commands to a request. Extract
// is the flow of one run over it: everything on the first run, what has changed afterwards.
package extractor
