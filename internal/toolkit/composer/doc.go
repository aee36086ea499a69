// Package composer knows Composer's versions and lock files: normalised versions, their
// order, constraints, and which packages composer.lock has.
//
// It is pure: it is given the text of files.
package composer
