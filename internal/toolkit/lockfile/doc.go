// Package lockfile reads which packages a composer.lock has.
//
// It is pure: it is given the text of the file.
package lockfile
