// Package warehouse gives a connection to the ClickHouse that stagelag keeps its
// data in: a server, or the same engine embedded, which package embedded runs.
package warehouse
