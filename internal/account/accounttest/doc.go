// Package accounttest keeps accounts in memory for tests, and holds the tests that every
// implementation of account.Records passes.
package accounttest
