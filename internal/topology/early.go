package topology

import (
	"maps"
	"slices"

	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/manifest"
)

// EarlyHooks is what decides whether the deploy hooks of a deployment may begin before
// requests are held, while the old release serves (docs/adr/0028).
type EarlyHooks struct {
	First           bool // no release serves yet
	Unfinished      bool // the last deployment did not finish
	ServicesChanged bool // a service is created, replaced or removed
}

// Refused says why no hook may begin early, for people, or returns "" when hooks may: the
// new containers work beside the old release, and no service is replaced under them.
func (e EarlyHooks) Refused() string {
	switch {
	case e.First:
		return "nothing serves yet"
	case e.Unfinished:
		return "the last deployment did not finish"
	case e.ServicesChanged:
		return "services change"
	default:
		return ""
	}
}

// ServicesChanged reports whether a release would find other services than the one
// before it, whatever their order.
func ServicesChanged(before, after engine.Spec) bool {
	generations := func(spec engine.Spec) map[string]string {
		out := map[string]string{}
		for _, s := range spec.Services {
			out[s.Name] = s.Generation
		}
		return out
	}
	return !maps.Equal(generations(before), generations(after))
}

// DeployHookOf returns the deploy hook of a web container as a script; ok is false when it
// has none.
func DeployHookOf(app engine.App) (script string, ok bool) {
	i := slices.IndexFunc(app.Files, func(f engine.File) bool { return f.Path == DeployHook })
	if i < 0 {
		return "", false
	}
	return app.Files[i].Content, true
}

// HookBeginsEarly reports whether the deploy hook of a web container may begin before the
// hold. The container must not need the hook's work to start, nor be changed by a process
// of its own after its start, and the hook must say when it first writes to data.
func HookBeginsEarly(app engine.App) bool {
	script, ok := DeployHookOf(app)
	return ok && app.Warm && app.PostStart == "" && contract.TellsTouch(script)
}

// BeginsHookEarly decides the same as HookBeginsEarly for an application that has not been
// resolved to a container yet.
func BeginsHookEarly(app *manifest.Application) bool {
	return startsWarm(app) && app.Web.PostStart == "" && contract.TellsTouch(app.Hooks.Deploy)
}

// startsWarm reports whether the web container serves without anything of the
// application's own having been started.
func startsWarm(app *manifest.Application) bool { return app.Web.Start == "" && app.Web.PreStart == "" }
