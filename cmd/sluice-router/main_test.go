package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/internal/edge"
	"sluice/internal/edge/edgectl"
	"sluice/internal/platform"
)

// asRouter makes the test binary the router: only a process of its own can be killed.
const asRouter = "SLUICE_TEST_AS_ROUTER"

func TestMain(m *testing.M) {
	if os.Getenv(asRouter) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is a running router.
type process struct {
	cmd    *exec.Cmd
	addr   string
	tls    string // address of the TLS listener; "" for none
	client *edgectl.Client
	done   chan error
}

var readyLine = regexp.MustCompile(`^sluice-router ready listen=(\S+) control=\S+(?: tls=(\S+))?$`)

func startRouter(t *testing.T, dir, listen string, more ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	control := filepath.Join(dir, "control.sock")
	args := append([]string{"--listen", listen, "--control", control, "--state", filepath.Join(dir, "state.json")}, more...)
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), asRouter+"=1")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, client: edgectl.NewClient(control), done: make(chan error, 1)}
	lines := bufio.NewScanner(stderr)
	for p.addr == "" && lines.Scan() {
		if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
			p.addr, p.tls = m[1], m[2]
		}
	}
	if p.addr == "" {
		t.Fatal("the router did not get ready")
	}
	go func() { _, _ = io.Copy(io.Discard, stderr); p.done <- cmd.Wait() }()
	return p
}

func (p *process) get(ctx context.Context) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+"/", nil)
	if err != nil {
		return 0, "", err
	}
	req.Host = "shop.test"
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

const env = platform.EnvironmentID("shop-main")

func (p *process) publish(t *testing.T, release string) {
	t.Helper()
	if _, err := p.client.Publish(t.Context(), publicationOf(release, namedBackend(t, release))); err != nil {
		t.Fatal(err)
	}
}

// namedBackend answers every request with its name, after it has read it.
func namedBackend(t *testing.T, name string) (addr string) {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		_, _ = io.WriteString(w, name)
	}))
	t.Cleanup(backend.Close)
	return backend.Listener.Addr().String()
}

func publicationOf(release, addr string) platform.Publication {
	return platform.Publication{
		Environment: env, Release: release,
		Routes:   []platform.Route{{URL: "http://shop.test/", Type: platform.RouteUpstream, Upstream: "app"}},
		Backends: map[string][]string{"app": {addr}},
	}
}

func (p *process) waitFor(t *testing.T, what string, ok func(edge.Status) bool) edge.Status {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		s, err := p.client.State(t.Context(), env)
		if err == nil && ok(s) {
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("never: %s (%+v, %v)", what, s, err)
		}
	}
}

func TestKilledRouterComesBackHeldWithTheSameDeadline(t *testing.T) {
	dir := t.TempDir()
	p := startRouter(t, dir, "127.0.0.1:0")
	p.publish(t, "r1")
	if _, body, err := p.get(t.Context()); err != nil || body != "r1" {
		t.Fatalf("%q %v", body, err)
	}
	if _, err := p.client.Hold(t.Context(), platform.Hold{Environment: env, Activity: "a1", MaxWait: time.Hour}); err != nil {
		t.Fatal(err)
	}
	before, err := p.client.State(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-p.done; err == nil {
		t.Error("a killed router ended well")
	}
	p = startRouter(t, dir, p.addr)
	after, err := p.client.State(t.Context(), env)
	if err != nil || after.State != edge.Held || !after.Deadline.Equal(before.Deadline) {
		t.Fatalf("after kill -9: %+v %v, before %+v", after, err, before)
	}
	answer := make(chan string, 1)
	go func() { _, body, _ := p.get(t.Context()); answer <- body }()
	p.waitFor(t, "a request waits", func(s edge.Status) bool { return s.Waiting == 1 })
	p.publish(t, "r2")
	if got := <-answer; got != "r2" {
		t.Errorf("got %q", got)
	}
}

func TestShutdownLetsHeldRequestsBeReleasedAndTurnsTheRestAway(t *testing.T) {
	for _, released := range []bool{true, false} {
		t.Run(fmt.Sprint("released=", released), func(t *testing.T) {
			grace := "1m"
			if !released {
				grace = "50ms"
			}
			p := startRouter(t, t.TempDir(), "127.0.0.1:0", "--grace", grace)
			p.publish(t, "r1")
			if _, err := p.client.Hold(t.Context(), platform.Hold{Environment: env, Activity: "a1"}); err != nil {
				t.Fatal(err)
			}
			answer := make(chan int, 1)
			go func() { status, _, _ := p.get(t.Context()); answer <- status }()
			p.waitFor(t, "a request waits", func(s edge.Status) bool { return s.Waiting == 1 })
			if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			want := http.StatusServiceUnavailable
			if released {
				want = http.StatusOK
				p.publish(t, "r2")
			}
			if got := <-answer; got != want {
				t.Errorf("got %d, want %d", got, want)
			}
			if err := <-p.done; err != nil {
				t.Errorf("exit: %v", err)
			}
		})
	}
}

func TestAccessLogIsWritten(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "access.log")
	p := startRouter(t, dir, "127.0.0.1:0", "--access-log", path)
	if status, _, err := p.get(t.Context()); err != nil || status != http.StatusNotFound {
		t.Fatal(status, err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-p.done; err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || !strings.Contains(string(b), `"status":404`) {
		t.Errorf("%s %v", b, err)
	}
}

func TestAccessLogIsRotated(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "access.log")
	p := startRouter(t, dir, "127.0.0.1:0", "--access-log", path)
	ask := func(name string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.addr+"/"+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	has := func(file, want, not string) {
		t.Helper()
		b, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(b), want) || (not != "" && strings.Contains(string(b), not)) {
			t.Errorf("%s has no %s, or %s: %v\n%s", filepath.Base(file), want, not, err, b)
		}
	}
	ask("first")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no new file")
		}
	}
	ask("second")
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if info, err := os.Stat(path); err == nil && info.Size() > 0 {
			break // it was flushed
		}
	}
	has(path+".1", "/first", "/second")
	has(path, "/second", "/first")
	if err := os.Truncate(path, 0); err != nil { // as logrotate's copytruncate does
		t.Fatal(err)
	}
	ask("third")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-p.done; err != nil {
		t.Fatal(err)
	}
	has(path, "/third", "\x00")
}

func TestHangUpWithoutAnAccessLogDoesNothing(t *testing.T) {
	p := startRouter(t, t.TempDir(), "127.0.0.1:0")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if status, _, err := p.get(t.Context()); err != nil || status != http.StatusNotFound {
		t.Errorf("%d %v", status, err)
	}
}

func TestFlags(t *testing.T) {
	tests := []struct {
		args []string
		want string
	}{
		{nil, "--control is required"},
		{[]string{"--control", "c", "--cache-memory", "lots"}, `"lots" is not a size`},
		{[]string{"--control", "c", "--cache-disk", "0"}, `"0" is not a size`},
		{[]string{"--control", "c", "--cache-dir", "/dev/null/cache", "--listen", "127.0.0.1:0"}, "the cache's directory"},
		{[]string{"--control", "c", "extra"}, `unexpected argument "extra"`},
		{[]string{"--control", "c", "--trusted-proxies", "10.0.0.0"}, "trusted-proxies"},
		{[]string{"--control", "/nowhere/at/all/c.sock", "--listen", "127.0.0.1:0"}, "control socket"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		err := run(t.Context(), tt.args, &out)
		if err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.args, err, tt.want)
		}
	}
}
