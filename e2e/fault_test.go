package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/apiv1"
	"sluice/e2e/loadgen"
	"sluice/internal/plan"
	"sluice/internal/platform"
)

// tiny is a shop whose hooks do next to nothing; its page says which commit it is.
func (s *shop) tiny(page string) {
	s.t.Helper()
	s.write(".magento.app.yaml", `name: app
type: php:8.2
build: { flavor: none }
web:
    locations:
        "/": { root: "pub", index: [index.php], scripts: true, allow: false, passthru: "/index.php" }
disk: 128
mounts: { "var": "shared:files/var" }
hooks:
    build: date > built.txt
    deploy: sleep 0.3; date >> var/deploys.txt
    post_deploy: date >> var/post.txt
workers:
    idle: { commands: { start: "exec sleep 1000000" } }
`)
	s.write(".magento/services.yaml", "cache:\n    type: redis:7.0\n")
	s.write(".magento/routes.yaml", "\"http://{default}/\": { type: upstream, upstream: \"app:http\" }\n")
	s.page(page)
}

func (s *shop) page(text string) {
	s.write("pub/index.php", fmt.Sprintf("<?php header('X-Release: %s'); echo '%s';\n", text, text))
	s.commit(text)
}

// newTiny is a project with a tiny shop that is not pushed yet.
func (m *machine) newTiny(project string) *shop {
	m.t.Helper()
	s := m.newShop(project, "testdata/empty")
	s.tiny("one")
	return s
}

// TestKillAtEveryStep kills the control plane with SIGKILL at each recorded step of a
// deployment while visitors use the site, starts it again, and says what they saw.
func TestKillAtEveryStep(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the container engine")
	}
	m := newMachine(t)
	s := m.newTiny("shop")
	s.deployed()
	for _, row := range plan.Table() {
		t.Run(string(row.Name), func(t *testing.T) {
			outer := m.t
			m.t = t
			defer func() { m.t = outer }()
			s.killAt(row)
		})
	}
}

func (s *shop) killAt(row plan.Row) {
	t, step := s.t, row.Name
	before := s.body()
	after := "killed at " + string(step)
	s.daemon.signal(syscall.SIGTERM)
	s.startDaemon("--crash-at", string(step))
	s.page(after)

	report := s.underLoad(loadgen.Options{GetClients: 10, Pause: 5 * time.Millisecond}, func() {
		out, _ := s.run(s.dir, "git", "push", "sluice", "HEAD:main") // the server dies under it
		<-s.daemon.done
		if !strings.Contains(out, "Validating configuration files") {
			t.Errorf("the push was not received:\n%s", out)
		}
		s.startDaemon()
	})
	s.eventually("the activity ends", func() bool { return s.last().State == apiv1.StateComplete })
	a := s.last()
	t.Logf("visitors: %d answered, %d failed, %d held, longest wait %s; activity: %s, %s %s", report.Gets.Answered,
		report.Gets.Failed, report.Held, report.LongestWait, a.Result, a.Reason, a.Hint)

	switch row.Reach {
	case platform.Touched:
		s.wantClosed(a, report)
	case platform.Served, platform.Held:
		s.wantServed(before, report)
		if a.Result != apiv1.ResultFailure || a.Reason == "" || a.Hint == "" {
			t.Errorf("result %q, reason %q, hint %q", a.Result, a.Reason, a.Hint)
		}
	default:
		s.wantServed(after, report)
	}
	s.wantNoOrphans()
	s.page("fixed after " + string(step))
	s.deployed()
	s.wantNoOrphans()
	if got := s.body(); got != "fixed after "+string(step) {
		t.Errorf("after the next push the site says %q", got)
	}
}

func (s *shop) body() string {
	s.t.Helper()
	_, body := s.get(s.address() + "/")
	return body
}

// wantServed wants the page and no request that failed.
func (s *shop) wantServed(page string, report loadgen.Report) {
	s.t.Helper()
	if got := s.body(); got != page {
		s.t.Errorf("the site says %q, want %q", got, page)
	}
	if report.Failed() != 0 {
		s.t.Errorf("%d requests failed, the first: %+v", report.Failed(), report.Failures[0])
	}
}

