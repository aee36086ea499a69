// Package e2e holds the whole-platform tests: real binaries, real Git, Docker, MariaDB,
// Redis and RabbitMQ. Scripts are in testdata; what a script cannot say well, such as
// load and crashes, is a Go test beside them. It contains no product code.
package e2e
