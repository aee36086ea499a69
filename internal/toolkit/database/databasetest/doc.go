// Package databasetest is for tests of what asks databases: a conformance suite that every
// kit.Database passes, and a fake in memory that passes it too.
package databasetest
