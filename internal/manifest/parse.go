package manifest

import (
	"cmp"
	"fmt"
	"io/fs"
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
	env := p.env()
	found := p.sorted()
	if found.HasErrors() {
		return nil, found
	}
	return env, found
}

// parser makes one manifest.
type parser struct {
	*source

	check *checker
	// documents by their place in the project, for findings across files
	apps     map[string]*node // by name
	services *node
	routes   *node
}

func newParser(fsys fs.FS, opts Options) *parser {
	s := &source{fsys: fsys, partial: opts.Partial}
	return &parser{source: s, check: &checker{findings: &s.findings, opts: opts, seen: map[visit]bool{}}, apps: map[string]*node{}}
}

func (p *parser) project() *Manifest {
	m := &Manifest{Services: p.readServices(), Env: p.env()}
	m.Apps = p.applications()
	m.Routes = p.readRoutes(m)
	slices.SortStableFunc(m.Apps, func(a, b *Application) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortStableFunc(m.Services, func(a, b *Service) int { return cmp.Compare(a.Name, b.Name) })
	p.fillEndpoints(m)
	p.acrossFiles(m)
	return m
}

// configFile returns the path of a file in the configuration directory, ".magento" or
// ".platform"; empty when there is none.
func (p *parser) configFile(name string) string {
	for _, dir := range []string{".magento", ".platform"} {
		if p.exists(dir + "/" + name) {
			return dir + "/" + name
		}
	}
	return ""
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
	p.check.matches(n, s, "")
	return n, file
}

func (p *parser) readServices() []*Service {
	p.services, _ = p.configuration("services.yaml", servicesSchema())
	if !p.services.isMap() {
		return nil
	}
	services := make([]*Service, 0, len(p.services.entries))
	for _, e := range p.services.entries {
		services = append(services, decodeService(e))
	}
	return services
}

// readRoutes reads routes.yaml, or makes the default route to the only application
// (spec: platform 3.1).
func (p *parser) readRoutes(m *Manifest) []*Route {
	var file string
	p.routes, file = p.configuration("routes.yaml", routesSchema())
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
		p.check.fail(Position{File: cmp.Or(file, ".magento/routes.yaml")}, "missing-routes", "there are no routes", fmt.Sprintf("the project has %d applications", len(m.Apps)), "say in .magento/routes.yaml which one serves which URL")
	}
	if len(m.Apps) != 1 {
		return nil
	}
	return []*Route{{Pos: m.Apps[0].Pos, URL: "https://{default}/", Type: "upstream", Upstream: m.Apps[0].Name, UpstreamEnd: "http"}}
}

func (p *parser) env() *EnvFile {
	n := p.document(envFile)
	if n == nil {
		return nil
	}
	p.check.matches(n, envSchema(), "")
	return decodeEnv(n)
}
