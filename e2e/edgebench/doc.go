// Command edgebench compares sluice-router with other reverse proxies: on one machine, in
// one run, with the same backend and the same load. `make bench-router` runs it; how to
// read what it prints is in docs/benchmarks.md.
//
// Every round measures every case of every proxy once, so that a busy moment of the
// machine meets all of them; medians of the rounds are printed. One proxy runs at a time
// under load, the others wait. A proxy that is not installed is named as skipped.
package main
