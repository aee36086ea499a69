// Package hal renders resources as the API shows them: nouns of the platform become the wire
// types of apiv1, with the links that say what the subject of a request may do next.
//
// It is pure: what a resource shows is given to it, nothing is looked up, and it knows
// nothing of requests and statuses. A link to an operation is there when both the roles of
// the subject and the state of the resource allow it, as package access says; clients offer
// a command only then. An object looks the same alone and in a list, because clients do not
// read it again.
//
// Values of sensitive variables, passwords and private keys are dropped here: nothing else
// renders what holds them.
package hal
