package platform

import (
	"fmt"
	"strings"
	"time"
)

// MergeRequest asks for the changes of one commit to be brought into another one.
type MergeRequest struct {
	Project string
	Into    string // commit
	From    string // commit
	// Rebase puts the commits of Into that From lacks on top of From, instead of joining both.
	Rebase  bool
	Message string // of the commit that joins both, if one is made
	By      Actor
	At      time.Time // of that commit; the same request makes the same commit
}

// ConflictError says that two commits change the same places of files.
type ConflictError struct {
	Files []string // need not be UTF-8
}

const maxConflicts = 20 // files that are named

// Error names the files.
func (e *ConflictError) Error() string {
	shown := make([]string, 0, maxConflicts)
	for _, name := range e.Files[:min(len(e.Files), maxConflicts)] {
		if !Printable(name) {
			name = fmt.Sprintf("%q", name)
		}
		shown = append(shown, name)
	}
	if more := len(e.Files) - len(shown); more > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", more))
	}
	return "both sides changed " + strings.Join(shown, ", ")
}
