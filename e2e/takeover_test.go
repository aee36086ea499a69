package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/e2e/loadgen"
	"sluice/internal/edge"
	"sluice/internal/edge/edgectl"
)

// upgradeRouter starts a router that takes over from the one that runs.
func (m *machine) upgradeRouter() (before *process) {
	m.t.Helper()
	before = m.router
	m.router = m.start("sluice-router", "--listen", fmt.Sprintf(":%d", m.httpPort), "--take-over",
		"--control", m.control(), "--state", filepath.Join(m.data, "router", "state.json"))
	return before
}

func (m *machine) control() string { return filepath.Join(m.data, "router", "control.sock") }

// routerState returns what the router does for the only environment.
func (m *machine) routerState() edge.Status {
	all, err := edgectl.NewClient(m.control()).Status(m.t.Context())
	if err != nil || len(all) != 1 {
		return edge.Status{}
	}
	return all[0]
}

// TestRouterUpgradeDuringADeployment: the router is replaced while it holds requests, in
// the middle of a deployment under load, and no request fails.
func TestRouterUpgradeDuringADeployment(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the container engine")
	}
	m := newMachine(t)
	s := m.newTiny("shop")
	s.deployed()
	report := s.underLoad(loadgen.Options{GetClients: 20, Pause: 5 * time.Millisecond}, func() {
		s.page("two")
		pushed := make(chan struct{})
		go func() {
			defer close(pushed)
			_, _ = s.run(s.dir, "git", "push", "sluice", "HEAD:main")
		}()
		// The switch is too fast to be met: the hold is, by polling for it.
		m.eventually("requests wait", func() bool { st := m.routerState(); return st.State == edge.Held && st.Waiting > 0 })
		before := m.upgradeRouter()
		<-pushed
		m.eventually("the router from before has ended", before.exited)
	})
	s.wantServed("two", report)
	if report.Held == 0 {
		t.Error("no request was held")
	}
	t.Logf("visitors: %d answered, %d failed, %d held", report.Gets.Answered, report.Gets.Failed, report.Held)
}

// TestSettingsApplyAtOnce: access to a site and the bypass, from the command line
// to the visitor and without a deployment.
func TestSettingsApplyAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the container engine")
	}
	m := newMachine(t)
	s := m.newTiny("boutique")
	s.write(".magento/maintenance.html", "<h1>Our own page</h1>")
	s.commit("a page for maintenance")
	s.deployed()
	env := []string{"-p", s.project, "-e", "main"}
	do := func(args ...string) string { t.Helper(); return m.sluice(append(args, env...)...) }
	want := func(status int, what string) {
		t.Helper()
		if got, body := m.get(s.address() + "/"); got != status {
			t.Errorf("%s: got %d, want %d\n%s", what, got, status, body)
		}
	}
	do("httpaccess", "--access", "deny:any", "--auth", "ann:correct-horse")
	want(http.StatusUnauthorized, "with users")
	do("httpaccess", "--auth", "0")
	want(http.StatusForbidden, "from nowhere")
	do("httpaccess", "--access", "allow:127.0.0.0/8", "--access", "deny:any")
	want(http.StatusOK, "from here")
	do("httpaccess", "--enabled", "0")
	want(http.StatusOK, "switched off")

	control := edgectl.NewClient(m.control())
	if _, err := control.Close(t.Context(), m.routerState().Environment, ""); err != nil {
		t.Fatal(err)
	}
	if status, body := m.get(s.address() + "/"); status != http.StatusServiceUnavailable || body != "<h1>Our own page</h1>" {
		t.Errorf("maintenance: %d %s", status, body)
	}
	do("environment:info", "bypass_addresses", "127.0.0.1")
	want(http.StatusOK, "an operator in maintenance")
	do("environment:info", "bypass_addresses", "-")
	want(http.StatusServiceUnavailable, "a visitor in maintenance")
	link := strings.TrimSpace(do("environment:bypass"))
	if !strings.HasPrefix(link, s.address()+"/.well-known/sluice/bypass?token=") {
		t.Errorf("the link is %q", link)
	}
}
