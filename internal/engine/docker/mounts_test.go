package docker_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"sluice/internal/engine"
)

// These tests play a shop that was taken over: it swaps a directory that is mounted, or
// lies in one that is, for a symbolic link to another shop's files, and has Docker start
// its containers again.

const secret = "crypt key of the victim"

// hostile is a site whose mounts have sources inside each other, beside a victim's files.
type hostile struct {
	site
	cli    *client.Client
	victim string // directory with a secret, of the user that all applications run as
}

func newHostile(t *testing.T, env string) hostile {
	t.Helper()
	h := hostile{site: newSite(t, env)}
	h.victim = filepath.Join(h.dir, "volumes", "victim", "@shop", "etc")
	if err := os.MkdirAll(h.victim, 0o755); err != nil {
		t.Fatal(err)
	}
	h.write(t, filepath.Join(h.victim, "env.php"), secret)
	var err error
	if h.cli, err = client.New(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.cli.Close() })
	h.mounts("/a<data", "/b<data/sub", "/var<var", "/var/log<var/log")
	return h
}

// mounts sets the web container's mounts, "target<source" each.
func (h *hostile) mounts(list ...string) {
	var out []engine.Mount
	for _, m := range list {
		target, source, _ := strings.Cut(m, "<")
		out = append(out, engine.Mount{Volume: "shop", Path: source, Target: "/mnt" + target, UID: 1000, GID: 1000})
	}
	h.spec.Apps[0].Mounts = out
}

func (h *hostile) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(name, 1000, 1000); err != nil {
		t.Skipf("files are given to other users, which only root can do: %v", err)
	}
}

// container returns the name of a container of a release in Docker.
func (h *hostile) container(name string) string {
	return strings.Join([]string{prefix, string(h.spec.Environment), h.spec.Release, name}, "-")
}

// swap tries, as the application, to put links to the victim's files where its mounts
// have their sources, and wherever it can write.
func (h *hostile) swap(t *testing.T, name string) {
	t.Helper()
	const script = `for d in /mnt/a/sub /mnt/b /mnt/var/log /mnt/a /mnt/var /mnt/log /mnt/c; do
		mv "$d" "$d.old" || rmdir "$d"; ln -s "$1" "$d"; done 2>/dev/null; 
		ln -s "$1" /mnt/a/later; ln -s "$1" /mnt/var/later; true`
	h.as(t, name, "sh", "-c", script, "sh", h.victim)
}

// as runs a command in a container of the release.
func (h *hostile) as(t *testing.T, name string, command ...string) string {
	t.Helper()
	var out strings.Builder
	_, err := h.Exec(t.Context(), engine.ExecRequest{
		Environment: h.spec.Environment, Release: h.spec.Release, Container: name, Command: command, Stdout: &out, Stderr: &out,
	})
	if err != nil {
		t.Fatalf("%q: %v", command, err)
	}
	return out.String()
}

// harmless asserts that no container sees the victim's file and that it was not changed.
func (h *hostile) harmless(t *testing.T, when string, names ...string) {
	t.Helper()
	for _, name := range names {
		h.awaitRunning(t, name)
		h.as(t, name, "sh", "-c", `for d in $(find /mnt -type d); do [ ! -e "$d/env.php" ] || echo forged >"$d/env.php"; done`)
		if out := h.as(t, name, "sh", "-c", `find /mnt -name env.php; ls /mnt/*`); strings.Contains(out, "env.php") {
			t.Errorf("%s, %s sees the victim's file:\n%s", when, name, out)
		}
	}
	if got, err := os.ReadFile(filepath.Join(h.victim, "env.php")); err != nil || string(got) != secret {
		t.Errorf("%s, the victim's file holds %q, %v", when, got, err)
	}
}

// awaitRunning waits until a container runs. The test's own limit ends it.
func (h *hostile) awaitRunning(t *testing.T, name string) {
	t.Helper()
	h.await(t, name, runs)
}

// runs reports whether a container runs and is not just about to be started again.
func runs(s client.ContainerInspectResult) bool {
	return s.Container.State.Running && !s.Container.State.Restarting
}

