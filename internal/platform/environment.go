package platform

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"
)

// EnvironmentID names an environment in the engine, the router and on disk:
// project and machine name joined by a hyphen. It is a DNS label of at most 63 characters.
type EnvironmentID string

// EnvironmentType decides defaults such as robots and mail.
type EnvironmentType string

// The environment types; exactly one environment of a project is the production one.
const (
	Production  EnvironmentType = "production"
	Staging     EnvironmentType = "staging"
	Development EnvironmentType = "development"
)

// EnvironmentStatus says whether an environment has containers.
type EnvironmentStatus string

// The environment states. A paused environment has its data and no containers. A dirty
// environment had a deployment that did not finish: its data may be half migrated and only a
// redeploy, a rollback or an operator opens it.
const (
	EnvironmentActive   EnvironmentStatus = "active"
	EnvironmentInactive EnvironmentStatus = "inactive"
	EnvironmentPaused   EnvironmentStatus = "paused"
	EnvironmentDirty    EnvironmentStatus = "dirty"
)

// Environment is one Git branch, with containers when it is active.
type Environment struct {
	Project     string
	Name        string // the branch; may contain "/"
	MachineName string // see MachineName; stable for the life of the environment
	Title       string
	Parent      string // name of the parent environment; empty for the root
	Type        EnvironmentType
	Status      EnvironmentStatus
	HeadCommit  string // what the branch points at
	Release     string // id of the release that serves; empty before the first deployment
	Subnet      string // CIDR of the environment's own network, chosen once by the store; a hint for the engine
	CreatedAt   time.Time
	UpdatedAt   time.Time
	DeployedAt  time.Time // when Release went live
	Settings    EnvironmentSettings
}

// ID returns the environment's identifier outside the database.
func (e Environment) ID() EnvironmentID {
	return EnvironmentID(e.Project + "-" + e.MachineName)
}

// RestrictsRobots reports whether search engines are kept away: everywhere but in
// production, unless the environment is set otherwise.
func (e Environment) RestrictsRobots() bool {
	if e.Settings.RestrictRobots != nil {
		return *e.Settings.RestrictRobots
	}
	return e.Type != Production
}

// Host returns the label of the environment's default host name, without the base
// domain: "main-shop" when the branch is itself a label, else the machine name and
// the project, so that "feature/x" and "feature-x" never share a host.
func (e Environment) Host() string {
	if slug(e.Name) == e.Name && len(e.Name) <= maxSlug {
		return e.Name + "-" + e.Project
	}
	return e.MachineName + "-" + e.Project
}

const (
	maxSlug     = 20 // of a branch whose name is its host's label: project (30) + "-" fit into a DNS label (63)
	maxNameSlug = 15 // of a machine name: project (30) + "-" + slug + "-" + hashLen do
	hashLen     = 16 // 80 bits: too many to find a branch by trial that gets the name of another project's environment
)

// MachineName returns the stable name of a new branch's environment: the branch as a label,
// cut to 15 characters, and 16 characters that depend on project and branch. Environments
// keep the one that they were created with; earlier ones have 20 and 7 characters.
func MachineName(project, branch string) string {
	s := slug(branch)
	if len(s) > maxNameSlug {
		s = strings.TrimRight(s[:maxNameSlug], "-")
	}
	sum := sha256.Sum256([]byte(project + "\x00" + branch))
	h := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:hashLen]
	if s == "" {
		return "env-" + h
	}
	return s + "-" + h
}

// slug maps a branch to lower-case letters, digits and single inner hyphens.
func slug(branch string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(branch) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimRight(b.String(), "-")
}
