package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/hal"
	"sluice/internal/platform"
)

// listEnvironments shows the default branch first, then the others by name.
func (a *api) listEnvironments(w http.ResponseWriter, r *http.Request, s scope) error {
	all, err := a.Environments.Environments(r.Context(), s.project.ID)
	if err != nil {
		return err
	}
	visible := slices.DeleteFunc(slices.Clone(all), func(e platform.Environment) bool { return !s.sees(all, e.Name) })
	out, err := a.environmentObjects(r.Context(), s, all, visible)
	if err != nil {
		return err
	}
	slices.SortFunc(out, func(x, y apiv1.Environment) int {
		if x.IsMain != y.IsMain {
			if x.IsMain {
				return -1
			}
			return 1
		}
		return cmp.Compare(x.Name, y.Name)
	})
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func (a *api) getEnvironment(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	out, err := a.environmentObject(r.Context(), s, env)
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

// environmentObject renders one environment.
func (a *api) environmentObject(ctx context.Context, s scope, env platform.Environment) (apiv1.Environment, error) {
	all, err := a.Environments.Environments(ctx, s.project.ID)
	if err != nil {
		return apiv1.Environment{}, err
	}
	out, err := a.environmentObjects(ctx, s, all, []platform.Environment{env})
	if err != nil {
		return apiv1.Environment{}, err
	}
	return out[0], nil
}

// environmentObjects renders some of all environments of a project, all alike.
func (a *api) environmentObjects(ctx context.Context, s scope, all, envs []platform.Environment) ([]apiv1.Environment, error) {
	domains, err := a.Domains.Domains(ctx, s.project.ID)
	if err != nil {
		return nil, err
	}
	running, err := a.Activities.Activities(ctx, platform.ActivityFilter{
		Project: s.project.ID, States: []platform.ActivityState{platform.ActivityPending, platform.ActivityInProgress}, Limit: maxActivities,
	})
	if err != nil {
		return nil, err
	}
	types := map[string]platform.EnvironmentType{}
	for _, env := range all {
		types[env.Name] = env.Type
	}
	view := a.view(s)
	out := make([]apiv1.Environment, 0, len(envs))
	for _, env := range envs {
		e := hal.Environment{Environment: env, ParentType: types[env.Parent]}
		if e.Deployment, err = a.Inspector.Deployment(ctx, env.Project, env.Name); err != nil {
			return nil, err
		}
		if env.Type == platform.Production && len(domains) > 0 && domains[0].Default {
			e.DefaultDomain = domains[0].Name
		}
		e.Busy = slices.ContainsFunc(running, func(act platform.Activity) bool { return act.Locks(env.Project, env.Name) })
		out = append(out, view.EnvironmentObject(e))
	}
	return out, nil
}

// deployment shows what an environment serves. An active one that serves nothing yet has
// empty maps: clients end with a fatal error at 404.
func (a *api) deployment(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	if env.Status == platform.EnvironmentInactive {
		return platform.Errorf(platform.CodeNotFound, "environment %s is inactive and has no deployment", env.Name).
			WithHint("sluice environment:activate -p %s -e %s", env.Project, env.Name)
	}
	e := hal.Environment{Environment: env}
	if e.Deployment, err = a.Inspector.Deployment(r.Context(), env.Project, env.Name); err != nil {
		return err
	}
	out, err := a.view(s).DeploymentObject(e)
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func (a *api) environmentSettings(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, a.view(s).EnvironmentSettings(env))
	return nil
}

// changeEnvironmentSettings refuses what this server does not do.
func (a *api) changeEnvironmentSettings(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	var req apiv1.EnvironmentSettings
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if req.EnableManualDeployments {
		return invalid("enable_manual_deployments", "a push is always deployed at once; nothing was changed")
	}
	return a.accepted(w, r, http.StatusOK, a.view(s).EnvironmentSettings(env))
}

func (a *api) redeploy(w http.ResponseWriter, r *http.Request, s scope) error {
	params, err := readParameters(r)
	if err != nil {
		return err
	}
	return a.operate(w, r, s, func(ctx context.Context, env platform.Environment) (platform.Activity, error) {
		return a.Deployments.Redeploy(ctx, s.project.ID, env.Name, s.subject.Actor, params)
	})
}

func (a *api) deactivate(w http.ResponseWriter, r *http.Request, s scope) error {
	return a.operate(w, r, s, func(ctx context.Context, env platform.Environment) (platform.Activity, error) {
		if err := a.Gate.Record(ctx, s.subject, access.Deactivate, s.project.ID, env.Name, ""); err != nil {
			return platform.Activity{}, err
		}
		return a.Deployments.Deactivate(ctx, s.project.ID, env.Name, s.subject.Actor)
	})
}

func (a *api) pause(w http.ResponseWriter, r *http.Request, s scope) error {
	return a.operate(w, r, s, func(ctx context.Context, env platform.Environment) (platform.Activity, error) {
		return a.Deployments.Pause(ctx, s.project.ID, env.Name, s.subject.Actor)
	})
}

func (a *api) resume(w http.ResponseWriter, r *http.Request, s scope) error {
	return a.operate(w, r, s, func(ctx context.Context, env platform.Environment) (platform.Activity, error) {
		return a.Deployments.Resume(ctx, s.project.ID, env.Name, s.subject.Actor)
	})
}

// deleteEnvironment deletes an environment with its branch, and with data=true one that has
// containers and data.
func (a *api) deleteEnvironment(w http.ResponseWriter, r *http.Request, s scope) error {
	withData, err := switchParameter(map[string]string{"data": r.FormValue("data")}, "data")
	if err != nil {
		return err
	}
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	// Before it begins: it may be over before the response is made.
	object, err := a.environmentObject(r.Context(), s, env)
	if err != nil {
		return err
	}
	if err := a.Gate.Record(r.Context(), s.subject, access.BranchDelete, s.project.ID, env.Name, ""); err != nil {
		return err
	}
	act, err := a.Deployments.Delete(r.Context(), s.project.ID, env.Name, withData, s.subject.Actor)
	if err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusAccepted, object, a.view(s).Activity(act, env.Type))
}

// operate starts an activity and responds with it and with the environment. Only the start
// of the activity depends on the client's context.
func (a *api) operate(
	w http.ResponseWriter, r *http.Request, s scope,
	start func(ctx context.Context, env platform.Environment) (platform.Activity, error),
) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	act, err := start(r.Context(), env)
	if err != nil {
		return refused(err)
	}
	out, err := a.environmentObject(r.Context(), s, env)
	if err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusAccepted, out, a.view(s).Activity(act, env.Type))
}

