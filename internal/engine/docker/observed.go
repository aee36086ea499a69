package docker

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// observed is what exists of an environment in Docker.
type observed struct {
	network    bool
	subnet     netip.Prefix // of the network
	containers []found
	projects   []string // of the network and the containers; empty for those of earlier versions
	missing    []string // images of the specification that are not in the store
}

// found is one container as Docker lists it.
type found struct {
	id         string
	name       string // as in engine.Container
	kind       engine.Kind
	release    string
	generation string
	project    string
	image      string
	limits     string // as when it was made; empty for one of an earlier version
	state      container.ContainerState
	address    netip.Addr // invalid while it does not run
	binds      []string   // directories of this machine that it mounts
	unsafe     bool       // an application can redirect one of them
}

// running reports whether its process runs or is about to be restarted by Docker.
func (f found) running() bool {
	switch f.state {
	case container.StateRunning, container.StateRestarting, container.StatePaused:
		return true
	case container.StateCreated, container.StateExited, container.StateRemoving, container.StateDead:
	}
	return false
}

// find returns the container with this name of a release, or of a service.
func (o observed) find(release, name string) (found, bool) {
	i := slices.IndexFunc(o.containers, func(f found) bool { return f.release == release && f.name == name })
	if i < 0 {
		return found{}, false
	}
	return o.containers[i], true
}

// observe reads what exists of an environment, images excepted.
func (e *Engine) observe(ctx context.Context, env platform.EnvironmentID) (observed, error) {
	var o observed
	var project string
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		o.containers, err = e.listContainers(ctx, env)
		return err
	})
	group.Go(func() error {
		list, err := e.cli.NetworkList(ctx, client.NetworkListOptions{Filters: e.filters(env)})
		if err != nil {
			return fmt.Errorf("list networks: %w", err)
		}
		for _, n := range list.Items {
			o.network = true
			project = n.Labels[labelProject]
			for _, c := range n.IPAM.Config {
				o.subnet = c.Subnet
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return o, err
	}
	o.projects = []string{project}
	for _, f := range o.containers {
		o.projects = append(o.projects, f.project)
	}
	return o, nil
}

// listContainers lists the containers of an environment, services first, then by name.
func (e *Engine) listContainers(ctx context.Context, env platform.EnvironmentID) ([]found, error) {
	list, err := e.cli.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: e.filters(env)})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	var out []found
	for _, c := range list.Items {
		kind, ok := kindOf(c.Labels[labelKind])
		if !ok {
			continue
		}
		f := found{
			id: c.ID, name: c.Labels[labelContainer], kind: kind, release: c.Labels[labelRelease],
			generation: c.Labels[labelGeneration], image: c.Image, limits: c.Labels[labelLimits], project: c.Labels[labelProject], state: c.State,
		}
		for _, m := range c.Mounts {
			if m.Type == mount.TypeBind {
				f.binds = append(f.binds, m.Source)
			}
		}
		if c.NetworkSettings != nil {
			if end := c.NetworkSettings.Networks[e.names.network(env)]; end != nil {
				f.address = end.IPAddress
			}
		}
		out = append(out, f)
	}
	e.endings.correct(out)
	markUnsafe(out)
	slices.SortFunc(out, byKindAndName)
	return out, nil
}

// markUnsafe marks containers with a mount whose source lies in another one, which an
// earlier version made: an application that owns the outer directory can put a symbolic
// link in place of the inner one, and Docker follows it at the next start.
func markUnsafe(list []found) {
	for i := range list {
		list[i].unsafe = slices.ContainsFunc(list[i].binds, func(inner string) bool {
			return slices.ContainsFunc(list, func(f found) bool {
				return slices.ContainsFunc(f.binds, func(outer string) bool {
					_, in := within(outer, inner)
					return in
				})
			})
		})
	}
}

// filters selects what this installation made of an environment; of all when env is empty.
func (e *Engine) filters(env platform.EnvironmentID) client.Filters {
	f := client.Filters{}.Add("label", labelInstance+"="+e.names.instance)
	if env != "" {
		f = f.Add("label", labelEnvironment+"="+string(env))
	}
	return f
}

// missingImages returns the references that are not in the store, sorted.
func (e *Engine) missingImages(ctx context.Context, refs []string) ([]string, error) {
	slices.Sort(refs)
	refs = slices.Compact(refs)
	present := make([]bool, len(refs))
	group, ctx := errgroup.WithContext(ctx)
	for i, ref := range refs {
		group.Go(func() error {
			_, ok, err := e.Images().Lookup(ctx, ref)
			present[i] = ok
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var missing []string
	for i, ref := range refs {
		if !present[i] {
			missing = append(missing, ref)
		}
	}
	return missing, nil
}
