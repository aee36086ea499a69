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

// ProjectChange changes the fields that are not nil.
type ProjectChange struct {
	Title *string
}

var projectIDPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,28}[a-z0-9]$`)

// ValidProjectID reports whether id can name a project: 2 to 30 lower-case letters,
// digits and inner hyphens, starting with a letter (it becomes part of a DNS label).
func ValidProjectID(id string) bool { return projectIDPattern.MatchString(id) }
