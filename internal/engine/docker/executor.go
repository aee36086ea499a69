package docker

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// executor carries out a plan for one environment. It decides nothing: what it finds done
// already counts as done.
type executor struct {
	*Engine
	env     platform.EnvironmentID
	project string
	subnet  netip.Prefix // of the network to create
	// isolated: the network to create leads nowhere
	isolated bool
	claims   map[string][]claim
	have     []found
	log      *lines
}

// run carries out the stages in order; the first error ends the chains beside it.
func (x executor) run(ctx context.Context, p plan) error {
	for _, s := range p {
		group, gctx := errgroup.WithContext(ctx)
		for _, c := range s {
			group.Go(func() error { return x.chain(gctx, c) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// chain carries out actions in order. A service that was made here and never became
// healthy is removed again, so that a corrected definition starts afresh; its data stays.
func (x executor) chain(ctx context.Context, c chain) error {
	for i, a := range c {
		x.log.print(a.String())
		err := x.do(ctx, a)
		if err == nil {
			continue
		}
		// The cause of a context that a chain beside this one ended is that one's failure.
		if f, ok := asFailure(err); !ok || f.Container != a.wanted.Name {
			return fmt.Errorf("%s %s: %w", a.verb, a.subject, err)
		}
		if a.verb == awaitHealthy && slices.ContainsFunc(c[:i], isCreate) {
			x.log.print("remove " + a.subject + " (it did not become healthy; its data stays)")
			if failed := x.removeContainer(context.WithoutCancel(ctx), a.container); failed != nil {
				err = errors.Join(err, failed)
			}
		}
		return err
	}
	return nil
}

func isCreate(a action) bool { return a.verb == create }

var errStuck = errors.New("docker did not finish in time")

// do carries out one action. Docker finishes a request to make or remove something even
// when the client has left: such a request is awaited, or the network that it makes
// could appear after a Destroy that followed.
func (x executor) do(ctx context.Context, a action) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch a.verb {
	case createNetwork, removeNetwork, create, start, remove:
		detached, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), 2*callLimit, errStuck)
		defer cancel()
		return x.change(detached, a)
	case makeVolumes:
		_, err := x.data.binds(x.env, a.wanted, x.claims, x.have)
		return err
	case removeTree:
		return x.data.remove(a.path)
	case limit:
		return x.limit(ctx, a)
	case pullImage:
		return x.pull(ctx, a.image)
	case stop:
		_, err := x.cli.ContainerStop(ctx, a.container, client.ContainerStopOptions{})
		return gone(err)
	case silence:
		return x.silence(ctx, a.container)
	case awaitHealthy:
		return x.awaitHealthy(ctx, a.container, a.wanted)
	case setUp:
		return x.setUp(ctx, a.container, a.wanted)
	case awaitReady:
		return x.awaitReady(ctx, a.container, a.wanted)
	case postStart:
		return x.postStart(ctx, a.container, a.wanted)
	}
	return fmt.Errorf("no such action: %s", a.verb)
}

// change carries out an action that makes or removes something in Docker.
func (x executor) change(ctx context.Context, a action) error {
	switch a.verb {
	case createNetwork:
		return x.createNetwork(ctx)
	case removeNetwork:
		_, err := x.cli.NetworkRemove(ctx, x.names.network(x.env), client.NetworkRemoveOptions{})
		return gone(err)
	case create:
		return x.create(ctx, a.wanted)
	case start:
		if err := x.settle(ctx, a.id); err != nil {
			return err
		}
		_, err := x.cli.ContainerStart(ctx, a.container, client.ContainerStartOptions{})
		return err
	case remove:
		if err := x.settle(ctx, a.id); err != nil {
			return err
		}
		return x.removeContainer(ctx, a.container)
	default:
		return fmt.Errorf("%s changes nothing in Docker", a.verb)
	}
}

func (x executor) createNetwork(ctx context.Context) error {
	opts := networkOptions(x.names.networkLabels(x.env, x.project), x.subnet)
	opts.Internal = x.isolated
	if _, err := x.cli.NetworkCreate(ctx, x.names.network(x.env), opts); err != nil {
		return networkError(x.subnet, err)
	}
	if err := x.Guard(ctx); err != nil {
		x.log.print("warning: " + err.Error())
	}
	return nil
}

// networkError says what to do about a subnet that is taken: trying again does not help.
func networkError(subnet netip.Prefix, err error) error {
	if !strings.Contains(err.Error(), "overlaps") {
		return err
	}
	return &platform.Error{
		Code:    platform.CodeConflict,
		Message: "subnet " + subnet.String() + " of the environment overlaps another network of this machine",
		Hint: "find it with docker network inspect $(docker network ls -q) or ip route, and remove it; " +
			"environments that are made later get theirs from what sluiced --subnets names",
		Err: err,
	}
}

// pull fetches an image. One with a local name cannot be fetched: it is gone from the store.
func (x executor) pull(ctx context.Context, ref string) error {
	if local(ref) {
		return platform.Errorf(platform.CodeUnavailable, "image %s is not in Docker's store and no registry has it", ref).
			WithHint("deploy again; the image is made again")
	}
	_, err := x.Images().Pull(ctx, ref, x.log)
	return err
}

// create makes the directories and files of a container, then the container.
func (x executor) create(ctx context.Context, w wanted) error {
	binds, err := x.data.binds(x.env, w, x.claims, x.have)
	if err == nil && w.kind == engine.KindService {
		err = x.data.markAll(x.env, w)
	}
	if err != nil {
		return err
	}
	if w.kind != engine.KindService {
		b, err := x.data.logs(x.env, w)
		if err != nil {
			return err
		}
		binds = append(binds, b)
	}
	if len(w.Files) > 0 {
		b, err := x.data.files(x.env, w)
		if err != nil {
			return err
		}
		binds = append(binds, b)
	}
	for _, p := range w.Programs {
		binds = append(binds, bind{source: p.Source, target: p.Target, readOnly: true})
	}
	if len(w.RouterHosts) > 0 {
		router, err := x.router(ctx)
		if err != nil {
			return err
		}
		w.hosts = slices.Clone(w.hosts)
		for _, name := range w.RouterHosts {
			w.hosts = append(w.hosts, name+":"+router.String())
		}
	}
	_, err = x.cli.ContainerCreate(ctx, createOptions(x.names, x.env, x.project, w, binds, x.limits))
	return err
}

// router returns where containers of the environment reach the router, and where its
// requests come from: the machine, which is the gateway of their network.
func (x executor) router(ctx context.Context) (netip.Addr, error) {
	if x.subnet.IsValid() {
		return x.subnet.Addr().Next(), nil
	}
	got, err := x.cli.NetworkInspect(ctx, x.names.network(x.env), client.NetworkInspectOptions{})
	if err != nil {
		return netip.Addr{}, err
	}
	for _, c := range got.Network.IPAM.Config {
		if c.Gateway.IsValid() {
			return c.Gateway, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("network %s has no gateway", x.names.network(x.env))
}

// limit gives a container that exists its limits. One that uses more than that at the
// moment keeps what it had until it is made again.
func (x executor) limit(ctx context.Context, a action) error {
	r := x.limits.of(a.wanted).resources(a.wanted.kind)
	_, err := x.cli.ContainerUpdate(ctx, a.container, client.ContainerUpdateOptions{Resources: &r})
	if err != nil && ctx.Err() == nil {
		x.log.print("could not " + a.String() + ": " + err.Error())
		return nil
	}
	return err
}

func (x executor) removeContainer(ctx context.Context, name string) error {
	_, err := x.cli.ContainerRemove(ctx, name, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if errdefs.IsConflict(err) { // "removal is already in progress", by an attempt that was cut off
		return x.awaitRemoved(ctx, name)
	}
	return gone(err)
}

// gone takes "no such object" for success.
func gone(err error) error {
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}
