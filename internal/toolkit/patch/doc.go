// Package patch applies a project's own patches, the files of m2-hotfixes, as git apply
// does: exactly or not at all, at the line that the patch names or wherever else its
// context is, and never with fuzz. A patch that is in the tree already is recognised by
// its reverse applying, and left alone.
//
// It needs neither git nor a repository, touches nothing outside the root it is given
// and imports nothing of the module.
package patch
