package manifest

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// committedFiles looks at files other than the configuration.
func (p *parser) committedFiles(a *Application) {
	if name := path.Join(a.Root, "app/etc/env.php"); p.exists(name) {
		p.check.warn(Position{File: name}, "committed-env-php", "env.php is committed", "it has the encryption key and is written by every deployment", "git rm --cached "+name)
	}
	lock := path.Join(a.Root, "composer.lock")
	if a.Type.Name == "php" && p.exists(path.Join(a.Root, "composer.json")) && !p.exists(lock) {
		p.check.warn(Position{File: lock}, "no-composer-lock", "composer.lock is not committed", "every build could install other versions", "commit composer.lock")
	}
}

// locations warns about places whose rules would serve PHP source as text: scripts are
// off, files are allowed, and there are PHP files. The web server
// responds with 403 instead, so scripts that should run there do not.
func (p *parser) locations(a *Application) {
	for _, l := range a.Web.Locations {
		scripts := is(l.Scripts, a.ScriptsByDefault(&l))
		if l.Root == "" || scripts || path.Ext(l.Path) != "" {
			continue // without a directory there are no scripts; "/favicon.ico" is one file
		}
		if is(l.Allow, true) {
			p.sourceServed(a, l, l.Pos, "location "+show(l.Path))
			continue
		}
		for _, r := range l.Rules {
			if r.Allow != nil && *r.Allow && !is(r.Scripts, false) && matchesPHP(r.Pattern) {
				p.check.warn(r.Pos, "php-source", fmt.Sprintf("rule %s publishes PHP files without running them", show(r.Pattern)), notSent, "add \"scripts: true\" or narrow the expression")
			}
		}
	}
}

// roots warns about locations whose directory is neither committed nor a mount, where
// nothing could make it: all requests would get 404.
func (p *parser) roots(a *Application) {
	if p.check.opts.Partial || p.check.opts.Bare || a.Hooks.Build != "" || p.installed(a) || p.exists(path.Join(a.Root, ".gitmodules")) {
		return
	}
	for _, l := range a.Web.Locations {
		dir := path.Join(a.Root, l.Root)
		if l.Root != "" && !p.exists(dir) && !underMount(a.Mounts, l.Root) {
			p.check.warn(l.Pos, "missing-root", fmt.Sprintf("location %s serves the directory %s, which does not exist", show(l.Path), show(dir)), "there is no build hook that could make it", "fix the root or commit the directory")
		}
	}
}

// notSent says what becomes of PHP files that are published as text (ADR 0009).
const notSent = "requests for them get 403, since their source would be shown"

// is returns a setting, or its default when it is not given.
func is(setting *bool, fallback bool) bool {
	if setting == nil {
		return fallback
	}
	return *setting
}

func (p *parser) sourceServed(a *Application, l Location, pos Position, what string) {
	root := path.Join(a.Root, l.Root)
	file := p.phpFile(root)
	if file == "" && (l.Root == "pub" || l.Root == ".") && p.installed(a) {
		file = path.Join(root, "index.php")
	}
	if file == "" {
		return
	}
	p.check.warn(pos, "php-source", what+" publishes PHP files without running them", file+" is one; "+notSent, "add \"scripts: true\", or \"allow: false\" with rules for what is public")
}

// installed reports whether Composer brings a PHP application's scripts, which are not
// committed then.
func (p *parser) installed(a *Application) bool {
	return a.Type.Name == "php" && (p.check.opts.Partial || p.exists(path.Join(a.Root, "composer.json")))
}

// phpFile returns a PHP file directly in a directory.
func (p *parser) phpFile(dir string) string {
	for _, e := range p.directory(dir) {
		if strings.HasSuffix(e.Name(), ".php") && e.Type().IsRegular() {
			return path.Join(dir, clip(e.Name(), 60))
		}
	}
	return ""
}

func matchesPHP(pattern string) bool {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return false // PCRE that Go has not; better silent than wrong
	}
	return re.MatchString("/index.php") && re.MatchString("/setup/index.php") && !re.MatchString("/")
}

func underMount(mounts []Mount, target string) bool {
	return slices.ContainsFunc(mounts, func(m Mount) bool {
		return target == m.Path || strings.HasPrefix(target, m.Path+"/")
	})
}
