package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sluice/apiv1"
)

// machine is a Sluice of its own: two processes, a data directory, a name prefix and a
// pool of subnets that no other one uses.
type machine struct {
	t        testing.TB
	dir      string
	data     string
	apiPort  int
	sshPort  int
	httpPort int
	tlsPort  int // 0: no TLS
	prefix   string
	subnets  string

	router *process
	daemon *process

	bins string // directory of the binaries; empty: SLUICE_BIN, or ../bin
}

var machines atomic.Int32

// newMachine starts a Sluice. It and everything that it made are gone when the test ends.
func newMachine(tb testing.TB) *machine {
	tb.Helper()
	return startMachine(tb, 0)
}

// startMachine starts a Sluice that serves TLS too if a port is given. Before that it calls
// prepare on it.
func startMachine(tb testing.TB, tlsPort int, prepare ...func(*machine)) *machine {
	tb.Helper()
	requireDocker(tb)
	n := machines.Add(1)
	m := &machine{
		t: tb, dir: tb.TempDir(), apiPort: freePort(tb), sshPort: freePort(tb), httpPort: freePort(tb), tlsPort: tlsPort,
		prefix:  fmt.Sprintf("e2e%d-%d", os.Getpid(), n),
		subnets: freeSubnets(tb, os.Getpid()+int(n)), // two test runs that start now rarely meet
	}
	m.data = filepath.Join(m.dir, "data")
	if err := os.MkdirAll(filepath.Join(m.data, "router"), 0o700); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(m.destroy)
	for _, p := range prepare {
		p(m)
	}
	m.startRouter()
	m.startDaemon()
	m.sluice("auth:login", "--server", m.url(), "--token-file", filepath.Join(m.data, "keys", "admin.token"))
	return m
}

func requireDocker(tb testing.TB) {
	tb.Helper()
	required := strings.Contains(os.Getenv("SLUICE_REQUIRE"), "docker")
	if testing.Short() && !required {
		tb.Skip("needs Docker")
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(tb.Context(), "unix", "/var/run/docker.sock")
	if err == nil {
		_ = conn.Close() // only tried
		return
	}
	if required {
		tb.Fatalf("no container engine answers: %v", err)
	}
	tb.Skipf("no container engine answers: %v", err)
}

func freePort(tb testing.TB) int {
	tb.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		tb.Fatalf("listening on %v", l.Addr())
	}
	return address.Port
}

// freeSubnets returns a network that this machine has no address in: the engine gives
// itself one in each network that it makes, for every client.
func freeSubnets(tb testing.TB, first int) string {
	tb.Helper()
	own, err := net.InterfaceAddrs()
	if err != nil {
		tb.Fatal(err)
	}
	const pools = 30
	for i := range pools {
		pool := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(214 + (first+i)%pools)}), 16)
		if !slices.ContainsFunc(own, func(a net.Addr) bool {
			prefix, err := netip.ParsePrefix(a.String())
			return err == nil && pool.Overlaps(prefix)
		}) {
			return pool.String()
		}
	}
	tb.Fatalf("this machine has addresses in all of %d networks: remove those of earlier runs (docker network ls)", pools)
	return ""
}

func (m *machine) url() string { return fmt.Sprintf("http://127.0.0.1:%d", m.apiPort) }

// bin returns the path of a binary that `make build` made.
func (m *machine) bin(name string) string {
	dir := cmp.Or(m.bins, os.Getenv("SLUICE_BIN"), "../bin")
	abs, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := os.Stat(abs); err != nil {
		m.t.Fatalf("%v (run `make build` first)", err)
	}
	return abs
}

