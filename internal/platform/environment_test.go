package platform

import (
	"strings"
	"testing"
)

func TestMachineNamesAreLabels(t *testing.T) {
	seen := map[string]string{}
	for _, branch := range []string{
		"main", "feature/x", "feature-x", "Feature-X", "a", "-", "", "日本", strings.Repeat("long-", 30), "v1.2.3", "UPPER_case",
	} {
		name := MachineName("shop", branch)
		if other, ok := seen[name]; ok {
			t.Errorf("%q and %q share the name %q", branch, other, name)
		}
		seen[name] = branch
		id := string(Environment{Project: strings.Repeat("p", 30), MachineName: name}.ID())
		if len(id) > 63 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.HasPrefix(name, "-") || strings.HasSuffix(name, "-") {
			t.Errorf("branch %q: %q is not a DNS label", branch, id)
		}
	}
}

func TestHostsDoNotCollide(t *testing.T) {
	host := func(branch string) string {
		return Environment{Project: "shop", Name: branch, MachineName: MachineName("shop", branch)}.Host()
	}
	if got := host("main"); got != "main-shop" {
		t.Errorf("host of main = %q", got)
	}
	if host("feature/x") == host("feature-x") {
		t.Errorf("feature/x and feature-x share the host %q", host("feature-x"))
	}
}

func TestIDsAreDifferentAndShort(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := NewID()
		if len(id) != 13 || seen[id] {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
}

func TestErrorsKeepTheirCodeAndHint(t *testing.T) {
	err := Errorf(CodeNotFound, "there is no %s", "shop").WithHint("create it")
	if ErrorCode(err) != CodeNotFound || ErrorHint(err) != "create it" || err.Error() != "there is no shop" {
		t.Errorf("%v: code %q, hint %q", err, ErrorCode(err), ErrorHint(err))
	}
	if ErrorCode(nil) != "" || ErrorHint(nil) != "" {
		t.Error("nil has a code or a hint")
	}
}