// readParameters reads a flat object of push options.
func readParameters(r *http.Request) (map[string]string, error) {
	var body map[string]any
	if err := readJSON(r, &body); err != nil {
		return nil, err
	}
	params := map[string]string{}
	for name, v := range body {
		switch v := v.(type) {
		case string, bool, float64:
			params[name] = fmt.Sprint(v)
		default:
			return nil, invalid(name, "%q is not a text, number or truth value; nothing was started", name)
		}
	}
	return params, nil
}

func (a *api) relationships(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	data, err := a.Inspector.Relationships(r.Context(), s.project.ID, env.Name, r.FormValue("app"))
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, data)
	return nil
}

func (a *api) routes(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	serving, err := a.Inspector.Deployment(r.Context(), s.project.ID, env.Name)
	if err != nil {
		return err
	}
	out := make([]apiv1.Route, 0, len(serving.Routes))
	for _, route := range hal.SortRoutes(serving.Routes) {
		out = append(out, hal.Route(route))
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

// maxLogLines bounds what a request may ask for.
const maxLogLines = 100_000

func (a *api) logs(w http.ResponseWriter, r *http.Request, s scope) error {
	lines, err := countParameter(r, "lines", 100, maxLogLines)
	if err != nil {
		return err
	}
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	out := &lateWriter{w: w, header: map[string]string{"Content-Type": "text/plain; charset=utf-8"}}
	err = a.Inspector.Logs(r.Context(), s.project.ID, env.Name, r.FormValue("app"), cmp.Or(r.FormValue("type"), "app"), lines, out)
	if err != nil && !out.started {
		return err
	}
	if err != nil {
		a.cfg.Log.WarnContext(r.Context(), "could not send a log to its end", "error", err)
		panic(http.ErrAbortHandler) // the client must not take it for the whole log
	}
	out.start()
	return nil
}

// logTypes lists the names of the logs that there are.
func (a *api) logTypes(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	names, err := a.Inspector.LogNames(r.Context(), s.project.ID, env.Name, r.FormValue("app"))
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, append([]string{}, names...))
	return nil
}

// countParameter reads a number from 0 to most.
func countParameter(r *http.Request, name string, byDefault, most int) (int, error) {
	v := r.FormValue(name)
	if v == "" {
		return byDefault, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > most {
		return 0, invalid(name, "%s must be a number from 0 to %d", name, most)
	}
	return n, nil
}