func (m *machine) startRouter() {
	m.t.Helper()
	socket := filepath.Join(m.data, "router", "control.sock")
	args := []string{
		"--listen", fmt.Sprintf(":%d", m.httpPort),
		"--control", socket, "--state", filepath.Join(m.data, "router", "state.json"),
	}
	if m.tlsPort != 0 { // in a directory of this machine alone
		args = append(args, "--listen-tls", fmt.Sprintf(":%d", m.tlsPort), "--tls-dir", filepath.Join(m.dir, "certificates"))
	}
	m.router = m.start("sluice-router", args...)
	last := cmp.Or(m.tlsPort, m.httpPort)
	m.eventually("the router listens", func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", last)) //nolint:noctx // only tried
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

func (m *machine) startDaemon(extra ...string) {
	m.t.Helper()
	ssh := fmt.Sprintf("127.0.0.1:%d", m.sshPort)
	args := append([]string{
		"serve", "--data-dir", m.data, "--listen", fmt.Sprintf("127.0.0.1:%d", m.apiPort),
		"--ssh-listen", ssh, "--ssh-host", ssh, "--git-host", ssh,
		"--http-port", strconv.Itoa(m.httpPort), "--https-port", strconv.Itoa(m.tlsPort),
		"--prefix", m.prefix, "--subnets", m.subnets, "--backup-schedule", "",
	}, extra...)
	earlier := os.Getenv("SLUICE_EARLIER_BIN")
	if earlier == "" || cmp.Or(m.bins, os.Getenv("SLUICE_BIN")) != earlier { // which does not know these
		args = append(args, "--health-timeout", "10m", "--ready-timeout", "10m", "--webhook-networks", "127.0.0.0/8")
	}
	m.daemon = m.start("sluiced", args...)
	m.eventually("the control plane answers", func() bool {
		code, _ := m.get(m.url() + "/api/version")
		return code == http.StatusOK || m.daemon.exited()
	})
}

// destroy removes what the machine made, whatever state it is in.
func (m *machine) destroy() {
	end := syscall.SIGTERM
	if m.t.Failed() {
		end = syscall.SIGKILL // a hook that waits for the rest of its test would be awaited
		for _, name := range []string{"sluiced", "sluice-router"} {
			b, _ := os.ReadFile(filepath.Join(m.dir, name+".log"))
			m.t.Logf("%s:\n%s", name, tail(string(b), 60))
		}
	}
	if m.daemon != nil {
		m.daemon.signal(end)
	}
	out, err := exec.Command(m.bin("sluiced"), "down", "--data-dir", m.data, "--prefix", m.prefix, "--data").CombinedOutput() //nolint:noctx // the test's context has ended
	if err != nil {
		m.t.Errorf("sluiced down: %v\n%s", err, out)
	}
	if m.router != nil {
		m.router.signal(syscall.SIGTERM)
	}
}

func tail(s string, lines int) string {
	all := strings.Split(s, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// process is a daemon under test.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

func (m *machine) start(name string, args ...string) *process {
	m.t.Helper()
	log, err := os.OpenFile(filepath.Join(m.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		m.t.Fatal(err)
	}
	cmd := exec.Command(m.bin(name), args...) //nolint:noctx // ended by the machine, not by a context
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.err = cmd.Wait()
		_ = log.Close()
	}()
	return p
}

func (p *process) exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// signal sends sig and waits until the process is gone.
func (p *process) signal(sig syscall.Signal) {
	_ = p.cmd.Process.Signal(sig) // may be gone already
	<-p.done
}

// eventually polls until ok or fails the test after minutes: a busy machine is slow, not wrong.
func (m *machine) eventually(what string, ok func() bool) {
	m.t.Helper()
	deadline := time.Now().Add(5 * time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		if ok() {
			return
		}
		<-tick.C
	}
	m.t.Fatalf("it never came true that %s", what)
}

func (m *machine) env() []string {
	return append(os.Environ(),
		"XDG_CONFIG_HOME="+filepath.Join(m.dir, "config"), "HOME="+m.dir, "SLUICE_URL="+m.url(),
		"GIT_AUTHOR_NAME=Jane", "GIT_AUTHOR_EMAIL=jane@example.com", "GIT_COMMITTER_NAME=Jane", "GIT_COMMITTER_EMAIL=jane@example.com",
		"GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1")
}

// run runs a command and returns its output and exit status.
func (m *machine) run(dir, name string, args ...string) (string, int) {
	m.t.Helper()
	cmd := exec.CommandContext(m.t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, m.env()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		m.t.Fatalf("%s: %v", name, err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// sluice runs the CLI and fails the test when it fails.
func (m *machine) sluice(args ...string) string {
	m.t.Helper()
	out, code := m.run(m.dir, m.bin("sluice"), args...)
	if code != 0 {
		m.t.Fatalf("sluice %s: exit status %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// shop is a clone of an example, pushed to a project of its own.
type shop struct {
	*machine
	project string
	dir     string
}

// newShop creates a project and a repository with the files of an example.
func (m *machine) newShop(project, example string) *shop {
	m.t.Helper()
	s := &shop{machine: m, project: project, dir: filepath.Join(m.machineDir(), "work-"+project)}
	if err := os.CopyFS(s.dir, os.DirFS(example)); err != nil {
		m.t.Fatal(err)
	}
	m.sluice("project:create", project, "--title", project)
	s.git("init", "--quiet", "--initial-branch=main")
	s.git("config", "credential."+m.url()+".helper", "!"+m.bin("sluice")+" auth:git-credential")
	s.git("remote", "add", "sluice", m.url()+"/"+project+".git")
	s.commit("first")
	return s
}

func (m *machine) machineDir() string { return m.dir }

func (s *shop) git(args ...string) string {
	s.t.Helper()
	out, code := s.run(s.dir, "git", args...)
	if code != 0 {
		s.t.Fatalf("git %s: exit status %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

func (s *shop) commit(message string) {
	s.t.Helper()
	s.git("add", "-A")
	s.git("commit", "--quiet", "--allow-empty", "-m", message)
}

// write replaces a file of the work tree.
func (s *shop) write(name, content string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// push pushes main and returns what Git printed. Git succeeds whatever becomes of the
// deployment; see last.
func (s *shop) push() string {
	s.t.Helper()
	return s.git("push", "sluice", "HEAD:main")
}

// last returns the newest activity of the environment main.
func (s *shop) last() apiv1.Activity {
	s.t.Helper()
	out := s.sluice("activity:list", "-p", s.project, "-e", "main", "--limit", "1", "--format", "json")
	var list []struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) == 0 {
		s.t.Fatalf("activities: %v\n%s", err, out)
	}
	return s.activity(list[0].ID)
}

func (s *shop) activity(id string) apiv1.Activity {
	s.t.Helper()
	var a apiv1.Activity
	body := s.api("/api/activities/" + id)
	if err := json.Unmarshal(body, &a); err != nil {
		s.t.Fatalf("activity %s: %v\n%s", id, err, body)
	}
	return a
}

func (m *machine) api(path string) []byte {
	m.t.Helper()
	token, err := os.ReadFile(filepath.Join(m.data, "keys", "admin.token"))
	if err != nil {
		m.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(m.t.Context(), http.MethodGet, m.url()+path, http.NoBody)
	if err != nil {
		m.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	resp, err := client().Do(req)
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return body
}

// deployed pushes and fails the test unless the deployment succeeded.
func (s *shop) deployed() apiv1.Activity {
	s.t.Helper()
	out := s.push()
	a := s.last()
	if a.Result != apiv1.ResultSuccess {
		s.t.Fatalf("the deployment did not succeed:\n%s", out)
	}
	return a
}

// address is the URL of the environment main.
func (s *shop) address() string {
	return fmt.Sprintf("http://main-%s.localhost:%d", s.project, s.httpPort)
}

var client = sync.OnceValue(func() *http.Client {
	dialer := &net.Dialer{}
	return &http.Client{
		Timeout: 2 * time.Minute,
		Transport: &http.Transport{
			// *.localhost is this machine, as it is for browsers.
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				_, port, err := net.SplitHostPort(address)
				if err != nil {
					return nil, err
				}
				return dialer.DialContext(ctx, network, "127.0.0.1:"+port)
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
})

// get returns status and body of a page.
func (m *machine) get(url string) (int, string) {
	m.t.Helper()
	req, err := http.NewRequestWithContext(m.t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		m.t.Fatal(err)
	}
	resp, err := client().Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(body)
}
