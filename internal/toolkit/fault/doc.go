// Package fault is what can go wrong in the toolkit: errors with the codes that users,
// hooks and monitoring match on, the table of all codes with their titles and suggestions,
// and the rule that makes an exit status of an error.
//
// It is the lowest package of the toolkit: it knows no step, no file and no log.
package fault
