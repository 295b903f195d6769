// Package embedded runs the ClickHouse engine on this machine, in a process of its own that
// listens on loopback. The first command that joins a folder starts it, later ones find it
// and connect to it, and it ends with the last one, however that ends:
//
//	command ── holds users.fifo open ──> keeper ── holds the engine's stdin open ──> engine
//
// The keeper also stands between: programs connect to its gate, on the addresses of a
// [Seat], because the engine was not made to stay up for others.
//
// The keeper reads the FIFO until its end. The kernel closes what a killed process had
// open, so nobody has to say goodbye. The keeper and the engine both hold engine.lock:
// while it is taken there is, or may be, an engine on the folder, and the engine itself does
// not keep a second one off the same data. start.lock is held by a command while it starts or joins an
// engine, and by the keeper while it ends one, so neither happens in the midst of the
// other.
//
// An engine serves any number of databases, each with users of its own. It reads its users
// at its start only, so the first command of a database that is new in the folder writes a
// byte into the FIFO, and the keeper starts the engine anew behind the gate.
//
// The keeper and the engine are this very program, started again with a hidden word. A
// program that joins calls [RunIfAsked] first thing in main, or in TestMain.
package embedded
