package manifest

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"sluice/internal/catalog"
)

// Options adjust Parse. The zero value checks everything that needs no catalog.
type Options struct {
	// Catalog says which versions there are; nil skips these checks.
	Catalog *catalog.Catalog
	// AllowUnknownVersions makes versions and extensions that the catalog lacks warnings.
	AllowUnknownVersions bool
	// Partial says that the tree may lack files of the project, as when one file is
	// validated: what refers to a missing file is then a notice.
	Partial bool
	// Only is the path of the one configuration file that is read; empty for all. It
	// implies Partial.
	Only string
	// Bare says that the tree has the configuration files and nothing else, so that
	// nothing can be said about other files.
	Bare bool
	// OnRead, if set, receives the content of every file that is read.
	OnRead func(name string, content []byte)
	// CronInterval is the shortest interval of crons that the installation runs; zero for
	// one minute.
	CronInterval time.Duration
	// Now is compared with ends of life; zero skips that.
	Now time.Time
}

// Parse reads the project's files from fsys, the tree of one commit, and validates them
// together. It finds all mistakes in one run, in stable order, and depends on nothing but
// its arguments. The manifest is nil when a diagnostic is an error.
func Parse(fsys fs.FS, opts Options) (*Manifest, Diagnostics) {
	p := newParser(fsys, opts)
	m := p.project()
	found := p.sorted()
	if found.HasErrors() {
		return nil, found
	}
	return m, found
}

// ParseEnv reads only .magento.env.yaml, for programs inside a container. It returns nil
// without a diagnostic when there is no such file.
func ParseEnv(fsys fs.FS) (*EnvFile, Diagnostics) {
	p := newParser(fsys, Options{Partial: true})
	env := p.env(envFile)
	found := p.sorted()
	if found.HasErrors() {
		return nil, found
	}
	return env, found
}

// ReadEnv reads .magento.env.yaml as [ParseEnv] does, but gives what the file says even when
// variables in it are wrong, so that a validator can report them while the rest works. It
// returns nil with an error among the diagnostics when the text itself cannot be read.
func ReadEnv(fsys fs.FS) (*EnvFile, Diagnostics) {
	p := newParser(fsys, Options{Partial: true})
	n := p.document(envFile)
	if n == nil || p.list.HasErrors() {
		return nil, p.sorted()
	}
	p.check.matches(n, envShape(), "")
	return decodeEnv(n, envFile), p.sorted()
}

// parser makes one manifest.
type parser struct {
	*source

	check *checker
	// documents by their place in the project, for findings across files
	apps     map[string]*node // by name
	services *node
	routes   *node
	locks    map[string]*lockFile // by path
	// withoutServices says that a missing services.yaml is reported.
	withoutServices bool
}

func newParser(fsys fs.FS, opts Options) *parser {
	opts.Partial = opts.Partial || opts.Only != ""
	s := &source{fsys: fsys, listed: map[string][]fs.DirEntry{}, partial: opts.Partial, onRead: opts.OnRead}
	return &parser{source: s, check: &checker{findings: &s.findings, opts: opts, seen: map[visit]bool{}}, apps: map[string]*node{}, locks: map[string]*lockFile{}}
}

func (p *parser) project() *Manifest {
	m := &Manifest{Services: p.readServices(), Env: p.env(envFile)}
	m.Apps = p.applications()
	p.applicationEnvs(m)
	p.applicationClones(m)
	m.Routes = p.readRoutes(m)
	slices.SortStableFunc(m.Apps, func(a, b *Application) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortStableFunc(m.Services, func(a, b *Service) int { return cmp.Compare(a.Name, b.Name) })
	p.withoutVarnish(m)
	p.fillEndpoints(m)
	p.withoutReplicas(m)
	p.acrossFiles(m)
	return m
}

// configuration reads a file of the configuration directory and checks its shape.
func (p *parser) configuration(name string, s *shape) (n *node, file string) {
	file = p.configFile(name)
	if file == "" {
		return nil, ""
	}
	n = p.document(file)
	if n == nil {
		return nil, file
	}
	if !n.given() {
		p.check.notice(n.pos, "empty-file", "the file is empty", "", "")
		return n, file
	}
	n = n.withoutAnchors()
	p.check.matches(n, s, "")
	return n, file
}

func (p *parser) readServices() []*Service {
	p.services, _ = p.configuration("services.yaml", servicesShape())
	if !p.services.isMap() {
		return nil
	}
	services := make([]*Service, 0, len(p.services.entries))
	for _, e := range p.services.entries {
		s := decodeService(e)
		if s.Type.Version == "" {
			s.Type.Version = p.check.newest(s.Type.Name)
		}
		services = append(services, s)
	}
	return services
}

// readRoutes reads routes.yaml, or makes the default route to the only application.
func (p *parser) readRoutes(m *Manifest) []*Route {
	var file string
	p.routes, file = p.configuration("routes.yaml", routesShape())
	if p.routes.isMap() && len(p.routes.entries) > 0 {
		routes := make([]*Route, 0, len(p.routes.entries))
		for _, e := range p.routes.entries {
			routes = append(routes, decodeRoute(e))
		}
		return routes
	}
	if file != "" && !p.routes.given() && p.list.HasErrors() {
		return nil // the file has been reported already
	}
	if len(m.Apps) > 1 {
		file = p.home("routes.yaml")
		p.check.fail(Position{File: file}, "missing-routes", "there are no routes", fmt.Sprintf("the project has %d applications", len(m.Apps)), "write in "+file+" which one serves which URL")
	}
	if len(m.Apps) != 1 {
		return nil
	}
	return []*Route{{Pos: m.Apps[0].Pos, URL: "https://{default}/", Type: "upstream", Upstream: m.Apps[0].Name, UpstreamEnd: "http"}}
}

// reads reports whether a configuration file is read, and not left out by Options.Only.
func (p *parser) reads(file string) bool {
	return p.check.opts.Only == "" || p.check.opts.Only == file
}

func (p *parser) env(file string) *EnvFile {
	if !p.reads(file) {
		return nil
	}
	n := p.document(file)
	if n == nil {
		return nil
	}
	p.check.matches(n, envShape(), "")
	p.check.secrets(n.get("log"), "log", "leave the handler out, or give it a token that can do nothing else")
	return decodeEnv(n, file)
}

// applicationEnvs reads the file that lies at the root of each application: the toolkit in
// its container finds it there.
func (p *parser) applicationEnvs(m *Manifest) {
	byRoot := map[string]*EnvFile{".": m.Env}
	for _, a := range m.Apps {
		env, read := byRoot[a.Root]
		if !read {
			env = p.env(path.Join(a.Root, envFile))
			byRoot[a.Root] = env
		}
		a.Env = env
	}
	if m.Env == nil && len(m.Apps) == 1 {
		m.Env = m.Apps[0].Env
	}
	if file := p.check.opts.Only; path.Base(file) == envFile && file != envFile {
		m.Env = p.env(file)
	}
}
