package deploy

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"sluice/internal/access"
	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/platform"
)

// Command is one that a person runs in an environment.
type Command struct {
	Project     string
	Environment string
	App         string // empty: the only application
	// Container is a web container, a worker or a service, instead of App.
	Container string
	Argv      []string
	Env       map[string]string // beside the container's own
	TTY       bool
	Sizes     <-chan engine.TerminalSize // of the terminal; nil for one that never changes
	Signals   <-chan string              // names of POSIX without SIG; nil for none
	Stdin     io.Reader
	Stdout    io.Writer
	Stderr    io.Writer
}

// Exec runs a command in a container of the live release and returns its exit status.
func (s *Service) Exec(ctx context.Context, c Command) (int, error) {
	env, current, err := s.serving(ctx, c.Project, c.Environment)
	if err == nil {
		err = access.State(access.Exec, platform.Project{}, env)
	}
	if err != nil {
		return 0, err
	}
	at, err := current.find(c.App, c.Container)
	if err != nil {
		return 0, err
	}
	req := engine.ExecRequest{
		Environment: env.ID(), Container: at.container, Command: c.Argv, Env: c.Env,
		TTY: c.TTY, Sizes: c.Sizes, Signals: c.Signals, Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr,
	}
	if !at.service {
		req.Release, req.Command, req.Dir = current.release.ID, inEnvironment(c.Argv), contract.AppDir
	}
	return s.execute(ctx, env, req)
}

// execute runs a command in a container of an environment and returns its exit status. A
// container that does not run is CodeUnavailable.
func (s *Service) execute(ctx context.Context, env platform.Environment, req engine.ExecRequest) (int, error) {
	code, err := s.Engine.Exec(ctx, req)
	if errors.Is(err, engine.ErrNotFound) {
		return 0, platform.Errorf(platform.CodeUnavailable, "the container %q does not run", req.Container).
			WithHint("sluice environment:redeploy -p %s -e %s", env.Project, env.Name)
	}
	return code, err
}

// inEnvironment runs a command with the variables of the project's file .environment, as
// hooks, crons and the server have them. What the file prints is kept out of the output.
func inEnvironment(argv []string) []string {
	const line = "{ " + contract.SourceEnvironment + "; } >&2; exec \"$@\""
	return append([]string{"/bin/sh", "-c", line, "sh"}, argv...)
}

// serving returns the environment and what it serves.
func (s *Service) serving(ctx context.Context, project, name string) (platform.Environment, *live, error) {
	env, err := s.Records.Environment(ctx, project, name)
	if err != nil {
		return env, nil, err
	}
	current, err := s.liveRelease(ctx, env)
	if err != nil {
		return env, nil, err
	}
	if current == nil {
		return env, nil, platform.Errorf(platform.CodeConflict, "environment %s has not been deployed yet", name).
			WithHint("git push sluice %s", name)
	}
	return env, current, nil
}

// choose finds an application; with no name, the only one.
func choose(apps []engine.App, name string) (engine.App, error) {
	if name == "" && len(apps) == 1 {
		return apps[0], nil
	}
	i := slices.IndexFunc(apps, func(a engine.App) bool { return a.Name == name })
	if i >= 0 {
		return apps[i], nil
	}
	names := make([]string, len(apps))
	for j, a := range apps {
		names[j] = a.Name
	}
	if name == "" {
		return engine.App{}, platform.Errorf(platform.CodeInvalid, "the environment has several applications").
			WithHint("choose one with --app: %s", strings.Join(names, ", "))
	}
	return engine.App{}, platform.Errorf(platform.CodeNotFound, "application %q not found", name).
		WithHint("the applications are %s", strings.Join(names, ", "))
}

// Relationships returns what the application sees in MAGENTO_CLOUD_RELATIONSHIPS, as JSON.
func (s *Service) Relationships(ctx context.Context, project, name, app string) (json.RawMessage, error) {
	_, current, err := s.serving(ctx, project, name)
	if err != nil {
		return nil, err
	}
	a, err := choose(current.stored.Spec.Apps, app)
	if err != nil {
		return nil, err
	}
	return relationshipsOf(a.Env)
}

// relationshipsOf returns what a container with these variables sees in
// MAGENTO_CLOUD_RELATIONSHIPS, as JSON.
func relationshipsOf(env map[string]string) (json.RawMessage, error) {
	raw, err := base64.StdEncoding.DecodeString(env[contract.PrefixCommerce+"RELATIONSHIPS"])
	if err != nil {
		return nil, platform.Errorf(platform.CodeInternal, "decode the relationships: %v", err)
	}
	return raw, nil
}

// Deployment returns what the live release consists of; zero where nothing serves.
func (s *Service) Deployment(ctx context.Context, project, name string) (platform.Deployment, error) {
	env, err := s.Records.Environment(ctx, project, name)
	if err != nil {
		return platform.Deployment{}, err
	}
	current, err := s.liveRelease(ctx, env)
	if err != nil || current == nil {
		return platform.Deployment{}, err
	}
	d := platform.Deployment{
		Release: current.release.ID, Commit: current.release.Commit, At: current.release.LiveAt, Routes: current.release.Routes,
		Services: current.stored.Services,
	}
	spec := current.stored.Spec
	for _, app := range spec.Apps {
		config, err := base64.StdEncoding.DecodeString(app.Env[contract.PrefixCommerce+"APPLICATION"])
		if err != nil {
			return d, platform.Errorf(platform.CodeInternal, "decode the configuration of application %s: %v", app.Name, err)
		}
		d.Apps = append(d.Apps, platform.DeployedApp{Name: app.Name, Config: config})
	}
	for _, w := range spec.Workers {
		d.Workers = append(d.Workers, platform.DeployedWorker{Name: w.Name, App: w.App})
	}
	if d.Services == nil { // a release that was stored before they were
		for _, service := range spec.Services {
			d.Services = append(d.Services, platform.DeployedService{Name: service.Name, Type: service.Version})
		}
	}
	return d, nil
}
