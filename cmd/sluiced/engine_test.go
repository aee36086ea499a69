package main

import (
	"errors"
	"io"
	"testing"

	"sluice/internal/engine/docker"
)

func TestLimitsOfContainers(t *testing.T) {
	var c config
	if err := c.parse(serveFlags("serve", &c, io.Discard), []string{"--container-memory", "300", "--private-networks", "10.1.2.3/16, fd00:1::/64"}, nil); err != nil {
		t.Fatal(err)
	}
	want := docker.DefaultLimits()
	want.Memory = 300 << 20
	if got := c.Limits.limits(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if g, err := c.Limits.guard(); err != nil || len(g.Allow) != 2 || g.Allow[0].String() != "10.1.0.0/16" {
		t.Errorf("got %+v, %v", g, err)
	}
	for _, args := range [][]string{{"--container-memory", "-1"}, {"--private-networks", "10.0.0.1"}, {"--private-networks", "none"}} {
		var c config
		if err := c.parse(serveFlags("serve", &c, io.Discard), args, nil); !errors.Is(err, errUsage) {
			t.Errorf("%q: got %v, want a usage error", args, err)
		}
	}
	c.Limits.Networks = "all"
	if g, err := c.Limits.guard(); g != nil || err != nil {
		t.Errorf("got %+v, %v, want no guard", g, err)
	}
}
