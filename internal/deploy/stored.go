package deploy

import (
	"encoding/json"
	"fmt"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// storedVersion is the format of storedRelease. It grows when an earlier program would
// misunderstand the record, not when a field is added that it can do without.
const storedVersion = 1

// storedRelease is what Release.Spec holds: everything that is needed to run the release
// again without its source, as JSON. testdata/stored.json shows the format with every field;
// a name that stands there never changes its meaning. Records without a version, which is 0,
// were written before there was one and lack Summary.
type storedRelease struct {
	Version    int
	Spec       engine.Spec
	Crons      platform.CronPlan
	PostDeploy []string // applications with a post_deploy hook
	WarmUp     []string // absolute URLs that the platform warms
	Summary    []string // applications and services, a line of the log each
	Services   []platform.DeployedService

	MaintenancePage string // see platform.Publication
}

// write puts the stored form into the record.
func (s storedRelease) write(r *platform.Release) error {
	s.Version = storedVersion
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode release %s: %w", r.ID, err)
	}
	r.Spec = data
	return nil
}

// readRelease reads the stored form of a release. A later format is refused.
func readRelease(r platform.Release) (storedRelease, error) {
	var s storedRelease
	if err := json.Unmarshal(r.Spec, &struct{ Version *int }{&s.Version}); err != nil {
		return storedRelease{}, fmt.Errorf("decode release %s: %w", r.ID, err)
	}
	if s.Version > storedVersion {
		return storedRelease{}, platform.Errorf(platform.CodeConflict,
			"release %s of environment %s was stored by a later version of sluiced (format %d, this one reads up to %d); nothing was changed",
			r.ID, r.Env, s.Version, storedVersion).
			WithHint("start the later version again")
	}
	if err := json.Unmarshal(r.Spec, &s); err != nil {
		return storedRelease{}, fmt.Errorf("decode release %s: %w", r.ID, err)
	}
	return s, nil
}
