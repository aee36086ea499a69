package plan

import (
	"time"

	"sluice/internal/build"
	"sluice/internal/catalog"
	"sluice/internal/manifest"
	"sluice/internal/platform"
	"sluice/internal/rehearsal"
)

// Input is everything that a plan depends on.
type Input struct {
	Project     platform.Project
	Environment platform.Environment
	Catalog     *catalog.Catalog
	Variables   []platform.Variable // lowest precedence first
	// Current is what the environment serves, of the commit Commit; nil when it serves nothing.
	Current *manifest.Manifest
	Commit  string
	// Pushed is nil when it has errors.
	Pushed   *manifest.Manifest
	Findings manifest.Diagnostics
	// Sources are digests of the applications' files, in the form of SourceDigest, by
	// application; one that is missing is not known.
	Sources map[string]Source
	// Bases are the digests of the runtime images, by type ("php:8.2"), and of the build
	// images, by topology.ToolsOf.
	Bases map[string]string
	// Found names the applications whose slug exists under the key that Keys returns.
	Found map[string]bool
	// Holds are the holds of earlier deployments, newest first; failed ones are left out.
	Holds []time.Duration
	// Rehearsal is the last one of the same tree; nil when there was none.
	Rehearsal *rehearsal.Summary
}

// Source is the digest of an application's files, as deployed and as pushed.
type Source struct {
	Current string
	Pushed  string
}

// Verdict is what becomes of a push.
type Verdict string

// A push is deployed, stored without being built, because its environment is inactive, or
// refused, because its configuration has errors.
const (
	Deployed Verdict = "deployed"
	Stored   Verdict = "stored"
	Refused  Verdict = "refused"
)

// Plan is what a push would do.
type Plan struct {
	Project      string                `json:"project,omitempty"`
	Environment  string                `json:"environment,omitempty"`
	Release      string                `json:"release,omitempty"` // the one that serves
	Commit       string                `json:"commit,omitempty"`  // its commit
	Verdict      Verdict               `json:"verdict"`
	First        bool                  `json:"first"` // nothing serves yet
	Findings     []manifest.Diagnostic `json:"findings"`
	Applications []Application         `json:"applications"`
	Services     []Change              `json:"services"`
	Mounts       []Change              `json:"mounts"`
	Routes       []Change              `json:"routes"`
	Workers      []Change              `json:"workers"`
	Crons        []Change              `json:"crons"`
	Steps        []Step                `json:"steps"`
	Hold         Hold                  `json:"hold"`
	Rehearsal    *rehearsal.Summary    `json:"rehearsal,omitempty"` // the last one of the same tree
}

// SlugAction is what becomes of an application's slug.
type SlugAction string

// A slug is reused, built, or, when the files of the application are not known, either.
const (
	SlugReused  SlugAction = "reused"
	SlugBuilt   SlugAction = "built"
	SlugUnknown SlugAction = "unknown"
)

// Application is one application of the push.
type Application struct {
	Name    string     `json:"name"`
	Type    string     `json:"type"`
	Action  Action     `json:"action"`
	Slug    SlugAction `json:"slug,omitempty"` // empty for one that is removed
	Reasons []string   `json:"reasons"`        // why it is built: what its slug depends on and what changed
	// BuildSteps are those of a Magento whose results are kept between builds; empty when it
	// is not known what they read.
	BuildSteps []BuildStep `json:"build_steps,omitempty"`
}

// BuildStep is a step of a build by the toolkit.
type BuildStep struct {
	Name    string   `json:"name"`
	Changed []string `json:"changed"` // what it reads and the push changes; none: an earlier result is reused
}

// Action is what happens to one thing.
type Action string

// The actions.
const (
	Create  Action = "create"
	Keep    Action = "keep"
	Alter   Action = "change"
	Replace Action = "replace"
	Deploy  Action = "deploy" // an application's containers are replaced
	Remove  Action = "remove"
)

// Change is what happens to a service, mount, route, worker or cron.
type Change struct {
	App     string   `json:"app,omitempty"` // the application that it belongs to
	Name    string   `json:"name"`
	Action  Action   `json:"action"`
	Details []string `json:"details"`
}

// Step is one step of the deployment.
type Step struct {
	Name  string `json:"name"`
	Phase string `json:"phase"`
	Runs  bool   `json:"runs"`
	What  string `json:"what"` // what it does, or why it is skipped
}

// Hold predicts how long requests wait, in seconds.
type Hold struct {
	Seconds     float64 `json:"seconds"` // the median of the earlier ones; 0 when nothing is known
	Shortest    float64 `json:"shortest"`
	Longest     float64 `json:"longest"`
	Deployments int     `json:"deployments"` // how many it is judged by
	Note        string  `json:"note"`
}

// Keys returns the keys of the slugs that a push needs, of applications whose files are
// known, for looking them up.
func Keys(in Input) (map[string]build.Key, error) {
	keys := map[string]build.Key{}
	if in.Pushed == nil {
		return keys, nil
	}
	for _, app := range in.Pushed.Apps {
		source, known := in.Sources[app.Name]
		if !known {
			continue
		}
		key, err := keyOf(in, app, source.Pushed)
		if err != nil {
			return nil, err
		}
		keys[app.Name] = key
	}
	return keys, nil
}

// Make computes the plan. An error is a *platform.Error that names what in the manifest
// cannot be carried out.
func Make(in Input) (Plan, error) {
	p := Plan{
		Project: in.Project.ID, Environment: in.Environment.Name, Release: in.Environment.Release, Commit: in.Commit,
		Verdict: verdict(in), First: in.Current == nil, Findings: append([]manifest.Diagnostic{}, in.Findings...),
		Applications: []Application{}, Services: []Change{}, Mounts: []Change{}, Routes: []Change{}, Workers: []Change{}, Crons: []Change{}, Steps: []Step{},
	}
	if in.Pushed == nil {
		return p, nil
	}
	if in.Current == nil {
		in.Current = &manifest.Manifest{}
	}
	var err error
	if p.Applications, err = applications(in); err != nil {
		return Plan{}, err
	}
	if p.Services, err = services(in); err != nil {
		return Plan{}, err
	}
	p.Mounts = mounts(in.Current, in.Pushed)
	p.Routes = routes(in.Current, in.Pushed)
	p.Workers = workers(in.Current, in.Pushed)
	p.Crons = crons(in.Current, in.Pushed)
	p.Steps = steps(in, p)
	p.Hold = predict(in.Holds, p)
	p.Rehearsal = in.Rehearsal
	return p, nil
}

func verdict(in Input) Verdict {
	switch {
	case in.Pushed == nil || in.Findings.HasErrors():
		return Refused
	case in.Environment.Status == platform.EnvironmentInactive:
		return Stored
	default:
		return Deployed
	}
}
