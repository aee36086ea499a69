package edge

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"sluice/internal/edge/gate"
	"sluice/internal/platform"
)

// environment is what the router serves for one environment: its gate, and what is not
// about holding requests.
type environment struct {
	*gate.Gate
	id platform.EnvironmentID

	protection atomic.Pointer[protection] // nil while nothing was configured
}

// environment returns the environment, which it makes when it is not known.
func (r *Router) environment(id platform.EnvironmentID) *environment {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.environmentLocked(id)
}

func (r *Router) environmentLocked(id platform.EnvironmentID) *environment {
	e := r.environments[id]
	if e == nil {
		e = &environment{Gate: gate.New(&r.gates, r.saveLater), id: id}
		r.environments[id] = e
	}
	return e
}

// known returns the environment; nil for one that is not known.
func (r *Router) known(id platform.EnvironmentID) *environment {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.environments[id]
}

// list returns the environments, sorted.
func (r *Router) list() []*environment {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*environment, 0, len(r.environments))
	for _, e := range r.environments {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b *environment) int { return strings.Compare(string(a.id), string(b.id)) })
	return all
}

func errUnknown(id platform.EnvironmentID) error {
	return platform.Errorf(platform.CodeNotFound, "the router does not know environment %q", id).
		WithHint("redeploy the environment: sluice redeploy")
}

// serving returns the release, nil before the first publication.
func (e *environment) serving() *release { return releaseOf(e.Serving()) }

// releaseOf returns what this package gave to a gate; nil for nil.
func releaseOf(rel gate.Release) *release {
	own, _ := rel.(*release)
	return own
}

// withoutCredentials removes the password that access control asked for: the application
// does not get it, so responses are the same for everybody who knows one.
func (e *environment) withoutCredentials(req *http.Request) *http.Request {
	if req.Header["Authorization"] == nil || !e.protection.Load().consumesAuthorization() {
		return req
	}
	req = req.WithContext(req.Context())
	req.Header = req.Header.Clone()
	delete(req.Header, "Authorization")
	return req
}

// purge empties the cache of the release that serves.
func (e *environment) purge() int {
	if rel := e.serving(); rel != nil {
		return rel.answers.Purge()
	}
	return 0
}

// purgeAfterMaintenance empties the cache of an environment whose data may have been
// changed by hand.
func (e *environment) purgeAfterMaintenance() {
	if e.State() == gate.Closed {
		e.purge()
	}
}

// maintenancePage returns the page of the release that serves; "" when it brought none.
func (e *environment) maintenancePage() string {
	if rel := e.serving(); rel != nil {
		return rel.publication.MaintenancePage
	}
	return ""
}
