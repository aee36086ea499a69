package manifest

import (
	"fmt"
	"slices"
)

// upstream warns about a protocol that nothing speaks: without a start command there is
// PHP-FPM, on its socket.
func (p *parser) upstream(a *Application) {
	n := p.apps[a.Name].at("web", "upstream")
	if a.Type.Name != "php" || a.Web.Start != "" || !n.isMap() || a.Web.Upstream.Protocol == "fastcgi" && a.Web.Upstream.SocketFamily == "unix" {
		return
	}
	p.check.warn(n.pos, "unused-upstream", "web.upstream has no effect without web.commands.start", "PHP-FPM is started, which speaks FastCGI on a socket", "add web.commands.start, or remove web.upstream")
}

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
