package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"sluice/internal/engine"
)

// observeTimeout is how long one health check of Observe may take.
const observeTimeout = 10 * time.Second

var errObserveTimeout = errors.New("health check timed out")

// status reads one container and checks its health. A container that is removed
// meanwhile is reported as it was listed.
func (e *Engine) status(ctx context.Context, f found) (engine.ContainerStatus, error) {
	s := engine.ContainerStatus{Name: f.name, Kind: f.kind, Release: f.release, Image: f.image}
	res, err := e.cli.ContainerInspect(ctx, f.id, client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("inspect %s: %w", subject(f.kind, f.name, f.release), err)
	}
	c := res.Container
	s.Restarts = c.RestartCount
	s.Running = c.State.Status == container.StateRunning && f.state == container.StateRunning
	if !s.Running {
		s.ExitCode = c.State.ExitCode
	}
	if started, err := time.Parse(time.RFC3339Nano, c.State.StartedAt); err == nil && started.Year() > 1 {
		s.Started = started
	}
	port, path, isWeb := readyOf(c.Config.Labels[labelReady])
	if isWeb && f.address.IsValid() {
		s.Address = hostPort(f.address, port)
	}
	if s.Running {
		s.Healthy = e.healthy(ctx, f, c.Config.Labels[labelHealth], s.Address, path)
	}
	return s, nil
}

// healthy checks a running container: a service by its command, a web container by a
// request. A worker is healthy when it runs.
func (e *Engine) healthy(ctx context.Context, f found, health, address, path string) bool {
	ctx, cancel := context.WithTimeoutCause(ctx, observeTimeout, errObserveTimeout)
	defer cancel()
	switch {
	case address != "":
		return e.answers(ctx, address, path)
	case health != "":
		code, err := e.exec(ctx, f.id, engine.ExecRequest{Command: strings.Split(health, wordEnd)})
		return err == nil && code == 0
	default:
		return true
	}
}

// readyOf reads labelReady.
func readyOf(label string) (port int, path string, ok bool) {
	at := strings.IndexByte(label, '/')
	if at < 0 {
		return 0, "", false
	}
	port, err := strconv.Atoi(label[:at])
	return port, label[at:], err == nil
}

// hostPort returns where a container answers; empty without an address.
func hostPort(address netip.Addr, port int) string {
	if !address.IsValid() {
		return ""
	}
	return net.JoinHostPort(address.String(), strconv.Itoa(port))
}

// byKindAndName orders services first, then by name, then by release.
func byKindAndName(a, b found) int {
	return cmp.Or(
		cmp.Compare(rank(a.kind), rank(b.kind)), cmp.Compare(a.name, b.name), cmp.Compare(a.release, b.release),
	)
}

func rank(k engine.Kind) int {
	if k == engine.KindService {
		return 0
	}
	return 1
}
