// Package warehouse gives a connection to the ClickHouse that stagelag keeps its
// data in: a server, or the same engine embedded.
//
// The embedded engine is a process of its own on loopback. The first command
// that opens a path starts it, later ones find it and connect to it, and it ends
// with the last one, however that ends:
//
//	command ── holds users.fifo open ──> keeper ── holds the engine's stdin open ──> engine
//
// The keeper also stands between: programs connect to its gate, on the addresses
// that Endpoints tells, because the engine does not survive every client.
//
// The keeper reads the FIFO until its end. The kernel closes what a killed
// process had open, so nobody has to say goodbye. The keeper and the engine both
// hold engine.lock: while it is taken there is, or may be, an engine on the path,
// and a second one on the same data would crash. start.lock is held by a command
// while it starts or joins an engine, and by the keeper while it ends one, so
// neither happens in the midst of the other.
//
// The keeper and the engine are this very program, started again with a hidden
// word. A program that opens an embedded warehouse calls [RunEngineIfAsked] first
// thing in main, or in TestMain.
package warehouse
