package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"sluice/internal/edge/edgectl"
	"sluice/internal/platform"
)

// router is a running sluice-router with one site for each suite.
type router struct {
	cmd         *exec.Cmd
	dir         string
	plain, tls  string // addresses it listens on
	control     *edgectl.Client
	environment int
}

// startRouter starts the router and waits until it answers on its control socket.
func startRouter(ctx context.Context, dir, program string) (*router, error) {
	plain, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	secure, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "control.sock")
	log, err := os.Create(filepath.Join(dir, "router.log")) //nolint:gosec // our own directory
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.CommandContext(ctx, program, "--listen", plain, "--listen-tls", secure, "--control", socket, //nolint:gosec // the operator names the program
		"--state", filepath.Join(dir, "state.json"), "--cache-dir", filepath.Join(dir, "cache"))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &router{cmd: cmd, dir: dir, plain: plain, tls: secure, control: edgectl.NewClient(socket)}
	if err := await(ctx, "unix", socket); err != nil {
		r.stop()
		return nil, fmt.Errorf("the router did not start: %w; %s", err, r.log())
	}
	return r, nil
}

func (r *router) stop() {
	_ = r.cmd.Process.Signal(syscall.SIGKILL)
	_ = r.cmd.Wait()
}

// log returns the end of what the router printed.
func (r *router) log() string {
	b, _ := os.ReadFile(filepath.Join(r.dir, "router.log"))
	return string(b[max(0, len(b)-2000):])
}

// publish makes a site with one route, whose application is at backend.
func (r *router) publish(ctx context.Context, url string, cache platform.RouteCache, backend string) error {
	r.environment++
	_, err := r.control.Publish(ctx, platform.Publication{
		Environment: platform.EnvironmentID(fmt.Sprintf("conformance-%d", r.environment)),
		Project:     "conformance",
		Release:     "r1",
		Routes:      []platform.Route{{URL: url, Type: platform.RouteUpstream, Upstream: "app", Primary: true, Cache: cache}},
		Backends:    map[string][]string{"app": {backend}},
	})
	return err
}

// freeAddress returns an address on loopback that nothing listens on.
func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

var errNotListening = errors.New("nothing listens there")

// await returns when connections are accepted at the address. It ends with ctx, or after a
// minute, which is more than a start takes on any machine.
func await(ctx context.Context, network, address string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errNotListening)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", address, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// startOrigin starts an application that sends a small page and reads what it is sent.
func startOrigin(ctx context.Context) (address string, stop func(), err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "a small page\n")
	})}
	go func() { _ = s.Serve(l) }()
	return l.Addr().String(), func() { _ = s.Close() }, nil
}
