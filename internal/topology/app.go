package topology

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"sluice/internal/build"
	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/manifest"
	"sluice/internal/platform"
)

// Paths of generated files that the pipeline runs.
const (
	startFile      = contract.ConfigDir + "/start"
	preStartFile   = contract.ConfigDir + "/pre-start"
	workerFile     = contract.ConfigDir + "/worker"
	DeployHook     = contract.ConfigDir + "/hooks/deploy"
	PostDeployHook = contract.ConfigDir + "/hooks/post_deploy"
	CloneHook      = contract.ConfigDir + "/hooks/clone" // where there is one
	cronDir        = contract.ConfigDir + "/crons"
	startApp       = "/usr/lib/sluice/start-app" // in every runtime image
)

// How long containers may take to stop. A worker finishes the message that it processes.
const (
	webStop    = 10 * time.Second
	workerStop = 15 * time.Second
)

// CronFile returns the path of a cron's script in the web container.
func CronFile(name string) string { return cronDir + "/" + name }

// web returns the web container of an application.
func (r *resolver) web(app *manifest.Application) (engine.App, error) {
	c, err := r.container(app, app.Relationships, app.Mounts, app.Variables)
	if err != nil {
		return engine.App{}, err
	}
	c.Name = app.Name
	c.Command = []string{startApp}
	c.StopTimeout = webStop
	c.Files = append(c.Files, webFiles(app, setsErrorLog(c.Files))...)
	postStart := app.Web.PostStart
	if up := upstreamOf(app); app.Web.Start != "" {
		name, value := up.variable()
		c.Env[name] = value
		if passesOn(app) {
			postStart = up.await() + postStart
		}
	}
	if r.Authority != "" {
		c.Files = append(c.Files, engine.File{Path: contract.AuthorityFile, Mode: 0o644, Content: r.Authority})
	}
	return engine.App{
		Container: c,
		Port:      contract.WebPort,
		Ready:     contract.ReadyPath,
		Warm:      startsWarm(app),
		PostStart: postStart,
	}, nil
}

// worker returns one worker of an application. It shares the application's slug; what it
// sets for itself replaces the application's whole section.
func (r *resolver) worker(app *manifest.Application, w manifest.Worker) (engine.Worker, error) {
	rels, mounts, vars := app.Relationships, app.Mounts, app.Variables
	if w.Relationships != nil {
		rels = w.Relationships
	}
	if w.Mounts != nil {
		mounts = w.Mounts
	}
	if w.Variables != nil {
		vars = w.Variables
	}
	c, err := r.container(app, rels, mounts, vars)
	if err != nil {
		return engine.Worker{}, err
	}
	c.Name = app.Name + "--" + w.Name
	c.Command = []string{"/bin/sh", workerFile}
	c.StopTimeout = workerStop
	// The init process passes SIGTERM to the whole group, so that the script's child gets
	// it too; the script waits for the child.
	c.Env["TINI_KILL_PROCESS_GROUP"] = "1"
	c.Files = append(c.Files, engine.File{
		Path: workerFile, Mode: 0o755,
		Content: script("trap 'exit 143' TERM INT\n" + w.PreStart + "\n" + w.Start),
	})
	return engine.Worker{Container: c, App: app.Name}, nil
}

// container returns what the web container and the workers of an application share.
func (r *resolver) container(
	app *manifest.Application, rels []manifest.Relationship, mounts []manifest.Mount, file map[string]map[string]any,
) (engine.Container, error) {
	slug, ok := r.Slugs[app.Name]
	if !ok {
		return engine.Container{}, platform.Errorf(platform.CodeInternal, "application %q has no slug", app.Name)
	}
	endpoints, err := r.relationships(rels)
	if err != nil {
		return engine.Container{}, err
	}
	php, err := phpFiles(r.Catalog, app, collect(file, r.Variables, atRuntime).php)
	if err != nil {
		return engine.Container{}, err
	}
	vars := collect(file, r.Variables, atRuntime)
	links := map[string]string{}
	for _, rel := range rels {
		links[rel.Name+".internal"] = rel.Service
	}
	binds, tmpfs := bindMounts(app, mounts)
	return engine.Container{
		Image:  slug.Ref,
		User:   webUser,
		Dir:    contract.AppDir,
		Env:    environ(r.runtimeVariables(app, endpoints, vars.rest), vars.env),
		Files:  php,
		Mounts: binds,
		Tmpfs:  tmpfs,
		Links:  links,

		RouterHosts: r.ownHosts(links),
		Programs:    programs[engine.Program](r.Toolkit),
	}, nil
}

