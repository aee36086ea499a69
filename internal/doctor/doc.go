// Package doctor checks a machine before and after Sluice is installed on it: kernel,
// control groups, engine, programs, file system, disk, ports, DNS, clock, mirrors and the
// authority of certificates. Each check says what it found and, if something is wrong, what to do.
//
// It changes nothing, but for files in the data directory that it removes again. It knows
// none of the product's other packages.
package doctor
