package plan

import (
	"maps"
	"path"
	"slices"
	"strings"

	"sluice/internal/contract"
	"sluice/internal/manifest"
	"sluice/internal/stepinput"
)

// Changes are the files in which a push differs from the commit that is served. Paths are
// relative to the top of the repository; nil stands for no file.
type Changes struct {
	Files map[string]FileChange
	// Static says that a di.xml of the project changes how static content is made.
	Static bool
}

// FileChange is a file before and after. Contents that WantsContent does not ask for may be
// any two that differ.
type FileChange struct{ Before, After []byte }

// WantsContent reports whether AddBuildSteps has to see the contents of a changed file of an
// application of the manifest.
func WantsContent(m *manifest.Manifest, name string) bool {
	for _, app := range m.Apps {
		if rel, ok := belowRoot(name, app.Root); ok && stepinput.NeedsContent(rel) {
			return true
		}
	}
	return false
}

// ChangesStatic reports whether a file of the repository changes how static content is made.
func ChangesStatic(m *manifest.Manifest, name string, content []byte) bool {
	for _, app := range m.Apps {
		if rel, ok := belowRoot(name, app.Root); ok && stepinput.IsOwnDI(rel) && stepinput.ChangesStatic(content) {
			return true
		}
	}
	return false
}

// AddBuildSteps says of each application that the toolkit builds which steps would run, and
// because of which files. It is not known when more than files differs.
func (p *Plan) AddBuildSteps(m *manifest.Manifest, changes Changes) {
	for i, a := range p.Applications {
		app := m.App(a.Name)
		if app == nil || a.Slug != SlugBuilt || len(a.Reasons) != 1 || a.Reasons[0] != "source tree" || !contract.RunsToolkit(app.Hooks.Build) {
			continue
		}
		below := inApplication(changes, app.Root)
		for _, step := range stepinput.Steps() {
			changed := stepinput.Affects(step, below, changes.Static)
			p.Applications[i].BuildSteps = append(p.Applications[i].BuildSteps, BuildStep{Name: string(step), Changed: append([]string{}, changed...)})
		}
	}
}

// inApplication are the changes below an application's root, by name.
func inApplication(changes Changes, root string) []stepinput.Change {
	var below []stepinput.Change
	for _, name := range slices.Sorted(maps.Keys(changes.Files)) {
		if rel, ok := belowRoot(name, root); ok && !ours(rel) {
			below = append(below, stepinput.Change{Name: rel, Before: changes.Files[name].Before, After: changes.Files[name].After})
		}
	}
	return below
}

// belowRoot returns a path of the repository relative to an application's root.
func belowRoot(name, root string) (string, bool) {
	root = strings.Trim(path.Clean(root), "/")
	if root == "." || root == "" {
		return name, true
	}
	return strings.CutPrefix(name, root+"/")
}
