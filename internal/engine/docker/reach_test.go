package docker_test

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"sluice/internal/engine/docker"
	"sluice/internal/engine/enginetest"
)

// The addresses of a machine beside this one, in a network namespace.
const (
	metadataAddress = "169.254.169.254"
	privateAddress  = "10.99.7.2"
	allowedAddress  = "10.98.7.2"
	beyond          = "sluicetest-beyond" // the namespace
	beyondPort      = 8080
)

// beside makes a machine beside this one that answers on three private addresses.
func beside(t *testing.T) {
	t.Helper()
	ip := func(args ...string) error { return exec.CommandContext(t.Context(), "ip", args...).Run() }
	remove := func() {
		_ = exec.CommandContext(context.WithoutCancel(t.Context()), "ip", "netns", "del", beyond).Run()
	}
	remove()
	if err := ip("netns", "add", beyond); err != nil {
		t.Skipf("no network namespaces: %v", err)
	}
	t.Cleanup(remove)
	for _, args := range [][]string{
		{"link", "add", "slctest0", "type", "veth", "peer", "name", "slctest1", "netns", beyond},
		{"addr", "add", "10.99.7.1/24", "dev", "slctest0"},
		{"link", "set", "slctest0", "up"},
		{"-n", beyond, "addr", "add", privateAddress + "/24", "dev", "slctest1"},
		{"-n", beyond, "addr", "add", metadataAddress + "/32", "dev", "slctest1"},
		{"-n", beyond, "addr", "add", allowedAddress + "/32", "dev", "slctest1"},
		{"-n", beyond, "link", "set", "slctest1", "up"},
		{"-n", beyond, "route", "add", "default", "via", "10.99.7.1"},
		{"route", "add", metadataAddress + "/32", "via", privateAddress},
		{"route", "add", allowedAddress + "/32", "via", privateAddress},
	} {
		if out, err := exec.CommandContext(t.Context(), "ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
	serve := exec.CommandContext(t.Context(), "ip", append([]string{"netns", "exec", beyond}, enginetest.Shell().Serve(beyondPort)...)...)
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = serve.Process.Kill(); _ = serve.Wait() })
	for get(net.JoinHostPort(privateAddress, strconv.Itoa(beyondPort)), "/") != 200 {
		if t.Context().Err() != nil {
			t.Fatal("the machine beside this one does not answer")
		}
	}
}

func TestContainersAndBuildsDoNotReachPrivateNetworks(t *testing.T) {
	s := newSite(t, "guarded") // not parallel: the network namespace has a name
	beside(t)
	if err := s.Prepare(t.Context(), s.spec, nil); err != nil {
		t.Fatal(err)
	}
	e, err := docker.New(t.Context(), docker.Options{
		DataDir: s.dir, Prefix: prefix, Guard: &docker.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("10.98.0.0/16")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close() //nolint:errcheck // checked by open
	gateway := strings.TrimSuffix(s.spec.Subnet, "0/24") + "1"
	machine, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort(gateway, "0")) // as the router listens
	if err != nil {
		t.Fatal(err)
	}
	defer machine.Close() //nolint:errcheck // a listener
	_, text, _ := net.SplitHostPort(machine.Addr().String())
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}

	// Docker's own network, where builds run, is the same for all installations on a machine.
	before, err := exec.CommandContext(t.Context(), "iptables", "-w", "-S", "DOCKER-USER").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, before)
	}
	alone := !bytes.Contains(before, []byte("-j SLUICE-"))
	if !alone {
		t.Logf("builds are not tested, since another installation keeps them from private networks:\n%s", before)
	}
	check := func(when string, open bool) {
		t.Helper()
		for address, want := range map[string]bool{metadataAddress: open, privateAddress: open, allowedAddress: true} {
			if got := s.dials(t, address, beyondPort); got != want {
				t.Errorf("%s, a container reaches %s: %t, want %t", when, address, got, want)
			}
			if !alone {
				continue
			}
			if got := bridgeDials(t, address, beyondPort); got != want {
				t.Errorf("%s, a build reaches %s: %t, want %t", when, address, got, want)
			}
		}
		if !s.dials(t, gateway, port) {
			t.Errorf("%s, a container does not reach the router", when)
		}
	}
	check("without rules", true)
	for range 2 {
		if err := e.Guard(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	check("with rules", false)
	e.Unguard(t.Context())
	check("without them again", true)
	out, err := exec.CommandContext(t.Context(), "iptables", "-w", "-S").CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("10.98.0.0/16")) {
		t.Errorf("rules are left, error %v:\n%s", err, out)
	}
}

// dials reports whether the web container reaches an address.
func (s site) dials(t *testing.T, address string, port int) bool {
	t.Helper()
	return strings.TrimSpace(s.run(t, "sh", "-c", `"$@" && echo yes || echo no`, "sh",
		"perl", "-MIO::Socket::INET", "-e", dialScript, address, strconv.Itoa(port))) == "yes"
}

// dialScript tries for longer than a busy machine takes to connect; what is refused ends it
// at once.
const dialScript = `exit !IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1], Timeout => 60)`

// bridgeDials reports whether a container on the engine's own network, where builds run,
// reaches an address.
func bridgeDials(t *testing.T, address string, port int) bool {
	t.Helper()
	cli, err := client.New()
	if err != nil {
		t.Fatal(err)
	}
	defer cli.Close() //nolint:errcheck // nothing was written
	made, err := cli.ContainerCreate(t.Context(), client.ContainerCreateOptions{Config: &container.Config{
		Image: testImage(t), User: "1000:1000",
		Cmd: []string{"perl", "-MIO::Socket::INET", "-e", dialScript, address, strconv.Itoa(port)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer cli.ContainerRemove(context.WithoutCancel(t.Context()), made.ID, client.ContainerRemoveOptions{Force: true}) //nolint:errcheck // a test's own
	wait := cli.ContainerWait(t.Context(), made.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := cli.ContainerStart(t.Context(), made.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	select {
	case end := <-wait.Result:
		return end.StatusCode == 0
	case err := <-wait.Error:
		t.Fatal(err)
	}
	return false
}
