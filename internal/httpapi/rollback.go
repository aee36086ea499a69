package httpapi

import (
	"context"
	"net/http"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// rollback starts the deployment of an earlier release.
func (a *api) rollback(w http.ResponseWriter, r *http.Request, s scope) error {
	params, err := readParameters(r)
	if err != nil {
		return err
	}
	req := platform.RollbackRequest{Release: params["release"]}
	if req.CodeOnly, err = switchParameter(params, "code_only"); err != nil {
		return err
	}
	if req.WithData, err = switchParameter(params, "with_data"); err != nil {
		return err
	}
	return a.operate(w, r, s, func(ctx context.Context, env platform.Environment) (platform.Activity, error) {
		if err := a.Gate.Record(ctx, s.subject, access.Rollback, s.project.ID, env.Name, req.Release); err != nil {
			return platform.Activity{}, err
		}
		return a.Deployments.Rollback(ctx, s.project.ID, env.Name, req, s.subject.Actor)
	})
}

// switchParameter reads a parameter that is true or false; false when it is not there.
func switchParameter(params map[string]string, name string) (bool, error) {
	switch params[name] {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, invalid(name, "%s is true or false, not %q; nothing was started", name, params[name])
}

// releases lists what a rollback can go back to.
func (a *api) releases(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	list, err := a.Inspector.Releases(r.Context(), s.project.ID, env.Name)
	if err != nil {
		return err
	}
	out := make([]apiv1.Release, 0, len(list))
	for _, t := range list {
		out = append(out, wireRelease(t))
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func wireRelease(t platform.RollbackTarget) apiv1.Release {
	out := apiv1.Release{
		ID: t.ID, Commit: t.Commit, Activity: t.Activity, Data: t.Data.String(), Serves: t.Serves, Rollback: apiv1.RollbackChanged,
		DataOf: apiv1.Time{Time: t.DataOf}, Reason: apiv1.NullString(t.Reason), CreatedAt: apiv1.Time{Time: t.CreatedAt}, LiveAt: apiv1.Time{Time: t.LiveAt},
	}
	switch {
	case t.Reason != "":
		out.Rollback = apiv1.RollbackNone
	case t.Fits:
		out.Rollback = apiv1.RollbackCode
	}
	return out
}
