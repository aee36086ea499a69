// Package access says who may do what: which role on which type of environment gives
// which permission. Every transport (the HTTP API, Git) asks it with the same words.
//
// It is pure: it knows no tokens' storage, no environments and no clock. package project
// looks up what the rules need.
package access
