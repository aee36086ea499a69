package httpapi

import (
	"net/http"

	"sluice/apiv1"
	"sluice/internal/platform"
)

// purgeCache empties the environment's HTTP cache, or removes what a URL or tags name.
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
	purge := platform.Purge{URL: req.URL, Prefix: req.Prefix, Tags: req.Tags}
	if err := purge.Validate(); err != nil {
		return err
	}
	report, err := a.Cache.Purge(r.Context(), env.ID(), purge)
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, apiv1.CachePurged{Removed: report.Removed})
	return nil
}
