package deploy

import (
	"maps"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// reported is what a deploy hook said of the data.
type reported struct {
	touched bool
	digest  string
}

// state returns the state of the application's data after its hook; empty when the hook left
// it as it was. Only a hook that is nothing but the toolkit can be believed.
func (r reported) state(app engine.App, release string) string {
	switch {
	case !tellsTouch(app):
		return platform.WrittenBy(release)
	case r.digest != "":
		return platform.SchemaState(r.digest)
	case r.touched:
		return platform.WrittenBy(release)
	}
	return ""
}

// dataState returns what the data looks like when the deploy hooks have ended: as before, but
// for the applications whose hooks may have written.
func (d *deployment) dataState() platform.DataState {
	state := platform.DataState{}
	if d.previous != nil {
		if state = maps.Clone(d.previous.release.Data); state == nil {
			state = platform.DataState{platform.AllData: platform.WrittenBy(d.previous.release.ID)}
		}
	}
	switch {
	case d.dataOf != nil && d.replaces():
		state = maps.Clone(d.dataOf) // of the release whose data it is
	case d.replaces():
		state = platform.DataState{platform.AllData: platform.WrittenBy(d.release.ID)}
	}
	if d.previous != nil && !d.replaces() {
		if _, is, upgraded := versionChange(d.previous.stored.Spec, d.stored.Spec, stores); upgraded {
			state["service:"+is.Name] = platform.WrittenBy(d.release.ID) // it has converted its data
		}
	}
	if d.env.Status == platform.EnvironmentDirty {
		// A deployment that failed may have written whatever is not known better now.
		for app := range state {
			state[app] = platform.WrittenBy(d.release.ID)
		}
	}
	maps.Copy(state, d.wrote)
	return state
}

// assumeWritten is for hooks of which only the success is known, as they ended without us.
func (d *deployment) assumeWritten() {
	for _, app := range d.stored.Spec.Apps {
		if hasDeployHook(app) && d.wrote[app.Name] == "" && d.whyHook(app) != "" {
			d.wrote[app.Name] = platform.WrittenBy(d.release.ID)
		}
	}
}
