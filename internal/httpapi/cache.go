package httpapi

import (
	"net/http"

	"sluice/apiv1"
	"sluice/internal/platform"
)

// purgeCache empties the environment's HTTP cache, or removes what a URL names.
func (a *api) purgeCache(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	var req apiv1.CachePurge
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if req.Prefix && req.URL == "" {
		return invalid("url", "a prefix needs a URL; nothing was removed")
	}
	report, err := a.Cache.Purge(r.Context(), env.ID(), platform.Purge{URL: req.URL, Prefix: req.Prefix})
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, apiv1.CachePurged{Removed: report.Removed})
	return nil
}
