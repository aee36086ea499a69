package httpapi

import (
	"net/http"

	"sluice/apiv1"
)

// plan also works for environments that do not exist yet: a push may create one.
func (a *api) plan(w http.ResponseWriter, r *http.Request, s scope) error {
	var req apiv1.PlanRequest
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if len(req.Files) == 0 {
		return invalid("files", "files must have the configuration files")
	}
	data, err := a.Planner.Plan(r.Context(), s.project.ID, s.env, req)
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, data)
	return nil
}
