package e2e

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"sluice/apiv1"
)

// TestUpgradeFromAnEarlierVersion lets the binaries of an earlier version, which the
// directory SLUICE_EARLIER_BIN holds, deploy a shop, fail and crash, and starts these over
// the same data directory, state file and containers.
func TestUpgradeFromAnEarlierVersion(t *testing.T) {
	earlier, now := os.Getenv("SLUICE_EARLIER_BIN"), os.Getenv("SLUICE_BIN")
	if testing.Short() || earlier == "" || now == "" {
		t.Skip("needs the container engine, SLUICE_BIN and the binaries of an earlier version in SLUICE_EARLIER_BIN")
	}
	t.Setenv("SLUICE_BIN", earlier)
	m := newMachine(t)
	s := m.newTiny("shop")
	s.deployed()
	s.daemon.signal(syscall.SIGTERM)
	s.startDaemon("--crash-at", "start")
	s.page("two")
	s.run(s.dir, "git", "push", "sluice", "HEAD:main") // the server dies under it
	<-s.daemon.done
	m.router.signal(syscall.SIGTERM)

	m.bins = now
	m.startRouter()
	s.startDaemon()
	s.eventually("the activity ends", func() bool { return s.last().State == apiv1.StateComplete })
	if a := s.last(); a.Result != apiv1.ResultFailure || !strings.Contains(a.Reason, "the old release was put back") {
		t.Errorf("result %q: %s", a.Result, a.Reason)
	}
	if got := s.body(); got != "one" {
		t.Errorf("after the upgrade the site says %q", got)
	}
	s.wantNoOrphans()
	before := strings.Count(s.sluice("environment:ssh", "-p", "shop", "-e", "main", "--", "cat", "var/deploys.txt"), "\n")
	s.page("three")
	s.deployed()
	if got := s.body(); got != "three" {
		t.Errorf("the site says %q", got)
	}
	after := strings.Count(s.sluice("environment:ssh", "-p", "shop", "-e", "main", "--", "cat", "var/deploys.txt"), "\n")
	if before != 1 || after != 2 {
		t.Errorf("the mount's file has %d lines before and %d after a deployment: data was lost", before, after)
	}
	s.wantNoOrphans()
}
