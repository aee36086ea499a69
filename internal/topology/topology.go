// Package topology computes what has to run: from a manifest, slugs, variables and the
// previous release it derives the engine's specification, the routes, the variables that
// applications see and what a build depends on.
//
// It is pure: the same input gives the same output, byte for byte. It does no I/O, reads
// no clock and logs nothing; what the user should know comes back as notices. It may
// import the nouns, the manifest, the catalog and the two ports.
package topology

import (
	"slices"

	"sluice/internal/catalog"
	"sluice/internal/engine"
	"sluice/internal/manifest"
	"sluice/internal/platform"
)

// Input is everything that the running state of an environment depends on.
type Input struct {
	Project     platform.Project
	Environment platform.Environment
	Release     string
	Manifest    *manifest.Manifest
	Catalog     *catalog.Catalog
	Images      map[string]platform.ImageRef // by catalog.Image.Name
	Slugs       map[string]platform.Slug     // by application
	Variables   []platform.Variable          // lowest precedence first
	Site        Site
	Branch      string       // that applications are told; "" for the environment's name
	Isolated    bool         // see engine.Spec
	Previous    *engine.Spec // of the release that serves; nil for the first
	Authority   string       // certificate of the router's local authority, PEM; "" for none
	Toolkit     string       // the toolkit's executable on the engine's machine; "" for none
}

// Site says under which addresses the router is reached.
type Site struct {
	BaseDomain string   // "localhost": environments live below it
	HTTPPort   int      // as visitors see it
	HTTPSPort  int      // 0: the router has no TLS listener
	Domains    []string // of the project alone, verified, the default one first
}

// Result is the wanted state.
type Result struct {
	Spec    engine.Spec
	Routes  []platform.Route
	Notices []string // for the activity's log
}

// Resolve computes the wanted state. An error is a *platform.Error that names what in the
// manifest cannot be carried out.
func Resolve(in Input) (Result, error) {
	routes, notices, err := resolveRoutes(in)
	if err != nil {
		return Result{}, err
	}
	services, err := resolveServices(in)
	if err != nil {
		return Result{}, err
	}
	r := &resolver{Input: in, routes: routes, services: services}
	spec := engine.Spec{
		Environment: in.Environment.ID(),
		Project:     in.Project.ID,
		Release:     in.Release,
		Subnet:      in.Environment.Subnet,
		Isolated:    in.Isolated,
		Services:    services,
	}
	for _, app := range in.Manifest.Apps {
		web, err := r.web(app)
		if err != nil {
			return Result{}, err
		}
		spec.Apps = append(spec.Apps, web)
		for _, w := range app.Workers {
			worker, err := r.worker(app, w)
			if err != nil {
				return Result{}, err
			}
			spec.Workers = append(spec.Workers, worker)
		}
	}
	return Result{Spec: spec, Routes: routes, Notices: notices}, nil
}

// resolver carries what the parts of one resolution share.
type resolver struct {
	Input
	routes   []platform.Route
	services []engine.Service
}

// service returns the resolved service with this name.
func (r *resolver) service(name string) (engine.Service, bool) {
	i := slices.IndexFunc(r.services, func(s engine.Service) bool { return s.Name == name })
	if i < 0 {
		return engine.Service{}, false
	}
	return r.services[i], true
}
