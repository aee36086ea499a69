package kit

import (
	"strings"

	"sluice/internal/contract"
	"sluice/internal/toolkit/phparray"
)

// Platform is what the platform says of this environment, decoded (spec: ece-tools 4.5,
// 4.6). No map is nil.
type Platform struct {
	Relationships *phparray.Array // name -> list of endpoints
	Routes        *phparray.Array // URL -> route
	Variables     *phparray.Array // the variables of the environment
	Application   *phparray.Array // the descriptor; mounts from the file when the platform has none
	Branch        string          // name of the environment
}

// Relationship returns the first endpoint of a relationship; nil when there is none.
func (p *Platform) Relationship(name string) *phparray.Array {
	return p.Relationships.Sub(name, "0")
}

// Variable returns a variable of the environment as PHP prints it; "" when there is none.
func (p *Platform) Variable(name string) string { return p.Variables.Text(name) }

// HasMount reports whether the application has a mount at a path relative to its root.
func (p *Platform) HasMount(name string) bool {
	mounts := p.Application.Sub("mounts")
	name = strings.Trim(name, "/")
	for _, key := range mounts.Keys() {
		if strings.Trim(key, "/") == name {
			return true
		}
	}
	return false
}

// HasPostDeployHook reports whether the post_deploy hook runs this program, so that what
// can wait is left to it.
func (p *Platform) HasPostDeployHook() bool {
	return contract.RunsToolkit(p.Application.Text("hooks", "post_deploy"))
}

// MasterLike reports whether the environment is one that visitors use: its name begins
// with master, production or staging, in any case (spec: ece-tools 4.6).
func (p *Platform) MasterLike() bool {
	name := strings.ToLower(p.Branch)
	for _, prefix := range []string{"master", "production", "staging"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
