package httpapi

import (
	"context"
	"net/http"

	"sluice/apiv1"
	"sluice/internal/platform"
)

type access bool

const (
	read  access = false
	write access = true
)

// scope is what a request is about and who makes it.
type scope struct {
	actor   platform.Actor
	project platform.Project
	env     string // name of the environment; empty for a resource of the project
}

// scopedHandler answers a request within a project.
type scopedHandler func(w http.ResponseWriter, r *http.Request, s scope) error

// authorize asks whether the request's token may do what it is about.
func (a *api) authorize(r *http.Request, project string, how access) (platform.Actor, error) {
	token := bearer(r)
	if token == "" {
		return platform.Actor{}, platform.Errorf(platform.CodeUnauthorized, "this request carries no token").
			WithHint("log in with `sluice auth:login`, or set SLUICE_TOKEN")
	}
	return a.Authorizer.Authorize(r.Context(), project, token, bool(how))
}

// scoped registers a resource of a project: nobody learns anything about it, not even that
// the project exists, before the token was accepted.
func (a *api) scoped(pattern string, how access, h scopedHandler) {
	a.handle(pattern, func(w http.ResponseWriter, r *http.Request) error {
		s, err := a.enter(r, r.PathValue("project"), how)
		if err != nil {
			return err
		}
		s.env = r.PathValue("environment")
		return h(w, r, s)
	})
}

func (a *api) enter(r *http.Request, project string, how access) (scope, error) {
	actor, err := a.authorize(r, project, how)
	if err != nil {
		return scope{}, err
	}
	p, err := a.Projects.Project(r.Context(), project)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return scope{}, &detailed{err, map[string]string{apiv1.DetailProject: "not found"}}
	}
	if err != nil {
		return scope{}, err
	}
	return scope{actor: actor, project: p}, nil
}

// byActivity serves a resource of an activity whose project the path does not name.
func (a *api) byActivity(how access, h scopedHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		act, err := a.Activities.Activity(r.Context(), r.PathValue("activity"))
		if err != nil {
			if _, denied := a.authorize(r, "", read); denied != nil {
				return denied
			}
			return err
		}
		s, err := a.enter(r, act.Project, how)
		if err != nil {
			return err
		}
		return h(w, r, s)
	}
}

// environment returns the environment that the path names.
func (a *api) environment(ctx context.Context, s scope) (platform.Environment, error) {
	return a.Environments.Environment(ctx, s.project.ID, s.env)
}
