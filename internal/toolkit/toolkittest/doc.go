// Package toolkittest is what tests of the toolkit need: a Kit over a temporary tree, with
// a shell that records and answers, a log and progress lines that can be read back.
package toolkittest
