// Package patch applies a project's own patches, the files of m2-hotfixes, with git apply:
// exactly or not at all, at the line that the patch names or wherever else its context is,
// and never with fuzz. A patch that is in the tree already is recognised by its reverse
// applying, and left alone.
//
// It needs git, which every PHP image has because Composer needs it, and no repository. It
// touches nothing outside the directory that it is given.
package patch
