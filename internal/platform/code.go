package platform

import "time"

// Commit is one commit of a project's repository.
type Commit struct {
	ID        string
	Tree      string
	Parents   []string
	Author    Signature
	Committer Signature
	Message   string // need not be UTF-8
}

// Signature is who made a commit, and when.
type Signature struct {
	Name  string
	Email string
	Time  time.Time
}

// TreeEntry is one entry of a directory in a repository.
type TreeEntry struct {
	Name string // need not be UTF-8
	Mode string // "100644", as Git writes it
	Type string // "blob", "tree" or "commit"
	ID   string
}

// Ref is a branch and the commit that it points at.
type Ref struct {
	Name   string // "refs/heads/main"
	Commit string
}
