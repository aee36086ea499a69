package doctor

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// names is a Resolver of fixed answers.
type names map[string][]string

func (n names) LookupHost(_ context.Context, host string) ([]string, error) {
	if a := n[host]; a != nil {
		return a, nil
	}
	return nil, errors.New("no such host")
}

// healthy is a Doctor of a machine where all is well.
func healthy(t *testing.T) *Doctor {
	t.Helper()
	root := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, []byte(text), mode)); err != nil {
			t.Fatal(err)
		}
	}
	write("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n", 0o600)
	write("proc/meminfo", "MemTotal:        8131072 kB\nMemFree: 1 kB\n", 0o600)
	write("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb pids\n", 0o600)
	write("usr/share/keyrings/debian-archive-keyring.gpg", "x", 0o600)
	for _, p := range []string{"git", "mmdebstrap", "tini"} {
		write("bin/"+p, "x", 0o700)
	}
	write("data/x", "", 0o600)
	if err := os.Chmod(filepath.Join(root, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/gone") {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(web.Close)
	return &Doctor{
		Config: Config{
			DataDir: filepath.Join(root, "data"), DockerHost: "unix://" + socket(t, `{"Version": "24.0.1", "ApiVersion": "1.43"}`, `{"Driver": "overlay2"}`),
			BaseDomain: "shops.example", HTTPPort: freePort(t), Listen: "127.0.0.1:" + strconv.Itoa(freePort(t)), RouterSocket: socket(t, "", ""), Mirror: web.URL, ACMEDirectory: web.URL + "/directory",
		},
		Root: root, Path: filepath.Join(root, "bin"), Resolver: names{"sluice-doctor.shops.example": {"127.0.0.1"}}, HTTP: web.Client(),
		Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }, Synced: func() (bool, error) { return true, nil },
	}
}

// socket serves an engine, or a router, and returns its path.
func socket(t *testing.T, version, info string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(version)) })
	mux.HandleFunc("GET /info", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(info)) })
	mux.HandleFunc("GET /v1/certificates", func(http.ResponseWriter, *http.Request) {})
	s := httptest.NewUnstartedServer(mux)
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return path
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // only its number is wanted
	_, port, err := net.SplitHostPort(l.Addr().String())
	n, numeric := strconv.Atoi(port)
	if errors.Join(err, numeric) != nil {
		t.Fatal(port)
	}
	return n
}