func (h *hostile) await(t *testing.T, name string, done func(client.ContainerInspectResult) bool) {
	t.Helper()
	for {
		got, err := h.cli.ContainerInspect(t.Context(), h.container(name), client.ContainerInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if done(got) {
			return
		}
		time.Sleep(20 * time.Millisecond) // before the next look
	}
}

// restartByPolicy ends the container's processes, as it can itself, and waits until Docker
// has started it again.
func (h *hostile) restartByPolicy(t *testing.T, name string) {
	t.Helper()
	before, err := h.cli.ContainerInspect(t.Context(), h.container(name), client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h.as(t, name, "perl", "-e", `kill "KILL", map { m{/proc/(\d+)} && $1 != 1 && $1 != $$ ? $1 : () } glob "/proc/[0-9]*"`)
	h.await(t, name, func(s client.ContainerInspectResult) bool {
		return s.Container.RestartCount > before.Container.RestartCount && runs(s)
	})
}

// reboot stops and starts the container, which resolves its mounts as at a machine's start.
func (h *hostile) reboot(t *testing.T, name string) {
	t.Helper()
	if _, err := h.cli.ContainerStop(t.Context(), h.container(name), client.ContainerStopOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.cli.ContainerStart(t.Context(), h.container(name), client.ContainerStartOptions{}); err != nil {
		t.Logf("%s does not start: %v", name, err) // harmless: its own doing
	}
}

func TestSwappedMountsLeadNowhere(t *testing.T) {
	t.Parallel()
	h := newHostile(t, "hostile")
	h.spec.Apps[0].Warm = false
	worker := h.spec.Workers[0].Container // with mounts of its own, of the same files
	worker.Mounts = []engine.Mount{
		{Volume: "shop", Path: "data/sub", Target: "/mnt/c", UID: 1000, GID: 1000},
		{Volume: "shop", Path: "data", Target: "/mnt/a", UID: 1000, GID: 1000},
	}
	h.spec.Workers[0].Container = worker
	if err := h.Prepare(t.Context(), h.spec, nil); err != nil {
		t.Fatal(err)
	}
	// Between the check and the start: everything that lies in a mount belongs to the application.
	data := filepath.Join(h.dir, "volumes", "hostile", "@shop")
	for _, dir := range []string{"data/sub", "var/log"} {
		name := filepath.Join(data, dir)
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(h.victim, name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Start(t.Context(), h.spec, nil); err != nil {
		t.Fatal(err)
	}
	h.harmless(t, "between check and start", "shop")
	if err := h.StartBackground(t.Context(), h.spec, nil); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("got error %v, want one that names the link", err)
	}
	for _, dir := range []string{"data/sub", "var/log"} {
		if err := os.Remove(filepath.Join(data, dir)); err != nil {
			t.Fatal(err)
		}
	}
	h.reboot(t, "shop")
	h.awaitRunning(t, "shop")
	if err := h.StartBackground(t.Context(), h.spec, nil); err != nil {
		t.Fatal(err)
	}
	if h.as(t, "shop", "sh", "-c", "echo shared >/mnt/b/file"); h.as(t, "shop--queue", "cat", "/mnt/c/file") != "shared\n" {
		t.Error("the worker does not see the same files")
	}
	if got := h.as(t, "shop", "cat", "/mnt/a/sub/file"); got != "shared\n" {
		t.Errorf("the same file inside the outer mount is %q", got)
	}
	both := []string{"shop", "shop--queue"}
	for _, name := range both {
		h.swap(t, name)
	}
	for _, name := range both {
		h.restartByPolicy(t, name)
	}
	h.harmless(t, "after a restart by policy", both...)
	for _, name := range both {
		h.swap(t, name)
		h.reboot(t, name)
	}
	h.harmless(t, "after a reboot", both...)
}

func TestLaterReleaseDoesNotMountALink(t *testing.T) {
	t.Parallel()
	h := newHostile(t, "later")
	h.mounts("/a<data", "/var<var")
	if err := h.Prepare(t.Context(), h.spec, nil); err != nil {
		t.Fatal(err)
	}
	h.swap(t, "shop")
	h.spec.Release = "r2"
	h.mounts("/b<data/later", "/a<data", "/log<var/later")
	if err := h.Prepare(t.Context(), h.spec, nil); err == nil {
		t.Error("a nested source that is a link was mounted")
	}
	h.spec.Release = "r3"
	h.mounts("/b<data/fresh", "/a<data")
	if err := h.Prepare(t.Context(), h.spec, nil); err != nil {
		t.Fatal(err)
	}
	h.harmless(t, "in the release after that", "shop")
}

// asBefore replaces the web container by one as versions before ADR 0038 made it: sources
// are parts of one tree.
func (h *hostile) asBefore(t *testing.T) {
	t.Helper()
	name := h.container("shop")
	got, err := h.cli.ContainerInspect(t.Context(), name, client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.cli.ContainerRemove(t.Context(), name, client.ContainerRemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	volumes := filepath.Join(h.dir, "volumes", string(h.spec.Environment))
	if err := os.RemoveAll(volumes); err != nil {
		t.Fatal(err)
	}
	host := got.Container.HostConfig
	host.Mounts = host.Mounts[len(host.Mounts)-1:] // the logs
	for _, m := range h.spec.Apps[0].Mounts {
		dir := filepath.Join(volumes, "shop", m.Path)
		for at := dir; at != volumes; at = filepath.Dir(at) {
			if err := os.MkdirAll(at, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(at, 1000, 1000); err != nil {
				t.Fatal(err)
			}
		}
		bind := host.Mounts[0]
		bind.Source, bind.Target = dir, m.Target
		host.Mounts = append(host.Mounts, bind)
	}
	network := &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{prefix + "-" + string(h.spec.Environment): {}}}
	_, err = h.cli.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Name: name, Config: got.Container.Config, HostConfig: host, NetworkingConfig: network,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.cli.ContainerStart(t.Context(), name, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestContainerOfAnEarlierVersionIsReplaced(t *testing.T) {
	t.Parallel()
	h := newHostile(t, "unsafe")
	h.mounts("/var<var", "/var/log<var/log")
	if err := h.Prepare(t.Context(), h.spec, nil); err != nil {
		t.Fatal(err)
	}
	h.asBefore(t)
	h.as(t, "shop", "sh", "-c", "echo kept >/mnt/var/log/system.log")
	before, err := h.cli.ContainerInspect(t.Context(), h.container("shop"), client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Start(t.Context(), h.spec, nil); err != nil { // as sluiced does when it begins
		t.Fatal(err)
	}
	after, err := h.cli.ContainerInspect(t.Context(), h.container("shop"), client.ContainerInspectOptions{})
	if err != nil || after.Container.ID == before.Container.ID {
		t.Errorf("the container is the same, error %v; its mounts could be redirected", err)
	}
	if got := h.as(t, "shop", "cat", "/mnt/var/log/system.log"); got != "kept\n" {
		t.Errorf("the file of before holds %q", got)
	}
	h.swap(t, "shop")
	h.restartByPolicy(t, "shop")
	h.harmless(t, "after the replacement", "shop")
}

func TestContainerOfAnEarlierVersionRunsOn(t *testing.T) {
	t.Parallel()
	h := newHostile(t, "upgraded")
	h.mounts("/var<var", "/media<pub/media")
	if err := h.Prepare(t.Context(), h.spec, nil); err != nil {
		t.Fatal(err)
	}
	h.asBefore(t)
	h.as(t, "shop", "sh", "-c", "echo kept >/mnt/media/cat")
	next := h
	next.spec.Release = "r2"
	if err := next.Prepare(t.Context(), next.spec, nil); err != nil {
		t.Fatal(err)
	}
	h.restartByPolicy(t, "shop")
	h.reboot(t, "shop")
	for _, s := range []hostile{h, next} {
		s.awaitRunning(t, "shop")
		if got := s.as(t, "shop", "cat", "/mnt/media/cat"); got != "kept\n" {
			t.Errorf("release %s reads %q", s.spec.Release, got)
		}
	}
	if err := h.Retire(context.WithoutCancel(t.Context()), h.spec.Environment, "r1", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := next.Start(t.Context(), next.spec, nil); err != nil {
		t.Fatal(err)
	}
	if got := next.as(t, "shop", "cat", "/mnt/media/cat"); got != "kept\n" {
		t.Errorf("without the old release it reads %q", got)
	}
}
