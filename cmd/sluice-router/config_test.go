package main

import (
	"io"
	"net/netip"
	"strings"
	"testing"
)

func TestConnectionsStayBelowTheLimitOfOpenFiles(t *testing.T) {
	for files, want := range map[uint64]int{0: 1, 128: 1, 1024: 672, 20_000: 14_250, 1 << 40: 1 << 20} {
		if got := connectionsWithin(files); got != want {
			t.Errorf("%d files: %d connections, want %d", files, got, want)
		}
	}
	c, err := parseConfig([]string{"--control", "c", "--max-connections", "7", "--max-connections-per-address", "0", "--trusted-proxies", "192.0.2.0/24"}, io.Discard)
	if err != nil || c.limits.Connections != 7 || c.limits.PerAddress != 0 {
		t.Fatal(c.limits, err)
	}
	if !c.limits.Exempt(netip.MustParseAddr("192.0.2.7")) || c.limits.Exempt(netip.MustParseAddr("192.0.3.7")) {
		t.Error("trusted proxies and only they are exempt")
	}
	if c, err = parseConfig([]string{"--control", "c"}, io.Discard); err != nil || c.limits.Connections < 1 || c.limits.PerAddress != defaultPerAddress {
		t.Error(c.limits, err)
	}
	if _, err = parseConfig([]string{"--control", "c", "--max-connections", "-1"}, io.Discard); err == nil || !strings.Contains(err.Error(), "negative") {
		t.Error(err)
	}
}
