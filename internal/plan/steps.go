package plan

import (
	"fmt"
	"slices"
	"strings"

	"sluice/internal/manifest"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// Row describes one step of a deployment, apart from the code that does it.
type Row struct {
	Name  platform.Step
	Phase platform.Phase
	// Reach is the furthest that a deployment can have come when it stops in this step: what
	// a crash in the step has to be treated as.
	Reach platform.Reach
	// says is what a plan says of the step, and whether it does anything.
	says func(in Input, p Plan) (what string, runs bool)
}

// Table is the deployment, step by step, in order. The pipeline, recovery after a crash, the
// API and plans all read it here.
func Table() []Row {
	return []Row{
		{platform.StepBuild, platform.PhaseBuild, platform.Served, func(_ Input, p Plan) (string, bool) {
			return slugs(p.Applications), true
		}},
		{platform.StepPrepare, platform.PhaseDeploy, platform.Served, func(_ Input, p Plan) (string, bool) {
			return sentence("creates", named(p.Services, Create), "creates the web containers"), true
		}},
		{platform.StepPreflight, platform.PhaseDeploy, platform.Served, func(Input, Plan) (string, bool) {
			return "checks disk, inodes and services", true
		}},
		{platform.StepKeep, platform.PhaseDeploy, platform.Served, keep},
		{platform.StepEarlyHook, platform.PhaseDeploy, platform.Served, earlyHook},
		{platform.StepHold, platform.PhaseDeploy, platform.Held, unlessFirst(func(Input) string { return "requests wait" })},
		{platform.StepQuiesce, platform.PhaseDeploy, platform.Held, unlessFirst(func(in Input) string { return background(in.Current, "ends") })},
		{platform.StepStart, platform.PhaseDeploy, platform.Held, func(_ Input, p Plan) (string, bool) {
			return sentence("replaces", named(p.Services, Replace), sentence("stops", named(p.Services, Remove), "starts the web containers")), true
		}},
		{platform.StepDeployHook, platform.PhaseDeploy, platform.Touched, func(in Input, _ Plan) (string, bool) {
			return hooks("deploy", in.Pushed, func(a *manifest.Application) string { return a.Hooks.Deploy })
		}},
		{platform.StepSwitch, platform.PhaseDeploy, platform.Live, func(in Input, _ Plan) (string, bool) {
			return count(len(in.Pushed.Routes), "route is published", "routes are published"), true
		}},
		{platform.StepRetire, platform.PhaseDeploy, platform.Live, unlessFirst(func(Input) string { return "removes the old containers" })},
		{platform.StepPostDeploy, platform.PhasePostDeploy, platform.Live, func(in Input, _ Plan) (string, bool) {
			return hooks("post_deploy", in.Pushed, func(a *manifest.Application) string { return a.Hooks.PostDeploy })
		}},
		{platform.StepBackground, platform.PhasePostDeploy, platform.Live, func(in Input, _ Plan) (string, bool) {
			return background(in.Pushed, "starts"), true
		}},
	}
}

// DataTable is the table of deployments that put other data in place of the environment's:
// all containers stop for that, so nothing of the release starts before.
func DataTable() []Row {
	rows := []Row{{Name: platform.StepFetch, Phase: platform.PhaseBuild, Reach: platform.Served}}
	for _, row := range Table() {
		if row.Name != platform.StepEarlyHook {
			rows = append(rows, row)
		}
		if row.Name == platform.StepQuiesce {
			rows = append(rows, Row{Name: platform.StepData, Phase: platform.PhaseDeploy, Reach: platform.Held})
		}
		if row.Name == platform.StepStart {
			rows = append(rows, Row{Name: platform.StepSanitize, Phase: platform.PhaseDeploy, Reach: platform.Touched})
		}
	}
	return rows
}

// steps says what each step of the deployment would do, or of the first one after an
// activation when the push is only stored; a push that is refused has none.
func steps(in Input, p Plan) []Step {
	out := []Step{}
	if p.Verdict == Refused {
		return out
	}
	for _, row := range Table() {
		what, runs := row.says(in, p)
		out = append(out, Step{Name: string(row.Name), Phase: string(row.Phase), Runs: runs, What: what})
	}
	return out
}

// unlessFirst is for steps that a first deployment has nothing to do in.
func unlessFirst(what func(Input) string) func(Input, Plan) (string, bool) {
	return func(in Input, p Plan) (string, bool) {
		if p.First {
			return "nothing serves yet", false
		}
		return what(in), true
	}
}

func slugs(apps []Application) string {
	var built, reused, open []string
	for _, a := range apps {
		switch a.Slug {
		case SlugBuilt:
			built = append(built, a.Name)
		case SlugReused:
			reused = append(reused, a.Name)
		case SlugUnknown:
			open = append(open, a.Name)
		}
	}
	return strings.Join(slices.DeleteFunc([]string{
		sentence("builds", built, ""), sentence("reuses the slug of", reused, ""), sentence("builds, if its files changed,", open, ""),
	}, func(s string) bool { return s == "" }), "; ")
}

func hooks(kind string, m *manifest.Manifest, script func(*manifest.Application) string) (what string, runs bool) {
	apps := names(m.Apps, func(a *manifest.Application) bool { return strings.TrimSpace(script(a)) != "" })
	if len(apps) == 0 {
		return "no application has a " + kind + " hook", false
	}
	return "runs the " + kind + " hook of " + strings.Join(apps, ", "), true
}

// keep says whether the data is kept before it is converted.
func keep(in Input, p Plan) (what string, runs bool) {
	if p.First {
		return "nothing serves yet", false
	}
	for _, now := range in.Pushed.Services {
		if old := in.Current.Service(now.Name); old != nil && old.Type != now.Type && keepsData(in.Catalog, now) {
			return "keeps the data from before the upgrade of " + now.Name, true
		}
	}
	return "no service that stores data is upgraded", false
}

// earlyHook says whether deploy hooks begin before the hold.
func earlyHook(in Input, p Plan) (what string, runs bool) {
	decision := topology.EarlyHooks{
		First:           p.First,
		Unfinished:      in.Environment.Status == platform.EnvironmentDirty,
		ServicesChanged: slices.ContainsFunc(p.Services, func(c Change) bool { return c.Action != Keep }),
	}
	if why := decision.Refused(); why != "" {
		return why, false
	}
	for _, a := range in.Pushed.Apps {
		if strings.TrimSpace(a.Hooks.Deploy) == "" {
			continue
		}
		if topology.BeginsHookEarly(a) {
			return "begins the deploy hook of " + a.Name + "; requests are served until it writes to data", true
		}
		return "the deploy hook of " + a.Name + " does not say when it writes to data", false
	}
	return "no application has a deploy hook", false
}

// background counts what runs beside requests.
func background(m *manifest.Manifest, verb string) string {
	workers, crons := 0, 0
	for _, a := range m.Apps {
		workers += len(a.Workers)
		crons += len(a.Crons)
	}
	return verb + " " + count(workers, "worker", "workers") + " and " + count(crons, "cron", "crons")
}

func named(changes []Change, action Action) []string {
	var out []string
	for _, c := range changes {
		if c.Action == action {
			out = append(out, c.Name)
		}
	}
	return out
}

// sentence is "verb a, b; rest" without the parts that are empty.
func sentence(verb string, list []string, rest string) string {
	switch {
	case len(list) == 0:
		return rest
	case rest == "":
		return verb + " " + strings.Join(list, ", ")
	default:
		return verb + " " + strings.Join(list, ", ") + "; " + rest
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
