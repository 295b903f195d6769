// Package bitrix24 is the REST interface of a Bitrix24 portal, within the portal's limits.
//
// A Client asks one portal, one request at a time and many commands to a request: Batch asks
// anything, Walk and ByID read lists, Describe asks what deals have there, and Fields reads and
// writes custom fields of deals. The client waits before the portal has to refuse, and asks
// again what may be asked again. Text, ID, Flag, List and Items decode what the portal writes
// in more than one way. What is worth reading is for the caller to decide.
package bitrix24
