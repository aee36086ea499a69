package httpapitest

import (
	"context"
	"strings"
	"time"

	"sluice/internal/platform"
)

// The objects of the repository that every project has: one commit with a file and a
// directory that holds one more.
const (
	commitID    = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" // what every environment points at
	treeID      = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	directoryID = "cccccccccccccccccccccccccccccccccccccccc"
	blobID      = "dddddddddddddddddddddddddddddddddddddddd"
)

type code struct{}

// Refs implements httpapi.Code.
func (code) Refs(context.Context, string) ([]platform.Ref, error) {
	return []platform.Ref{{Name: "refs/heads/feature/x", Commit: commitID}, {Name: "refs/heads/main", Commit: commitID}}, nil
}

// Commit implements httpapi.Code.
func (code) Commit(_ context.Context, _, id string) (platform.Commit, error) {
	if id != commitID {
		return platform.Commit{}, noObject("commit", id)
	}
	by := platform.Signature{Name: "Jane Doe", Email: "jane@example.com", Time: time.Date(2026, 1, 31, 11, 0, 0, 0, time.UTC)}
	return platform.Commit{ID: id, Tree: treeID, Author: by, Committer: by, Message: "First commit\n\nwith a caf\xe9\n"}, nil
}

// Directory implements httpapi.Code.
func (code) Directory(_ context.Context, _, id string) ([]platform.TreeEntry, error) {
	file := platform.TreeEntry{Name: "README.md", Mode: "100644", Type: "blob", ID: blobID}
	switch id {
	case treeID:
		return []platform.TreeEntry{file, {Name: "app", Mode: "040000", Type: "tree", ID: directoryID}}, nil
	case directoryID:
		return []platform.TreeEntry{file}, nil
	}
	return nil, noObject("tree", id)
}

// Blob implements httpapi.Code.
func (code) Blob(_ context.Context, _, id string) ([]byte, error) {
	if id != blobID {
		return nil, noObject("blob", id)
	}
	return []byte(strings.Repeat("Hello\n", 2)), nil
}

func noObject(kind, id string) error {
	return platform.Errorf(platform.CodeNotFound, "the project has no %s %q", kind, id)
}
