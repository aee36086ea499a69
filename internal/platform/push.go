package platform

import "strings"

// Push is what a client asks Git to store: some refs of one project.
type Push struct {
	Project string
	Actor   Actor
	Updates []RefUpdate
	Options map[string]string // git push -o key=value

	// Quarantine holds the GIT_* variables without which the pushed objects cannot
	// be read before the push is accepted. Empty after acceptance.
	Quarantine []string
}

// OptionWait is the push option that says whether a push follows the log of its deployment:
// all do but those with "false".
const OptionWait = "deploy.wait"

// RefUpdate moves one ref. Old or New is ZeroCommit for a created or deleted ref.
type RefUpdate struct {
	Ref string
	Old string
	New string
}

// ZeroCommit is what Git writes for "no commit".
const ZeroCommit = "0000000000000000000000000000000000000000"

// Branch returns the branch that the update moves; ok is false for tags and other refs.
func (u RefUpdate) Branch() (name string, ok bool) {
	return strings.CutPrefix(u.Ref, "refs/heads/")
}

// Deletes reports whether the update removes its ref.
func (u RefUpdate) Deletes() bool { return u.New == ZeroCommit }

// Actor is the user or token that asked for something.
type Actor struct {
	ID   string // stable name of the token or user
	Name string // for people
}
