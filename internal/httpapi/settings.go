package httpapi

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// changeEnvironment changes settings of an environment. They apply at once; no activity is
// made for them.
func (a *api) changeEnvironment(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	var body map[string]json.RawMessage
	if err := readJSON(r, &body); err != nil {
		return err
	}
	var req apiv1.EnvironmentChange
	if err := asObject(body, &req); err != nil {
		return err
	}
	if changedFields(req) == "" {
		for name := range body {
			return invalid(name, "%s cannot be changed to this; nothing was changed", name).
				WithHint("`sluice help environment:info` lists the properties")
		}
	}
	change, err := changeOf(req)
	if err != nil {
		return err
	}
	if err := a.mayMove(r.Context(), s, change); err != nil {
		return err
	}
	if err := a.Gate.Record(r.Context(), s.subject, access.EnvironmentEdit, s.project.ID, env.Name, changedFields(req)); err != nil {
		return err
	}
	env, err = a.Settings.ChangeEnvironment(r.Context(), s.project.ID, env.Name, change)
	if err != nil {
		return err
	}
	out, err := a.environmentObject(r.Context(), s, env)
	if err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusOK, out)
}

// mayMove refuses to give an environment to people whose environments the subject may not
// change, and to put it below one whose variables it may not see: it inherits them.
func (a *api) mayMove(ctx context.Context, s scope, change platform.EnvironmentChange) error {
	if change.Type != nil {
		if err := s.subject.Require(access.EnvironmentEdit, s.project.ID, *change.Type); err != nil {
			return err
		}
	}
	if change.Parent != nil && *change.Parent != "" {
		return a.Gate.Authorize(ctx, s.subject, access.VariablesView, s.project.ID, *change.Parent)
	}
	return nil
}

// changedFields names the settings that a request changes, for the audit log.
func changedFields(req apiv1.EnvironmentChange) string {
	var names []string
	for name, given := range map[string]bool{
		"title": req.Title != nil, "parent": req.Parent != nil, "type": req.Type != nil, "restrict_robots": req.RestrictRobots != nil, "http_access": req.HTTPAccess != nil,
		"hold_max_wait": req.HoldMaxWait != nil, "hold_max_requests": req.HoldMaxRequests != nil, "bypass_addresses": req.BypassAddresses != nil,
	} {
		if given {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// changeOf translates the API's names.
func changeOf(req apiv1.EnvironmentChange) (platform.EnvironmentChange, error) {
	change := platform.EnvironmentChange{
		Title: req.Title, Parent: req.Parent, RestrictRobots: req.RestrictRobots, HoldRequests: req.HoldMaxRequests, Bypass: req.BypassAddresses,
	}
	if req.Type != nil {
		change.Type = new(platform.EnvironmentType(*req.Type))
	}
	if req.HoldMaxWait != nil {
		seconds := *req.HoldMaxWait
		if math.IsNaN(seconds) || seconds < 0 || seconds > platform.MaxHoldWait.Seconds() {
			return change, invalid("hold_max_wait", "requests can be held from 1 to %g seconds, not %g; nothing was changed",
				platform.MaxHoldWait.Seconds(), seconds)
		}
		wait := time.Duration(seconds * float64(time.Second))
		change.HoldWait = &wait
	}
	if req.HTTPAccess == nil {
		return change, nil
	}
	access := &platform.HTTPAccessChange{Enabled: req.HTTPAccess.IsEnabled, Passwords: req.HTTPAccess.BasicAuth}
	if req.HTTPAccess.Addresses != nil {
		rules := make([]platform.AddressRule, 0, len(*req.HTTPAccess.Addresses))
		for _, rule := range *req.HTTPAccess.Addresses {
			rules = append(rules, platform.AddressRule{Permission: platform.Permission(rule.Permission), Address: rule.Address})
		}
		access.Addresses = &rules
	}
	change.HTTPAccess = access
	return change, nil
}

// bypass returns a link that bypasses holds and maintenance.
func (a *api) bypass(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	var req apiv1.BypassRequest
	if err := readJSON(r, &req); err != nil {
		return err
	}
	const week = 7 * 24 * time.Hour
	if math.IsNaN(req.Seconds) || req.Seconds < 0 || req.Seconds > week.Seconds() {
		return invalid("seconds", "a bypass lasts at most %g seconds, not %g", week.Seconds(), req.Seconds)
	}
	if err := a.Gate.Record(r.Context(), s.subject, access.Bypass, s.project.ID, env.Name, ""); err != nil {
		return err
	}
	link, until, err := a.Settings.Bypass(r.Context(), s.project.ID, env.Name, time.Duration(req.Seconds*float64(time.Second)))
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, apiv1.Bypass{URL: link, ExpiresAt: apiv1.Time{Time: until}})
	return nil
}
