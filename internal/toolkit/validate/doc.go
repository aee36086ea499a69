// Package validate checks the configuration of a project and of its environment before a
// phase changes anything: the validators of the scenarios and the step that runs them.
//
// A validator reads and never writes. What it finds is a *fault.Fault with a message, what
// fixes it and a code; its weight is decided by the scenario that lists it. Names, messages
// and codes are those that users of the original know; suggestions are ours.
package validate