func TestAHealthyMachine(t *testing.T) {
	results := healthy(t).Run(t.Context())
	for _, r := range results {
		// Whether the tests' directory shares blocks, and how much is free, is up to the machine.
		if r.Status != OK && r.Check != "data directory" && r.Check != "disk" || r.Status == Failure {
			t.Errorf("%+v", r)
		}
	}
	var out strings.Builder
	if err := Write(&out, results); err != nil || !strings.HasPrefix(out.String(), "ok       kernel                 Linux 6.1.0-18-amd64\n") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// patient is a Doctor whose machine a test breaks.
type patient struct {
	*Doctor

	t *testing.T
}

// TestFaults breaks one thing at a time, and looks for what is said about it.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(d patient)
		check  string
		status Status
		found  string
		next   string
	}{
		"an old kernel":  {func(d patient) { put(d.t, d.Doctor, "proc/sys/kernel/osrelease", "4.19.0-27-amd64") }, "kernel", Warning, "Linux 4.19.0-27-amd64", "Debian 11"},
		"no controllers": {func(d patient) { put(d.t, d.Doctor, "sys/fs/cgroup/cgroup.controllers", "cpu pids") }, "control groups", Warning, "without memory, io", "enabled"},
		"version 1": {func(d patient) {
			remove(d.t, d.Doctor, "sys/fs/cgroup/cgroup.controllers")
			put(d.t, d.Doctor, "sys/fs/cgroup/freezer/x", "")
		}, "control groups", Warning, "version 1", "unified_cgroup_hierarchy"},
		"no control groups": {func(d patient) { remove(d.t, d.Doctor, "sys/fs/cgroup/cgroup.controllers") }, "control groups", Failure, "no control groups at", "mount"},
		"missing programs": {func(d patient) {
			remove(d.t, d.Doctor, "bin/tini")
			remove(d.t, d.Doctor, "bin/git")
			remove(d.t, d.Doctor, "usr/share/keyrings/debian-archive-keyring.gpg")
		}, "programs", Failure, "missing: debian-archive-keyring, git, tini", "apt-get install debian-archive-keyring git tini"},
		"no engine": {func(d patient) { d.DockerHost = "unix:///nowhere" }, "engine", Failure, "no Docker engine answers", "apt-get install docker.io"},
		"an old engine": {func(d patient) {
			d.DockerHost = "unix://" + socket(d.t, `{"Version": "19.03", "ApiVersion": "1.40"}`, "{}")
		}, "engine", Failure, "Docker 19.03 is too old", "20.10"},
		"a slow driver": {func(d patient) {
			d.DockerHost = "unix://" + socket(d.t, `{"Version": "24", "ApiVersion": "1.43"}`, `{"Driver": "vfs"}`)
		}, "engine", Warning, "vfs", "overlay2"},
		"an old runc": {func(d patient) {
			d.DockerHost = "unix://" + socket(d.t, `{"Version": "24", "ApiVersion": "1.43", "Components": [{"Name": "runc", "Version": "1.1.5+ds1-1+deb12u1"}]}`, `{"Driver": "overlay2"}`)
		}, "engine", Warning, "runc 1.1.5+ds1-1+deb12u1", "CVE-2025-31133"},
		"no engine at all": {func(d patient) { d.DockerHost = "unix://" + socket(d.t, `no json`, "") }, "engine", Failure, "no Docker engine answers", "docker"},
		"open data":        {func(d patient) { _ = os.Chmod(d.DataDir, 0o755) }, "data directory", Failure, "read by others", "chmod 700"},
		"no room":          {func(d patient) { d.MinFree = 1 << 50 }, "disk", Failure, "deployments are refused", "make room"},
		"little memory":    {func(d patient) { put(d.t, d.Doctor, "proc/meminfo", "MemTotal: 2000000 kB\n") }, "memory", Warning, "1953 MB", "4 GB"},
		"a port in use":    {func(d patient) { d.HTTPPort = listener(d.t, http.NotFoundHandler()) }, "HTTP port", Failure, "in use by another program", "ss -ltnp"},
		"an API in use":    {func(d patient) { d.Listen = ":" + strconv.Itoa(listener(d.t, http.NotFoundHandler())) }, "API port", Warning, "in use", "systemctl status sluiced"},
		"a wrong address":  {func(d patient) { d.Listen = "nonsense" }, "API port", Failure, "cannot be listened on", "--listen"},
		"no router":        {func(d patient) { d.RouterSocket = "/nowhere" }, "router", Warning, "no router answers", "sluice-router"},
		"no domain":        {func(d patient) { d.BaseDomain = "localhost" }, "DNS", Warning, "this machine only", "SLUICED_BASE_DOMAIN"},
		"no wildcard":      {func(d patient) { d.Resolver = names{} }, "DNS", Failure, "sluice-doctor.shops.example does not resolve", "*.shops.example"},
		"another machine":  {func(d patient) { d.Resolver = names{"sluice-doctor.shops.example": {"192.0.2.1"}} }, "DNS", Warning, "leads to 192.0.2.1", "NAT"},
		"a wrong clock":    {func(d patient) { d.Synced = func() (bool, error) { return false, nil } }, "clock", Warning, "03:04:05 UTC", "set-ntp"},
		"an unknown clock": {func(d patient) { d.Synced = func() (bool, error) { return false, errors.New("denied") } }, "clock", Warning, "denied", "set-ntp"},
		"no mirror":        {func(d patient) { d.Mirror += "/gone" }, "mirror", Failure, "404", "--mirror"},
		"no authority":     {func(d patient) { d.ACMEDirectory = d.Mirror + "/gone" }, "certificate authority", Warning, "cannot be ordered", "certificate:add"},
	} {
		t.Run(name, func(t *testing.T) {
			d := healthy(t)
			c.breaks(patient{d, t})
			for _, r := range d.Run(t.Context()) {
				if r.Check != c.check {
					continue
				}
				if r.Status != c.status || !strings.Contains(r.Found, c.found) || !strings.Contains(r.Next, c.next) {
					t.Errorf("%+v, want %s %q, next %q", r, c.status, c.found, c.next)
				}
				if Failed([]Result{r}) != (c.status == Failure) {
					t.Error("Failed is wrong")
				}
				return
			}
			t.Error("no such check")
		})
	}
}

// TestARunningRouter is not taken for another program.
func TestARunningRouter(t *testing.T) {
	d := healthy(t)
	d.HTTPPort = listener(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if r := d.port(t.Context(), d.HTTPPort, "http"); r.Status != OK || !strings.Contains(r.Found, "sluice-router serves") {
		t.Errorf("%+v", r)
	}
}

func TestOlder(t *testing.T) {
	for pair, want := range map[string]bool{"5.10 5.10": false, "5.9-x 5.10": true, "6.1 5.10": false, "4 5.10": true, "1.40 1.41": true, "x 1": true} {
		a, b, _ := strings.Cut(pair, " ")
		if older(a, b) != want {
			t.Errorf("older(%s)", pair)
		}
	}
}

// listener serves a handler on all addresses and returns the port.
func listener(t *testing.T, h http.Handler) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func put(t *testing.T, d *Doctor, name, text string) {
	t.Helper()
	path := filepath.Join(d.Root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, d *Doctor, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(d.Root, name)); err != nil {
		t.Fatal(err)
	}
}

func TestVersionsOfRuncThatContainersEscape(t *testing.T) {
	for version, want := range map[string]bool{
		"1.1.5+ds1-1+deb12u1": true, "1.0.0-rc95": true, "1.2.7": true, "1.2.8": false, "1.2.9+ds1": false, "1.3.2": true, "1.3.3": false,
		"1.3.10": false, "1.4.0-rc.2": true, "1.4.0-rc.3": false, "1.4.0": false, "2.0.0": false,
	} {
		if escapes(version) != want {
			t.Errorf("%s: want %t", version, want)
		}
	}
}
