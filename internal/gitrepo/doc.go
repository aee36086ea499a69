// Package gitrepo keeps the bare Git repositories of projects on disk and reads them: a
// commit's tree as a file system, digests of its directories, and its files in a
// directory of ours for a build.
//
// All work is done by the real git binary, run without a shell, with
// an environment and a configuration of our own. What was pushed is hostile input: reads
// are bounded, no attribute or configuration of a repository can run anything, and no
// symbolic link is followed out of a tree.
//
// The package moves a branch only from a commit that the caller names, serves no client
// (gitserve does), and knows no manifest and no other adapter.
package gitrepo
