package kit

import (
	"strings"

	"sluice/internal/contract"
	"sluice/internal/toolkit/phparray"
)

// Platform is what the platform says of this environment, decoded. No map is nil.
type Platform struct {
	Relationships *phparray.Array // name -> list of endpoints
	Routes        *phparray.Array // URL -> route
	Variables     *phparray.Array // the variables of the environment
	Application   *phparray.Array // the descriptor; mounts from the file when the platform has none
	Branch        string          // name of the environment
	Type          string          // production, staging or development; "" when the platform does not say
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

// Live reports whether visitors use the environment, so that its analytics and URLs stay: its
// type is production or staging. On a platform that does not say the type, its name decides,
// as in the original: it begins with master, production or staging, in any case.
func (p *Platform) Live() bool {
	if p.Type != "" {
		return strings.EqualFold(p.Type, "production") || strings.EqualFold(p.Type, "staging")
	}
	name := strings.ToLower(p.Branch)
	for _, prefix := range []string{"master", "production", "staging"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
