package plan

import (
	"fmt"
	"slices"
	"strings"

	"sluice/internal/manifest"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// steps says what each step of the deployment would do, or of the first one after an
// activation when the push is only stored; a push that is refused has none.
func steps(in Input, p Plan) []Step {
	out := []Step{}
	if p.Verdict == Refused {
		return out
	}
	for _, s := range platform.Steps() {
		if s == platform.StepQueued || s == platform.StepFinished {
			continue
		}
		what, runs := describe(s, in, p)
		out = append(out, Step{Name: string(s), Phase: string(s.Phase()), Runs: runs, What: what})
	}
	return out
}

func describe(s platform.Step, in Input, p Plan) (what string, runs bool) {
	const first = "nothing serves yet"
	switch s {
	case platform.StepBuild:
		return slugs(p.Applications), true
	case platform.StepPrepare:
		return sentence("creates", named(p.Services, Create), "creates the web containers"), true
	case platform.StepPreflight:
		return "checks disk, inodes and services", true
	case platform.StepEarlyHook:
		return earlyHook(in, p)
	case platform.StepHold:
		return pick(p.First, first, "requests wait"), !p.First
	case platform.StepQuiesce:
		return pick(p.First, first, background(in.Current, "ends")), !p.First
	case platform.StepStart:
		return sentence("replaces", named(p.Services, Replace), sentence("stops", named(p.Services, Remove), "starts the web containers")), true
	case platform.StepDeployHook:
		return hooks("deploy", in.Pushed, func(a *manifest.Application) string { return a.Hooks.Deploy })
	case platform.StepSwitch:
		return count(len(in.Pushed.Routes), "route is published", "routes are published"), true
	case platform.StepRetire:
		return pick(p.First, first, "removes the old containers"), !p.First
	case platform.StepPostDeploy:
		return hooks("post_deploy", in.Pushed, func(a *manifest.Application) string { return a.Hooks.PostDeploy })
	case platform.StepBackground:
		return background(in.Pushed, "starts"), true
	default:
		return "", true
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

// earlyHook says whether deploy hooks begin before the hold, as the pipeline decides it
// (ADR 0028).
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

func pick(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
