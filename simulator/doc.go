// Package simulator simulates a Bitrix24 portal: a [World] holds what the portal knows,
// a [Portal] answers its REST calls over HTTP as a real one does, limits, paging and
// oddities included.
//
// # The world
//
// A [World] is funnels with their stages, people, custom fields, and deals with the
// rows of their stage history. Everything that happens to it has a time. What lies
// after the world's clock is kept and happens when the clock passes it, so that a world
// can hold the future of a scenario; the portal moves the clock on with every request.
// The clock never goes back.
//
// [Generate] makes a believable world from a seed, [ReadVisits] makes one from a CSV
// file of visits, and a test makes its own with [NewWorld] and the methods of World.
//
// # The portal
//
// [New] puts a world on the air; the result is an http.Handler. It serves
// /rest/{user}/{secret}/{method} for the methods that an export of deals needs, and
// batch. What real portals do differently from one another is a switch in [Quirks],
// whose zero value is the behaviour that the documentation describes. [Portal.Inject]
// makes chosen requests fail, [Portal.Log] tells what was asked.
//
// Not simulated: OAuth applications, events, REST 3.0, the XML format.
package simulator