// wantClosed wants the maintenance page, because it is not known what the hook has done.
func (s *shop) wantClosed(a apiv1.Activity, report loadgen.Report) {
	s.t.Helper()
	if status, body := s.get(s.address() + "/"); status != http.StatusServiceUnavailable || !strings.Contains(body, "maintenance") {
		s.t.Errorf("the site answers %d:\n%s", status, body)
	}
	if !strings.Contains(a.Reason, "while the deploy hook ran") {
		s.t.Errorf("reason: %s", a.Reason)
	}
	for _, f := range report.Failures {
		if f.Status != http.StatusServiceUnavailable {
			s.t.Errorf("a visitor saw something else than the maintenance page: %+v", f)
		}
	}
}

// wantNoOrphans wants the containers of one release, the service and one network.
func (s *shop) wantNoOrphans() {
	s.t.Helper()
	var containers []struct{ Names []string }
	s.engine("/containers/json?all=1&filters="+url.QueryEscape(`{"name":["`+s.prefix+`"]}`), &containers)
	var releases, names []string
	for _, c := range containers {
		names = append(names, c.Names...)
		for part := range strings.SplitSeq(c.Names[0], "-") {
			if len(part) > 1 && part[0] == 'r' && strings.Trim(part[1:], "0123456789") == "" && !slices.Contains(releases, part) {
				releases = append(releases, part)
			}
		}
	}
	if len(releases) != 1 {
		s.t.Errorf("containers of %v exist: %v", releases, names)
	}
	var networks []struct{ Name string }
	s.engine("/networks?filters="+url.QueryEscape(`{"name":["`+s.prefix+`"]}`), &networks)
	if len(networks) != 1 {
		s.t.Errorf("networks: %v", networks)
	}
}

// engine asks the Docker engine itself.
func (m *machine) engine(path string, out any) {
	m.t.Helper()
	c := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", "/var/run/docker.sock")
	}}}
	req, err := http.NewRequestWithContext(m.t.Context(), http.MethodGet, "http://docker"+path, http.NoBody)
	if err != nil {
		m.t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		m.t.Fatalf("%s: %v", path, err)
	}
}

// TestFaultsBeforeTheHold: a service that does not start and a full disk cost the visitors
// nothing, and the activity says why.
func TestFaultsBeforeTheHold(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the container engine")
	}
	m := newMachine(t)
	s := m.newTiny("shop")
	s.deployed()

	report := s.underLoad(loadgen.Options{GetClients: 5, Pause: 5 * time.Millisecond}, func() {
		s.write(".magento/services.yaml", "cache:\n    type: redis:7.0\ndb:\n    type: mysql:10.11\n    disk: 256\n"+
			"    configuration: { properties: { optimizer_switch: \"no_such_switch=on\" } }\n")
		s.page("with a broken service")
		out := s.push()
		if a := s.last(); a.Result != apiv1.ResultFailure || !strings.Contains(a.Reason, "'db' did not become ready") {
			t.Errorf("result %q, reason %q", a.Result, a.Reason)
		}
		if !strings.Contains(out, "no_such_switch") || !strings.Contains(out, "Visitors were not affected") {
			t.Errorf("the pusher does not learn why:\n%s", out)
		}

		s.write(".magento/services.yaml", "cache:\n    type: redis:7.0\n")
		s.page("with a full disk")
		s.daemon.signal(syscall.SIGTERM)
		s.startDaemon("--min-free", "1000000000")
		out = s.push()
		if !strings.Contains(out, "pre-flight: only ") || !strings.Contains(out, "nothing was changed") {
			t.Errorf("the full disk was not noticed:\n%s", out)
		}
		s.daemon.signal(syscall.SIGTERM)
		s.startDaemon()
	})
	s.wantServed("one", report)
	t.Logf("visitors: %d answered, %d failed, %d held", report.Gets.Answered, report.Gets.Failed, report.Held)

	s.page("fixed")
	s.deployed()
	if got := s.body(); got != "fixed" {
		t.Errorf("the site says %q", got)
	}
}

// TestRouterRestart: the router is killed and comes back with the same routes; the
// control plane need not be told.
func TestRouterRestart(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the container engine")
	}
	m := newMachine(t)
	s := m.newTiny("shop")
	s.deployed()
	m.router.signal(syscall.SIGKILL)
	m.startRouter()
	if got := s.body(); got != "one" {
		t.Errorf("after the router's restart the site says %q", got)
	}
	s.page("two")
	s.deployed()
	if got := s.body(); got != "two" {
		t.Errorf("the site says %q", got)
	}
}
