package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"sluice/apiv1"
)

// TestAHookOutlivesTheControlPlane kills the control plane while a deploy hook works. The
// hook goes on in its container; the next start waits for it and completes the deployment,
// and the hook has run once. A process that the release before left in the background has
// ended before the hook began.
func TestAHookOutlivesTheControlPlane(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the container engine")
	}
	m := newMachine(t)
	s := m.newTiny("shop")
	inside := func(script string) string {
		return s.sluice("environment:ssh", "-p", s.project, "-e", "main", "--", "sh", "-c", script)
	}
	s.deployed()
	inside("setsid sleep 1000001 >/dev/null 2>&1 & echo $!")
	file := filepath.Join(s.dir, ".magento.app.yaml")
	app, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s.write(".magento.app.yaml", strings.Replace(string(app), "sleep 0.3; date >> var/deploys.txt",
		"date >> var/deploys.txt; until [ -e var/go-on ]; do sleep 0.2; done", 1))
	s.page("two")

	var push sync.WaitGroup
	push.Go(func() { s.run(s.dir, "git", "push", "sluice", "HEAD:main") }) // the server dies under it
	s.eventually("the hook works", func() bool {
		// There is no container to ask while they are replaced.
		out, code := s.run(s.dir, s.bin("sluice"), "environment:ssh", "-p", s.project, "-e", "main", "--", "cat", "var/deploys.txt")
		return code == 0 && strings.Count(out, "\n") == 2
	})
	s.daemon.signal(syscall.SIGKILL)
	push.Wait()
	s.startDaemon() // does not wait for the hook
	if a := s.last(); a.State != apiv1.StateInProgress {
		t.Errorf("while the hook works the activity is %s: %s", a.State, a.Reason)
	}
	inside("touch var/go-on")
	s.eventually("the activity ends", func() bool { return s.last().State == apiv1.StateComplete })
	a := s.last()
	log := s.sluice("activity:log", a.ID)
	if a.Result != apiv1.ResultSuccess || s.body() != "two" {
		t.Errorf("result %q, %s; the site says %q:\n%s", a.Result, a.Reason, s.body(), log)
	}
	if n := strings.Count(inside("cat var/deploys.txt"), "\n"); n != 2 {
		t.Errorf("the deploy hooks ran %d times in two deployments", n)
	}
	if !strings.Contains(log, "Ending process") || !strings.Contains(log, "sleep 1000001") {
		t.Errorf("the old release's background process is not named:\n%s", log)
	}
	s.wantNoOrphans()
}