// ownHosts lists the names under which an application reaches the router: of its own routes
// below localhost, which every resolver takes for the container itself (warm-up and
// Magento's own requests to its base URL need them), and contract.RouterHost, which works
// whatever name servers say about the routes, unless a relationship has that name. What is
// isolated asks no name server: it gets the names of all its routes.
func (r *resolver) ownHosts(links map[string]string) []string {
	out := []string{contract.RouterSource}
	if _, taken := links[contract.RouterHost]; !taken {
		out = append(out, contract.RouterHost)
	}
	for _, route := range r.routes {
		u, err := url.Parse(route.URL)
		if err == nil && (r.Isolated || strings.HasSuffix(u.Hostname(), ".localhost")) && !strings.HasPrefix(u.Hostname(), "*") {
			out = append(out, u.Hostname())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// programs places the toolkit under both of its names.
func programs[P engine.Program | build.Program](toolkit string) []P {
	if toolkit == "" {
		return nil
	}
	return []P{
		P(engine.Program{Source: toolkit, Target: contract.ToolkitPath}),
		P(engine.Program{Source: toolkit, Target: contract.ToolkitAlias}),
	}
}

const webUser = "1000:1000" // contract.WebUID:contract.WebGID

// bindMounts places the mounts over the read-only root. Every
// application has a volume of its own; mounts from a network storage service share that
// service's volume.
func bindMounts(app *manifest.Application, mounts []manifest.Mount) (binds []engine.Mount, tmpfs []string) {
	for _, m := range mounts {
		if m.Source == manifest.MountTmp {
			tmpfs = append(tmpfs, joinApp(m.Path))
			continue
		}
		volume := app.Name
		if m.Source == manifest.MountService {
			volume = m.Service
		}
		binds = append(binds, engine.Mount{
			Volume: volume, Path: m.SourcePath, Target: joinApp(m.Path),
			UID: contract.WebUID, GID: contract.WebGID,
		})
	}
	return binds, tmpfs
}

// webFiles are the generated files of a web container beside PHP's own.
func webFiles(app *manifest.Application, ownLog bool) []engine.File {
	files := []engine.File{
		{Path: contract.ConfigDir + "/nginx.conf", Mode: 0o644, Content: nginxConfig(app)},
		{Path: contract.ConfigDir + "/php-fpm.conf", Mode: 0o644, Content: fpmConfig(app, ownLog)},
	}
	files = append(files, pageFiles(app)...)
	add := func(path, body string) {
		if strings.TrimSpace(body) != "" {
			files = append(files, engine.File{Path: path, Mode: 0o755, Content: script(body)})
		}
	}
	add(startFile, app.Web.Start)
	add(preStartFile, app.Web.PreStart)
	add(DeployHook, app.Hooks.Deploy)
	add(PostDeployHook, app.Hooks.PostDeploy)
	add(CloneHook, app.Clone.Hook)
	for _, c := range app.Crons {
		add(CronFile(c.Name), c.Start)
	}
	return files
}

// script is a file run by dash in the application's directory, with the project's
// .environment file sourced first.
func script(body string) string {
	return "#!/bin/sh\ncd " + contract.AppDir + " || exit 1\n" +
		contract.SourceEnvironment + "\n" + strings.TrimRight(body, "\n") + "\n"
}
