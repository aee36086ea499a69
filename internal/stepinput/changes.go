package stepinput

import (
	"path"
	"slices"
	"strings"
)

// Change is a file that a push changes. Nil stands for no file.
type Change struct {
	Name          string // relative to the application's root
	Before, After []byte
}

// Affects returns the names of the changes that a step reads, in their order: none when its
// result stays good, as far as the repository tells. bodies says that bodies of methods
// count for Static: see ChangesStatic.
func Affects(step Step, changes []Change, bodies bool) []string {
	var names []string
	for _, c := range changes {
		how := Of(step, c.Name)
		if how == Declarations && step == Static && bodies {
			how = Whole
		}
		switch {
		case installs(c.Name), step == Static && c.Name == ".magento.env.yaml":
			names = append(names, c.Name)
		case how == Nothing:
		case c.Before == nil:
			names = append(names, c.Name+" (new)")
		case c.After == nil:
			names = append(names, c.Name+" (removed)")
		case Digest(how, c.Before) != Digest(how, c.After):
			names = append(names, c.Name)
		}
	}
	return names
}

// NeedsContent reports whether Affects has to see the contents of a changed file: of any
// other one, that there is a change is enough.
func NeedsContent(name string) bool {
	return slices.ContainsFunc(Steps(), func(step Step) bool {
		how := Of(step, name)
		return how == Declarations || how == Names
	})
}

// IsOwnDI reports whether a file is a di.xml of the project itself: that in app/etc is not.
func IsOwnDI(name string) bool { return path.Base(name) == "di.xml" && !passedOver(name) && own(name) }

// installs tells files that a step reads by what comes of them: installed packages, patched
// sources, values.
func installs(name string) bool {
	return name == "composer.json" || name == "composer.lock" || strings.HasPrefix(name, "m2-hotfixes/") || name == configPHP || name == envPHP
}
