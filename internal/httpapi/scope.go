package httpapi

import (
	"context"
	"errors"
	"net/http"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/hal"
	"sluice/internal/platform"
)

// scope is what a request is about and who makes it.
type scope struct {
	subject access.Subject
	project platform.Project
	env     string // name of the environment; empty for a resource of the project
}

// subjectHandler answers a request with a valid token.
type subjectHandler func(w http.ResponseWriter, r *http.Request, subject access.Subject) error

// scopedHandler answers a request within a project.
type scopedHandler func(w http.ResponseWriter, r *http.Request, s scope) error

// authenticated registers a resource that needs a valid token.
func (a *api) authenticated(pattern string, h subjectHandler) {
	a.handle(pattern, func(w http.ResponseWriter, r *http.Request) error {
		subject, err := a.authenticate(r)
		if err != nil {
			return err
		}
		return h(w, r, subject)
	})
}

// authenticate returns who makes the request.
func (a *api) authenticate(r *http.Request) (access.Subject, error) {
	token := bearer(r)
	if token == "" {
		return access.Subject{}, platform.Errorf(platform.CodeUnauthorized, "this request has no access token").
			WithHint("log in with `sluice auth:login`, or set SLUICE_TOKEN")
	}
	return a.Accounts.Authenticate(r.Context(), token)
}

// scoped registers a resource of a project. Nothing about it is looked up, and not even
// the existence of the project shown, before the token has the permission.
func (a *api) scoped(pattern string, p access.Permission, h scopedHandler) {
	a.authenticated(pattern, func(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
		s, err := a.enter(r, subject, p, r.PathValue("project"), r.PathValue("environment"))
		if err != nil {
			return err
		}
		return h(w, r, s)
	})
}

// enter returns the scope of a request that the subject has the permission for.
func (a *api) enter(r *http.Request, subject access.Subject, p access.Permission, project, env string) (scope, error) {
	if err := a.Gate.Authorize(r.Context(), subject, p, project, env); err != nil {
		return scope{}, aboutProject(err)
	}
	found, err := a.Projects.Project(r.Context(), project)
	if err != nil {
		return scope{}, aboutProject(err)
	}
	return scope{subject: subject, project: found, env: env}, nil
}

// aboutProject marks an error that says that the project was not found.
func aboutProject(err error) error {
	if e, ok := errors.AsType[*platform.Error](err); ok && e.Code == platform.CodeNotFound {
		return e.WithField(apiv1.DetailProject)
	}
	return err
}

// byActivity serves a resource of an activity whose project the path does not name.
func (a *api) byActivity(p access.Permission, h activityHandler) subjectHandler {
	return func(w http.ResponseWriter, r *http.Request, subject access.Subject) error {
		act, err := a.Activities.Activity(r.Context(), r.PathValue("activity"))
		if err != nil {
			return err
		}
		s, err := a.enter(r, subject, p, act.Project, act.Environment)
		if platform.ErrorCode(err) == platform.CodeNotFound {
			return noActivity(act.ID) // who may not see the project learns nothing of its activities
		}
		if err != nil {
			return err
		}
		return h(w, r, s, act)
	}
}

// environment returns the environment that the path names.
func (a *api) environment(ctx context.Context, s scope) (platform.Environment, error) {
	return a.Environments.Environment(ctx, s.project.ID, s.env)
}

// view renders resources for the subject of the request.
func (a *api) view(s scope) hal.View {
	return hal.View{Subject: s.subject, Project: s.project, Site: hal.Site{
		RepositoryURL: a.cfg.RepositoryURL, SSHHost: host(a.cfg.SSH.Host), GitHost: host(a.cfg.SSH.GitHost),
	}}
}

// sees reports whether the subject of the request may see an environment of the project.
func (s scope) sees(envs []platform.Environment, name string) bool {
	return s.subject.Allows(access.EnvironmentView, s.project.ID, access.TypeOf(s.project, name, envs))
}
