package edge

import (
	"context"
	"net/http"
	"net/netip"
	"slices"

	"sluice/internal/platform"
)

// protection is the compiled settings of one environment. It is immutable but for what
// the authenticator remembers; a change makes a new one.
type protection struct {
	settings platform.EdgeSettings
	rules    []addressRule
	bypass   []netip.Prefix
	users    *authenticator // nil when there are no users
}

// addressRule is one network; a rule for "any" makes two.
type addressRule struct {
	network netip.Prefix
	allow   bool
}

// compileProtection returns CodeInvalid for settings that cannot be carried out.
func compileProtection(s platform.EdgeSettings) (*protection, error) {
	if err := s.Access.Validate(); err != nil {
		return nil, err
	}
	p := &protection{settings: s}
	if s.Access.Enabled {
		for _, rule := range s.Access.Addresses {
			networks, err := platform.ParseNetworks(rule.Address)
			if err != nil {
				return nil, err
			}
			for _, n := range networks {
				p.rules = append(p.rules, addressRule{network: n, allow: rule.Permission == platform.Allow})
			}
		}
		if len(s.Access.Users) > 0 {
			p.users = newAuthenticator(s.Access.Users)
		}
	}
	for _, address := range s.Bypass {
		networks, err := platform.ParseNetworks(address)
		if err != nil {
			return nil, err
		}
		p.bypass = append(p.bypass, networks...)
	}
	return p, nil
}

// byAddress returns what the first matching rule says. An address that cannot be compared
// with rules is denied by them, and so is one that no rule names where some are allowed:
// access control must not fail open.
func (p *protection) byAddress(addr netip.Addr) (allowed, matched bool) {
	if len(p.rules) > 0 && !addr.IsValid() {
		return false, true
	}
	for _, rule := range p.rules {
		if rule.network.Contains(addr) {
			return rule.allow, true
		}
	}
	return false, slices.ContainsFunc(p.rules, func(r addressRule) bool { return r.allow })
}

// consumesAuthorization reports whether the Authorization header is for the router and not
// for the application.
func (p *protection) consumesAuthorization() bool { return p != nil && p.users != nil }

// bypassesFrom reports whether requests from the address are not to be held.
func (p *protection) bypassesFrom(addr netip.Addr) bool {
	return p != nil && slices.ContainsFunc(p.bypass, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// restrictsRobots reports whether answers carry a robots header.
func (p *protection) restrictsRobots() bool { return p != nil && p.settings.RestrictRobots }

// keepOut answers a request that may not see the environment and reports whether it did.
// It comes before the gate: requests that are denied take no place in its queue.
func (r *Router) keepOut(w http.ResponseWriter, req *http.Request, e *environment) bool {
	p := e.protection.Load()
	if p == nil || !p.settings.Access.Restricts() {
		return false
	}
	allowed, matched := p.byAddress(r.clients.addr(req))
	switch {
	case allowed, !matched && p.users == nil:
		return false
	case p.users == nil:
		r.denied.Add(1)
		r.pages.write(w, req, http.StatusForbidden, pageForbidden)
		return true
	}
	if name, password, given := req.BasicAuth(); given {
		switch p.users.check(req.Context(), r.clients.addr(req), name, password) {
		case accepted:
			return false
		case tooMany:
			r.denied.Add(1)
			r.pages.write(w, req, http.StatusTooManyRequests, pageTooManyGuesses)
			return true
		case refused:
		}
	}
	r.denied.Add(1)
	w.Header().Set("WWW-Authenticate", `Basic realm="restricted", charset="UTF-8"`)
	r.pages.write(w, req, http.StatusUnauthorized, pageUnauthorized)
	return true
}

// Configure sets what the router does for an environment besides its routes. It applies to
// the next request. It returns CodeInvalid for settings that cannot be carried out; then
// nothing was changed.
func (r *Router) Configure(ctx context.Context, env platform.EnvironmentID, s platform.EdgeSettings) error {
	done, err := r.change(ctx)
	if err != nil {
		return err
	}
	defer done()
	if env == "" {
		return platform.Errorf(platform.CodeInvalid, "environment is required")
	}
	p, err := compileProtection(s)
	if err != nil {
		return err
	}
	e := r.environment(env)
	e.protection.Store(p)
	e.purge() // cached answers carry the robots header of before
	return r.save()
}
