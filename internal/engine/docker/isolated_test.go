package docker_test

import (
	"strings"
	"testing"
)

// TestIsolatedEnvironmentLeadsNowhere: its containers have no way out of their own network, and
// the router reaches them all the same.
func TestIsolatedEnvironmentLeadsNowhere(t *testing.T) {
	t.Parallel()
	for name, isolated := range map[string]bool{"isolated": true, "ordinary": false} {
		s := newSite(t, "way-out-"+name)
		s.spec.Isolated = isolated
		if err := s.Prepare(t.Context(), s.spec, nil); err != nil {
			t.Fatal(err)
		}
		ends, err := s.Start(t.Context(), s.spec, nil)
		if err != nil || len(ends) != 1 {
			t.Fatalf("endpoints %v, error %v", ends, err)
		}
		if got := get(ends[0].Address, "/"); got != 200 {
			t.Errorf("%s: the router gets %d", name, got)
		}
		if out := hasDefaultRoute(s.run(t, "cat", "/proc/net/route")); out == isolated {
			t.Errorf("%s: there is a way out: %t", name, out)
		}
	}
}

// hasDefaultRoute reads the kernel's table of IPv4 routes: the second field is the destination.
func hasDefaultRoute(table string) bool {
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) > 2 && f[1] == "00000000" {
			return true
		}
	}
	return false
}
