package manifest

// upstream warns about a protocol that nothing speaks: without a start command there is
// PHP-FPM, on its socket.
func (p *parser) upstream(a *Application) {
	n := p.apps[a.Name].at("web", "upstream")
	if a.Type.Name != "php" || a.Web.Start != "" || !n.isMap() || a.Web.Upstream.Protocol == "fastcgi" && a.Web.Upstream.SocketFamily == "unix" {
		return
	}
	p.check.warn(n.pos, "unused-upstream", "web.upstream has no effect without web.commands.start", "PHP-FPM is started, which speaks FastCGI on a socket", "add web.commands.start, or remove web.upstream")
}
