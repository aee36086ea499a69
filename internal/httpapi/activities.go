package httpapi

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

const (
	defaultActivities = 100
	maxActivities     = 1000
)

// listActivities lists the activities of environments that the token may see, newest first.
func (a *api) listActivities(w http.ResponseWriter, r *http.Request, s scope) error {
	if err := a.checkLevel(r, s); err != nil {
		return err
	}
	filter, err := activityFilter(r, s)
	if err != nil {
		return err
	}
	out := []apiv1.Activity{}
	if len(r.Form["type"]) == 0 || len(filter.Types) > 0 { // a pattern may match no type
		found, err := a.Activities.Activities(r.Context(), filter)
		if err != nil {
			return err
		}
		envs, err := a.Environments.Environments(r.Context(), s.project.ID)
		if err != nil {
			return err
		}
		view := a.view(s)
		for _, act := range found {
			if s.sees(envs, act.Environment) {
				out = append(out, view.Activity(act, access.TypeOf(s.project, act.Environment, envs)))
			}
		}
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func activityFilter(r *http.Request, s scope) (platform.ActivityFilter, error) {
	f := platform.ActivityFilter{Project: s.project.ID, Environment: s.env}
	var err error
	if f.Limit, err = countParameter(r, "count", 0, math.MaxInt32); err != nil {
		return f, err
	}
	f.Limit = min(cmp.Or(f.Limit, defaultActivities), maxActivities)
	if v := r.FormValue("starts_at"); v != "" {
		// The sign of a zone arrives as a space from clients that do not escape it.
		if f.Before, err = time.Parse(time.RFC3339Nano, strings.ReplaceAll(v, " ", "+")); err != nil {
			return f, invalid("starts_at", "starts_at must be a time such as 2026-01-31T12:00:00Z")
		}
	}
	f.Result = platform.ActivityResult(r.FormValue("result"))
	for _, state := range r.Form["state"] {
		f.States = append(f.States, platform.ActivityState(state))
	}
	for _, pattern := range r.Form["type"] {
		f.Types = append(f.Types, matchTypes(pattern)...)
	}
	return f, nil
}

// matchTypes expands a pattern with "*" or "%" for any text; "push" means "environment.push".
func matchTypes(pattern string) []platform.ActivityType {
	pattern = strings.ReplaceAll(pattern, "%", "*")
	if !strings.ContainsAny(pattern, ".*") {
		pattern = "environment." + pattern
	}
	parts := strings.Split(pattern, "*")
	return slices.DeleteFunc(platform.ActivityTypes(), func(t platform.ActivityType) bool { return !glob(parts, string(t)) })
}

// glob reports whether s is the parts in order with any text between them.
func glob(parts []string, s string) bool {
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok || len(parts) == 1 {
		return ok && s == ""
	}
	last := len(parts) - 1
	for _, p := range parts[1:last] {
		_, rest, ok := strings.Cut(s, p)
		if !ok {
			return false
		}
		s = rest
	}
	return strings.HasSuffix(s, parts[last])
}

// activity returns the activity that the path names, if it belongs to what the path names
// before it.
func (a *api) activity(r *http.Request, s scope) (platform.Activity, error) {
	id := r.PathValue("activity")
	act, err := a.Activities.Activity(r.Context(), id)
	if err != nil {
		return act, err
	}
	if act.Project != s.project.ID || (s.env != "" && act.Environment != s.env) {
		return act, noActivity(id)
	}
	return act, nil
}

// activityObject renders an activity alone.
func (a *api) activityObject(ctx context.Context, s scope, act platform.Activity) (apiv1.Activity, error) {
	var envs []platform.Environment
	env, err := a.Environments.Environment(ctx, s.project.ID, act.Environment)
	switch {
	case err == nil:
		envs = append(envs, env)
	case platform.ErrorCode(err) != platform.CodeNotFound:
		return apiv1.Activity{}, err
	}
	return a.view(s).Activity(act, access.TypeOf(s.project, act.Environment, envs)), nil
}

func noActivity(id string) error {
	return platform.Errorf(platform.CodeNotFound, "activity %q not found", id).
		WithHint("`sluice activity:list` shows the activities")
}

// activityHandler answers a request about an activity.
type activityHandler func(w http.ResponseWriter, r *http.Request, s scope, act platform.Activity) error

// ofActivity asks for a permission on the environment of the activity that the path names.
func (a *api) ofActivity(p access.Permission, h activityHandler) scopedHandler {
	return func(w http.ResponseWriter, r *http.Request, s scope) error {
		act, err := a.activity(r, s)
		if err == nil {
			err = a.Gate.Authorize(r.Context(), s.subject, p, s.project.ID, act.Environment)
		}
		if err != nil {
			return err
		}
		return h(w, r, s, act)
	}
}

func (a *api) getActivity(w http.ResponseWriter, r *http.Request, s scope, act platform.Activity) error {
	wire, err := a.activityObject(r.Context(), s, act)
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, wire)
	return nil
}

func (a *api) cancelActivity(w http.ResponseWriter, r *http.Request, s scope, act platform.Activity) error {
	// A cancellation that has begun goes on when the client leaves.
	act, err := a.Deployments.Cancel(context.WithoutCancel(r.Context()), act.ID, s.subject.Actor)
	if err != nil {
		return refused(err)
	}
	wire, err := a.activityObject(r.Context(), s, act)
	if err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusAccepted, wire, wire)
}
