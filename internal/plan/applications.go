package plan

import (
	"cmp"
	"slices"

	"sluice/internal/build"
	"sluice/internal/manifest"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// unknownImage stands for the digest of a runtime image that is not known. It is the same
// for both sides of a comparison.
const unknownImage = "unknown"

func applications(in Input) ([]Application, error) {
	out := make([]Application, 0, len(in.Pushed.Apps))
	for _, app := range in.Pushed.Apps {
		a, err := application(in, app)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	for _, app := range in.Current.Apps {
		if in.Pushed.App(app.Name) == nil {
			out = append(out, Application{Name: app.Name, Type: app.Type.String(), Action: Remove, Reasons: []string{}})
		}
	}
	return out, nil
}

func application(in Input, app *manifest.Application) (Application, error) {
	a := Application{Name: app.Name, Type: app.Type.String(), Action: Create, Slug: SlugBuilt, Reasons: []string{}}
	old := in.Current.App(app.Name)
	if old != nil {
		a.Action = Deploy
	}
	source, known := in.Sources[app.Name]
	switch {
	case in.Found[app.Name]:
		a.Slug = SlugReused
		return a, nil
	case old == nil:
		a.Reasons = append(a.Reasons, "it was not built before")
		return a, nil
	}
	changed, err := changedParts(in, old, app, source)
	if err != nil {
		return Application{}, err
	}
	switch {
	case len(changed) > 0:
		a.Reasons = changed
	case !known || source.Current == "":
		a.Slug = SlugUnknown
		a.Reasons = append(a.Reasons, "whether its files changed is not known")
	case in.Found == nil:
		a.Slug = SlugReused
	default:
		a.Reasons = append(a.Reasons, "the earlier slug is gone")
	}
	return a, nil
}

// changedParts names what the slug depends on and differs from what is deployed.
func changedParts(in Input, old, app *manifest.Application, source Source) ([]string, error) {
	before, err := keyOf(in, old, source.Current)
	if err != nil {
		return nil, err
	}
	now, err := keyOf(in, app, source.Pushed)
	if err != nil {
		return nil, err
	}
	return now.Changed(before), nil
}

func keyOf(in Input, app *manifest.Application, digest string) (build.Key, error) {
	base := in.Bases[app.Type.String()]
	if base == "" {
		base = unknownImage + " " + app.Type.String()
	}
	var tools platform.ImageRef
	if _, ok := topology.ToolsImage(in.Catalog, app); ok {
		tools.Digest = cmp.Or(in.Bases[topology.ToolsOf(app)], unknownImage+" "+topology.ToolsOf(app))
	}
	req, err := topology.Build(topology.BuildInput{
		Project: in.Project, App: app, Catalog: in.Catalog, Base: platform.ImageRef{Digest: base}, Tools: tools,
		TreeDigest: digest, Variables: in.Variables, Type: in.Environment.Type,
	})
	return req.Key, err
}

// names lists applications that a condition holds for.
func names(apps []*manifest.Application, is func(*manifest.Application) bool) []string {
	var out []string
	for _, a := range apps {
		if is(a) {
			out = append(out, a.Name)
		}
	}
	slices.Sort(out)
	return out
}
