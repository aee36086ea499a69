package deploy

import (
	"context"
	"encoding/json"
	"net"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// Locate returns the environment and the container that an address of the form ENV,
// ENV--APP, ENV--APP--WORKER or ENV--SERVICE names, where ENV is an environment's ID. The
// number of an instance may follow: ENV--APP--0. container is "" for the first form. It
// returns CodeNotFound when there is no such environment; the container is not looked for.
func (s *Service) Locate(ctx context.Context, address string) (env platform.Environment, container string, err error) {
	all, err := s.Records.Environments(ctx, "")
	if err != nil {
		return env, "", err
	}
	found := false
	for _, e := range all {
		id := string(e.ID())
		rest, names := strings.CutPrefix(address, id+"--")
		if address == id {
			rest, names = "", true
		}
		// The longest: a project's ID may hold two hyphens.
		if names && (!found || len(id) > len(env.ID())) {
			env, container, found = e, rest, true
		}
	}
	if !found {
		return env, "", platform.Errorf(platform.CodeNotFound, "environment %q not found", address).
			WithHint("`sluice environment:list` shows the environments")
	}
	return env, strings.TrimSuffix(container, "--0"), nil
}

// location is a container of a release or a service.
type location struct {
	container string
	env       map[string]string // of applications and workers
	service   bool
}

// find looks for a container, or for the web container of an application when name is "".
func (l *live) find(app, name string) (location, error) {
	spec := l.stored.Spec
	for _, w := range spec.Workers {
		if w.Name == name && name != "" {
			return location{container: w.Name, env: w.Env}, nil
		}
	}
	isApp := slices.ContainsFunc(spec.Apps, func(a engine.App) bool { return a.Name == name })
	for _, service := range spec.Services {
		if service.Name == name && name != "" && !isApp {
			return location{container: service.Name, service: true}, nil
		}
	}
	if name != "" {
		app = name
	}
	a, err := choose(spec.Apps, app)
	return location{container: a.Name, env: a.Env}, err
}

// Reach returns where this machine reaches a host and port that a relationship of a
// container names, as "address:port"; container may be "" when there is one application.
// Any other host and port is CodeForbidden.
func (s *Service) Reach(ctx context.Context, project, name, container, host string, port int) (string, error) {
	env, current, err := s.serving(ctx, project, name)
	if err != nil {
		return "", err
	}
	at, err := current.find("", container)
	if err != nil {
		return "", err
	}
	service, err := at.related(host, port)
	if err != nil {
		return "", err
	}
	return s.addressOf(ctx, env, current, service, port)
}

// related returns the service that a host and port stand for in the container's
// relationships.
func (l location) related(host string, port int) (service string, err error) {
	raw, err := relationshipsOf(l.env)
	if err != nil {
		return "", err
	}
	var relationships map[string][]topology.Endpoint
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &relationships); err != nil {
			return "", platform.Errorf(platform.CodeInternal, "decode the relationships: %v", err)
		}
	}
	for _, endpoints := range relationships {
		for _, e := range endpoints {
			if e.Port == port && host != "" && slices.Contains([]string{e.Host, e.Hostname, e.IP}, host) {
				return e.Service, nil
			}
		}
	}
	return "", platform.Errorf(platform.CodeForbidden, "no relationship of %s leads to %s", l.container, net.JoinHostPort(host, strconv.Itoa(port))).
		WithHint("`sluice environment:relationships` shows the hosts and ports")
}

// addressOf returns where a service or an application of the live release answers.
func (s *Service) addressOf(ctx context.Context, env platform.Environment, current *live, service string, port int) (string, error) {
	for _, candidate := range current.stored.Spec.Services {
		if candidate.Name == service && candidate.Address != "" && s.Engine.Capabilities().Subnets {
			return net.JoinHostPort(candidate.Address, strconv.Itoa(port)), nil
		}
	}
	status, err := s.Engine.Observe(ctx, env.ID())
	if err != nil {
		return "", err
	}
	for _, c := range status.Containers {
		if c.Name == service && c.Release == current.release.ID && c.Address != "" {
			return c.Address, nil
		}
	}
	return "", platform.Errorf(platform.CodeUnavailable, "%s cannot be reached from outside its environment", service).
		WithHint("run the command in the environment: sluice ssh -p %s -e %s", env.Project, env.Name)
}
