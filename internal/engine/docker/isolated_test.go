package docker_test

import (
	"net/netip"
	"testing"

	"sluice/internal/engine/docker"
)

// TestIsolatedEnvironmentLeadsNowhere: nothing comes out of its network, and the router reaches
// its containers all the same.
func TestIsolatedEnvironmentLeadsNowhere(t *testing.T) {
	sites := map[bool]site{false: newSite(t, "way-out"), true: newSite(t, "no-way-out")} // not parallel: the network namespace has a name
	beside(t)
	for isolated, s := range sites {
		e, err := docker.New(t.Context(), docker.Options{
			DataDir: s.dir, Prefix: prefix, Guard: &docker.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("10.98.0.0/16")}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close() //nolint:errcheck // checked by open
		defer e.Unguard(t.Context())
		s.spec.Isolated = isolated
		if err := e.Prepare(t.Context(), s.spec, nil); err != nil {
			t.Fatal(err)
		}
		ends, err := e.Start(t.Context(), s.spec, nil)
		if err != nil || len(ends) != 1 {
			t.Fatalf("endpoints %v, error %v", ends, err)
		}
		if got := get(ends[0].Address, "/"); got != 200 {
			t.Errorf("isolated %t: the router gets %d", isolated, got)
		}
		if out := s.dials(t, allowedAddress, beyondPort); out == isolated {
			t.Errorf("isolated %t: a container reaches another machine: %t", isolated, out)
		}
	}
}
