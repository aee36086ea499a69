package docker

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"sluice/internal/platform"
)

func TestTakenSubnetIsNamed(t *testing.T) {
	said := errors.New("Error response from daemon: Pool overlaps with other one on this address space")
	err := networkError(netip.MustParsePrefix("10.213.4.0/24"), said)
	if !errors.Is(err, said) || !strings.Contains(err.Error(), "subnet 10.213.4.0/24 of the environment overlaps") {
		t.Errorf("error is %v", err)
	}
	if hint := platform.ErrorHint(err); !strings.Contains(hint, "docker network") || !strings.Contains(hint, "--subnets") {
		t.Errorf("hint is %q", hint)
	}
	if other := errors.New("no space left on device"); networkError(netip.Prefix{}, other) != other { //nolint:errorlint // the very error
		t.Error("another error was changed")
	}
}
