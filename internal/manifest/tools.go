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

// hasInstaller reports whether the runtime's image can install packages of a language. Images
// that the operator names may, and so may those that are not known.
func (p *parser) hasInstaller(a *Application, language string) bool {
	pack := map[string]string{"nodejs": "npm", "python3": "python3-pip", "ruby": "ruby"}[language]
	if p.check.opts.Catalog == nil || pack == "" {
		return true
	}
	rt, ok := p.check.opts.Catalog.Runtime(a.Type.Name, a.Type.Version)
	if !ok {
		rt = nearestRuntime(p.check.opts.Catalog, a.Type.Name, a.Type.Version)
	}
	return rt.Image.Debian == nil || slices.Contains(rt.Image.Debian.Packages, pack)
}

// tools warns about dependencies whose installer the runtime image lacks: the build would
// end there.
func (p *parser) tools(a *Application) {
	languages := p.apps[a.Name].get("dependencies")
	if !languages.isMap() {
		return
	}
	for _, e := range languages.entries {
		language := canonicalLanguage(e.key)
		if !e.value.isMap() || len(e.value.entries) == 0 || p.hasInstaller(a, language) {
			continue
		}
		command := map[string]string{"nodejs": "npm", "python3": "pip", "ruby": "gem"}[language]
		p.check.warn(e.pos, "missing-installer", fmt.Sprintf("%s has no %s to install dependencies.%s with", a.Type, command, e.key), "the build fails there", installIt(language))
	}
}
