// Package platform holds the nouns of Sluice: projects, environments, pushes,
// activities, releases, routes, variables and holds, the states they can be in
// and the moves between states that are legal.
//
// It is layer 0: it imports the standard library only, does no I/O, reads no
// clock and knows no other package of the module. Everything else may import it.
package platform
