package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"sluice/internal/platform"
)

// listRequired prints the ids of the suite's required checks, one JSON list.
const listRequired = `import('./tests/index.mjs').then(m => console.log(JSON.stringify(
	m.default.flatMap(s => s.tests).filter(t => !t.kind || t.kind === 'required').map(t => t.id))))`

// runCacheTests runs the suite's own server behind the router and its own client in front.
// Only required checks are judged: the others ask what a cache does, not whether it may.
func runCacheTests(ctx context.Context, r *router, o options) (outcome, error) {
	required, err := requiredChecks(ctx, o)
	if err != nil {
		return outcome{}, err
	}
	origin, err := freeAddress(ctx)
	if err != nil {
		return outcome{}, err
	}
	_, port, err := net.SplitHostPort(origin)
	if err != nil {
		return outcome{}, err
	}
	server := nodeCommand(ctx, o, []string{
		"npm_package_config_port=" + port, "npm_package_config_protocol=http",
		"npm_package_config_pidfile=" + filepath.Join(r.dir, "origin.pid"),
	}, "test-engine/server/server.mjs")
	if err := server.Start(); err != nil {
		return outcome{}, err
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	if err := await(ctx, "tcp", "localhost:"+port); err != nil {
		return outcome{}, err
	}
	cache := platform.RouteCache{Enabled: true, Cookies: []string{"*"}, Headers: []string{"Accept", "Accept-Language"}}
	if err := r.publish(ctx, "http://localhost/", cache, "localhost:"+port); err != nil {
		return outcome{}, err
	}
	_, plain, err := net.SplitHostPort(r.plain)
	if err != nil {
		return outcome{}, err
	}
	client := nodeCommand(ctx, o, []string{"npm_package_config_base=http://localhost:" + plain, "npm_package_config_id="}, "--no-warnings", "test-engine/cli.mjs")
	out, err := client.Output()
	if err != nil {
		return outcome{}, fmt.Errorf("%w: %s", err, stderrOf(err))
	}
	return judge(required, out)
}

func requiredChecks(ctx context.Context, o options) ([]string, error) {
	out, err := nodeCommand(ctx, o, nil, "--no-warnings", "-e", listRequired).Output()
	if err != nil {
		return nil, fmt.Errorf("list the checks: %w: %s", err, stderrOf(err))
	}
	var ids []string
	return ids, json.Unmarshal(out, &ids)
}

// nodeCommand runs Node.js in the suite's directory.
func nodeCommand(ctx context.Context, o options, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, o.node, args...) //nolint:gosec // the operator names the program
	cmd.Dir = o.cacheTests
	cmd.Env = append(cmd.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

func stderrOf(err error) string {
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return string(exit.Stderr)
	}
	return ""
}

// judge reads the client's results: true, or the kind of failure and its words. A check
// whose set-up failed says nothing about a "must" and is not counted.
func judge(required []string, out []byte) (outcome, error) {
	start := bytes.IndexByte(out, '{')
	if start < 0 {
		return outcome{}, errNoChecks
	}
	var results map[string]json.RawMessage
	if err := json.Unmarshal(out[start:], &results); err != nil {
		return outcome{}, err
	}
	got := outcome{failed: map[string]string{}}
	for _, id := range required {
		raw, ok := results[id]
		if !ok {
			continue
		}
		var failure []string
		if json.Unmarshal(raw, &failure) != nil { // true: passed
			got.ran++
			continue
		}
		if len(failure) > 0 && failure[0] == "Setup" {
			continue
		}
		got.ran++
		got.failed[id] = strings.Join(failure, ": ")
	}
	if got.ran == 0 {
		return outcome{}, errNoChecks
	}
	return got, nil
}
