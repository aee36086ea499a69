package httpapi

import (
	"net/http"

	"sluice/apiv1"
	"sluice/internal/platform"
)

// disk measures what an environment's data takes.
func (a *api) disk(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	usage, err := a.Inspector.DiskUsage(r.Context(), s.project.ID, env.Name)
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, wireDisk(usage))
	return nil
}

func wireDisk(u platform.DiskUsage) apiv1.DiskUsage {
	out := apiv1.DiskUsage{
		MeasuredAt: apiv1.Time{Time: u.MeasuredAt}, Data: u.Data, Disk: u.Disk, Own: u.Own, Free: u.Free, Total: u.Total,
		Parts: []apiv1.DiskPart{}, Snapshots: []apiv1.DiskSnapshot{},
	}
	for _, p := range u.Parts {
		out.Parts = append(out.Parts, apiv1.DiskPart{Name: p.Name, Size: p.Bytes, Files: p.Files})
	}
	for _, s := range u.Snapshots {
		out.Snapshots = append(out.Snapshots, apiv1.DiskSnapshot{ID: s.ID, Reason: s.Reason, CreatedAt: apiv1.Time{Time: s.Taken}, Size: s.Bytes})
	}
	return out
}
