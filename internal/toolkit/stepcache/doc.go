// Package stepcache keeps the results of steps of the build between builds: the files that
// a step made, under a digest of everything that it read.
//
// It compares and copies files. It does not know what a step does, runs nothing and decides
// nothing: steps say what they read, and what they made. When it cannot read, compare or
// restore something it says so, and the step has to run.
package stepcache
