// Package archtest holds the tests of the module's structure: every package is in a layer
// of .golangci.yml and has a package comment. It contains nothing else and is imported by
// nobody.
package archtest
