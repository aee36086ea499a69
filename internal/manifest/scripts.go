package manifest

import "strings"

// ScriptsByDefault reports whether a location that does not say "scripts" runs PHP: it does
// where the files come from the repository or the build. In a mount, where the application
// itself writes, they are what visitors uploaded (ADR 0009).
func (a *Application) ScriptsByDefault(l *Location) bool {
	return l.Root != "" && !underMount(a.Mounts, l.Root)
}

// ScriptlessDirs lists the mounts below a location, relative to its root, in which its
// default for "scripts" is not meant. There are none if the location says what it wants.
func (a *Application) ScriptlessDirs(l *Location) []string {
	if l.Scripts != nil || l.Root == "" {
		return nil
	}
	var dirs []string
	for _, m := range a.Mounts {
		if l.Root == "." {
			dirs = append(dirs, m.Path)
		} else if dir, ok := strings.CutPrefix(m.Path, l.Root+"/"); ok {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
