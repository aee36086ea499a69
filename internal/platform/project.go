package platform

import (
	"regexp"
	"time"
)

// Project is one Git repository and its environments.
type Project struct {
	ID            string // lower case, see ValidProjectID; part of host names
	Title         string
	DefaultBranch string // its environment is the production one and is active from the start
	Entropy       string // 56 characters, stable for the life of the project; secret
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// NewProjectID returns a random ID that all clients can use: 13 lower-case letters and digits,
// a letter first. Stock clients select no project whose ID has a hyphen.
func NewProjectID() string {
	for {
		if id := NewID(); ValidProjectID(id) {
			return id
		}
	}
}

// ProjectChange changes the fields that are not nil.
type ProjectChange struct {
	Title *string
}

var projectIDPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,28}[a-z0-9]$`)

// ValidProjectID reports whether id can name a project: 2 to 30 lower-case letters,
// digits and inner hyphens, starting with a letter (it becomes part of a DNS label).
func ValidProjectID(id string) bool { return projectIDPattern.MatchString(id) }
