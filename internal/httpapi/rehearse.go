package httpapi

import (
	"context"
	"net/http"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// rehearse starts the rehearsal of a deployment of the environment that the path names to
// production. It is about production's data and variables, so it needs a role there.
func (a *api) rehearse(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.Rehearse
	if err := readJSON(r, &req); err != nil {
		return err
	}
	production := s.project.DefaultBranch
	if err := a.Gate.Authorize(r.Context(), s.subject, access.Rehearse, s.project.ID, production); err != nil {
		return err
	}
	return a.operate(w, r, s, func(ctx context.Context, env platform.Environment) (platform.Activity, error) {
		if err := a.mayKeep(ctx, s, production, req.KeepPersonalData); err != nil {
			return platform.Activity{}, err
		}
		if err := a.Gate.Record(ctx, s.subject, access.Rehearse, s.project.ID, production, env.Name); err != nil {
			return platform.Activity{}, err
		}
		return a.Deployments.Rehearse(ctx, s.project.ID, platform.RehearseRequest{
			From: env.Name, Pages: req.Pages, KeepPersonalData: req.KeepPersonalData,
		}, s.subject.Actor)
	})
}

// rehearsal responds with the report of an activity.
func (a *api) rehearsal(w http.ResponseWriter, r *http.Request, _ scope, act platform.Activity) error {
	found, err := a.Activities.Rehearsal(r.Context(), act.ID)
	if err == nil && len(found.Report) == 0 {
		err = platform.Errorf(platform.CodeNotFound, "the rehearsal %s has no report", act.ID).WithHint("sluice activity:get %s says why", act.ID)
	}
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, found.Report)
	return nil
}
