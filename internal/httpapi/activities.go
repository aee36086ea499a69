package httpapi

import (
	"context"
	"html"
	"net/http"
	"net/url"
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
		for _, act := range found {
			if s.sees(envs, act.Environment) {
				out = append(out, wireActivity(act))
			}
		}
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func activityFilter(r *http.Request, s scope) (platform.ActivityFilter, error) {
	f := platform.ActivityFilter{Project: s.project.ID, Environment: s.env}
	var err error
	if f.Limit, err = countParameter(r, "count", defaultActivities, maxActivities); err != nil {
		return f, err
	}
	if f.Limit == 0 {
		f.Limit = defaultActivities
	}
	if v := r.FormValue("starts_at"); v != "" {
		if f.Before, err = time.Parse(time.RFC3339Nano, v); err != nil {
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

func (a *api) getActivity(w http.ResponseWriter, r *http.Request, _ scope, act platform.Activity) error {
	a.writeJSON(w, r, http.StatusOK, wireActivity(act))
	return nil
}

func (a *api) cancelActivity(w http.ResponseWriter, r *http.Request, s scope, act platform.Activity) error {
	// A cancellation that has begun goes on when the client leaves.
	act, err := a.Deployments.Cancel(context.WithoutCancel(r.Context()), act.ID, s.subject.Actor)
	if err != nil {
		return err
	}
	wire := wireActivity(act)
	return a.accepted(w, r, http.StatusAccepted, wire, wire)
}

func wireActivity(a platform.Activity) apiv1.Activity {
	wire := apiv1.Activity{
		ID:                a.ID,
		Type:              string(a.Type),
		Parameters:        a.Parameters,
		Project:           a.Project,
		Environments:      append([]string{a.Environment}, a.Also...),
		State:             string(a.State),
		Result:            apiv1.NullString(a.Result),
		CompletionPercent: a.Completion,
		Timings:           wireTimings(a),
		Payload: apiv1.Payload{
			User:        apiv1.PayloadUser{ID: a.Actor.ID, DisplayName: a.Actor.Name},
			Project:     apiv1.PayloadRef{ID: a.Project},
			Environment: apiv1.PayloadRef{ID: a.Environment},
			OldCommit:   apiv1.NullString(a.OldCommit),
			NewCommit:   apiv1.NullString(a.Commit),
		},
		Description: html.EscapeString(a.Description),
		Text:        a.Description,
		Commands:    []apiv1.Command{},
		CreatedAt:   apiv1.Time{Time: a.CreatedAt},
		UpdatedAt:   apiv1.Time{Time: a.UpdatedAt},
		StartedAt:   apiv1.Time{Time: a.StartedAt},
		CompletedAt: apiv1.Time{Time: a.CompletedAt},
		Step:        string(a.Step),
		Phase:       string(a.Phase),
		Steps:       []apiv1.Step{},
		Release:     apiv1.NullString(a.Release),
		Reason:      a.Reason,
		Hint:        a.Hint,
		Hold:        wireHold(a.Hold),
		Links:       activityLinks(a),
	}
	if a.State == platform.ActivityCancelled {
		wire.CancelledAt = wire.CompletedAt
	}
	if wire.Parameters == nil {
		wire.Parameters = map[string]string{}
	}
	for _, c := range a.Commands {
		wire.Commands = append(wire.Commands, apiv1.Command{
			App: c.App, Type: c.Type, ExitCode: c.ExitCode, Duration: c.Duration.Seconds(),
		})
	}
	for _, s := range a.Timings {
		wire.Steps = append(wire.Steps, apiv1.Step{Name: string(s.Step), Seconds: s.Duration.Seconds()})
	}
	return wire
}

// activityLinks offers to cancel as long as that is possible.
func activityLinks(a platform.Activity) apiv1.Links {
	links := apiv1.Links{}
	self := projectPath(a.Project) + "/activities/" + url.PathEscape(a.ID)
	links.Set("self", self)
	links.Set("log", self+"/log")
	if !a.State.Final() && a.Cancellable {
		links.Set("#cancel", self+"/cancel")
	}
	return links
}

func wireTimings(a platform.Activity) apiv1.Timings {
	var t apiv1.Timings
	if !a.StartedAt.IsZero() {
		t.Wait = a.StartedAt.Sub(a.CreatedAt).Seconds()
		if !a.CompletedAt.IsZero() {
			t.Execute = a.CompletedAt.Sub(a.StartedAt).Seconds()
		}
	}
	for _, s := range a.Timings {
		switch s.Phase {
		case platform.PhaseBuild:
			t.Build += s.Duration.Seconds()
		case platform.PhaseDeploy:
			t.Deploy += s.Duration.Seconds()
		case platform.PhasePostDeploy:
			t.PostDeploy += s.Duration.Seconds()
		case platform.PhaseWait: // measured from the clock above
		}
	}
	return t
}

func wireHold(h platform.HoldReport) *apiv1.Hold {
	if h.StartedAt.IsZero() {
		return nil
	}
	return &apiv1.Hold{
		StartedAt:   apiv1.Time{Time: h.StartedAt},
		ReleasedAt:  apiv1.Time{Time: h.ReleasedAt},
		Duration:    h.Duration().Seconds(),
		LongestWait: h.LongestWait.Seconds(),
		Held:        h.Held,
		TimedOut:    h.TimedOut,
		Refused:     h.Refused,
		Left:        h.Left,
		Cut:         h.Cut,
		LongLived:   h.LongLived,
		Bypassed:    h.Bypassed,
		Cached:      h.Cached,
	}
}
