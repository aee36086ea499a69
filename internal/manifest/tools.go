package manifest

import (
	"fmt"
	"slices"
)

// installer says which command installs the dependencies of a language, and which package
// of Debian has it; "" when every image has it.
func installer(language string) (command, pack string) {
	switch language {
	case "nodejs":
		return "npm", "npm"
	case "python3":
		return "pip", "python3-pip"
	case "ruby":
		return "gem", "ruby"
	}
	return "", ""
}

// tools warns about dependencies whose installer the runtime image lacks: the build would
// end there. Images that the operator names may have it.
func (p *parser) tools(a *Application) {
	if p.check.opts.Catalog == nil {
		return
	}
	rt, ok := p.check.opts.Catalog.Runtime(a.Type.Name, a.Type.Version)
	if !ok || rt.Image.Debian == nil {
		return
	}
	languages := p.apps[a.Name].get("dependencies")
	if !languages.isMap() {
		return
	}
	for _, e := range languages.entries {
		command, pack := installer(canonicalLanguage(e.key))
		if command == "" || !e.value.isMap() || len(e.value.entries) == 0 || slices.Contains(rt.Image.Debian.Packages, pack) {
			continue
		}
		p.check.warn(e.pos, "missing-installer", fmt.Sprintf("%s has no %s to install dependencies.%s with", a.Type, command, e.key),
			"the build fails there", "install what you need in the build hook, or have the operator name an image that has it in the server's catalog file")
	}
}
