package store_test

import (
	"encoding/json"
	"net/netip"
	"testing"

	"sluice/internal/platform"
	"sluice/internal/store"
)

// TestRehearsals: a network is nobody else's while it is in use, and the newest report of a tree
// is found.
func TestRehearsals(t *testing.T) {
	t.Parallel()
	s := shop(t, store.WithSubnets(netip.MustParsePrefix("10.77.0.0/22")))
	enqueue := func(id string) {
		t.Helper()
		if _, err := s.Enqueue(t.Context(), platform.Activity{ID: id, Type: platform.ActivityRehearse, Project: "shop", Environment: "main"}); err != nil {
			t.Fatal(err)
		}
	}
	begin := func(id string) platform.Rehearsal {
		t.Helper()
		r, err := s.BeginRehearsal(t.Context(), platform.Rehearsal{Activity: id, Project: "shop", Environment: "main"})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	enqueue("one")
	enqueue("two")
	one, two := begin("one"), begin("two")
	env, err := s.SaveEnvironment(t.Context(), platform.Environment{Project: "shop", Name: "x", MachineName: "x"})
	if err != nil || one.Subnet == "" || one.Subnet == two.Subnet || env.Subnet == one.Subnet || env.Subnet == two.Subnet {
		t.Fatalf("networks %q, %q and %q, %v", one.Subnet, two.Subnet, env.Subnet, err)
	}
	if again := begin("two"); again.Subnet != two.Subnet {
		t.Errorf("begun again, it has %q", again.Subnet)
	}
	freed := one.Subnet
	for _, r := range []*platform.Rehearsal{&one, &two} {
		r.Subnet, r.Tree, r.Report = "", "tree", json.RawMessage(`{"activity":"`+r.Activity+`"}`)
		r.Slugs = []platform.Slug{{App: "app", Ref: "ref-" + r.Activity}}
		if err := s.SaveRehearsal(t.Context(), *r); err != nil {
			t.Fatal(err)
		}
	}
	if last, err := s.LastRehearsal(t.Context(), "shop", "main", "tree"); err != nil || last.Activity != "two" || string(last.Report) != `{"activity":"two"}` {
		t.Errorf("the last is %+v, %v", last, err)
	}
	for _, c := range [][2]string{{"main", "other"}, {"x", "tree"}} {
		if _, err := s.LastRehearsal(t.Context(), "shop", c[0], c[1]); platform.ErrorCode(err) != platform.CodeNotFound {
			t.Errorf("of %v: %v", c, err)
		}
	}
	two.Slugs = nil
	if err := s.SaveRehearsal(t.Context(), two); err != nil {
		t.Fatal(err)
	}
	if kept, err := s.Rehearsals(t.Context(), "shop"); err != nil || len(kept) != 1 || kept[0].Activity != "one" || kept[0].Slugs[0].Ref != "ref-one" {
		t.Errorf("%+v, %v", kept, err)
	}
	enqueue("three")
	if three := begin("three"); three.Subnet != freed {
		t.Errorf("the network %q was not used again, but %q", freed, three.Subnet)
	}
	if _, err := s.Rehearsal(t.Context(), "nothing"); platform.ErrorCode(err) != platform.CodeNotFound {
		t.Errorf("%v", err)
	}
	if err := s.SaveRehearsal(t.Context(), platform.Rehearsal{Activity: "nothing"}); err != nil {
		t.Errorf("one that never began: %v", err)
	}
}
