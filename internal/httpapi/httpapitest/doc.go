// Package httpapitest holds an in-memory platform behind the ports of httpapi, for the
// tests of the API and of its clients. It deploys nothing: an operation ends at once, in the
// way that its parameter "fake" says. It is for tests only.
package httpapitest
