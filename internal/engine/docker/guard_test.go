package docker

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/platform"
)

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

func TestGuardRules(t *testing.T) {
	t.Parallel()
	f := &firewall{instance: "abc", Guard: Guard{Allow: prefixes("10.5.0.0/16")}}
	servers := nameserversIn("# made\nnameserver 10.0.0.2\nnameserver 127.0.0.53\nsearch x\nnameserver\nnameserver fe80::1%eth0\n")
	sources := prefixes("10.213.0.0/24", "172.17.0.0/16", "fd00:7::/64")
	want := `*filter
:SLUICE-abc - [0:0]
:SLUICE-abc-TO - [0:0]
:SLUICE-abc-IN - [0:0]
-A SLUICE-abc-TO -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
-A SLUICE-abc-TO -d 10.0.0.2 -p udp --dport 53 -j RETURN
-A SLUICE-abc-TO -d 10.0.0.2 -p tcp --dport 53 -j RETURN
-A SLUICE-abc-TO -d 10.213.0.0/24 -j REJECT
-A SLUICE-abc-TO -d 172.17.0.0/16 -j REJECT
-A SLUICE-abc-TO -d 10.5.0.0/16 -j RETURN
-A SLUICE-abc-TO -d 169.254.0.0/16 -j REJECT
-A SLUICE-abc-TO -d 10.0.0.0/8 -j REJECT
-A SLUICE-abc-TO -d 172.16.0.0/12 -j REJECT
-A SLUICE-abc-TO -d 192.168.0.0/16 -j REJECT
-A SLUICE-abc-TO -d 100.64.0.0/10 -j REJECT
-A SLUICE-abc -s 10.213.0.0/24 ! -d 10.213.0.0/24 -j SLUICE-abc-TO
-A SLUICE-abc-IN -s 10.213.0.0/24 -d 169.254.0.0/16 -j REJECT
-A SLUICE-abc -s 172.17.0.0/16 ! -d 172.17.0.0/16 -j SLUICE-abc-TO
-A SLUICE-abc-IN -s 172.17.0.0/16 -d 169.254.0.0/16 -j REJECT
COMMIT
`
	if diff := cmp.Diff(want, f.rules(sources, servers, false)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	alone := f.rules(sources, servers, false, prefixes("10.213.0.0/24")...)
	const first = "-A SLUICE-abc -s 10.213.0.0/24 ! -d 10.213.0.0/24 -j REJECT\n-A SLUICE-abc -s 10.213.0.0/24 ! -d 10.213.0.0/24 -j SLUICE-abc-TO\n"
	if !strings.Contains(alone, first) {
		t.Errorf("rules of an isolated network lack %q:\n%s", first, alone)
	}
	v6 := f.rules(sources, servers, true)
	for _, line := range []string{"-s fd00:7::/64 ! -d fd00:7::/64 -j SLUICE-abc-TO", "-d fd00:ec2::254/128 -j REJECT", "-d fe80::1 -p udp --dport 53"} {
		if !strings.Contains(v6, line) {
			t.Errorf("rules of IPv6 lack %q:\n%s", line, v6)
		}
	}
}

// tools plays iptables: it remembers which jumps and chains there are.
type tools struct{ have []string }

func (x *tools) run(_ context.Context, stdin, name string, args ...string) error {
	if strings.HasSuffix(name, "-restore") {
		for line := range strings.Lines(stdin) {
			if chain, ok := strings.CutPrefix(line, ":"); ok {
				chain, _, _ = strings.Cut(chain, " ")
				x.have = append(x.have, chain)
			}
		}
		slices.Sort(x.have)
		x.have = slices.Compact(x.have)
		return nil
	}
	op, rest := args[1], strings.Join(args[2:], " ")
	rest = strings.Replace(rest, " 1 -j ", " -j ", 1)
	at := slices.Index(x.have, rest)
	switch {
	case op == "-n":
		return nil
	case op == "-I":
		x.have = append(x.have, rest)
	case at < 0:
		return errors.New("no such rule")
	case op == "-D", op == "-X":
		x.have = slices.Delete(x.have, at, at+1)
	}
	return nil
}

func TestGuardIsInstalledOnceAndRemoved(t *testing.T) {
	t.Parallel()
	x := &tools{have: []string{"DOCKER-USER -j SLUICE-other"}}
	f := &firewall{instance: "abc", run: x.run}
	for range 2 {
		if err := f.install(t.Context(), prefixes("10.213.0.0/24")); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(x.have)
	want := []string{
		"DOCKER-USER -j SLUICE-abc", "DOCKER-USER -j SLUICE-other", "INPUT -j SLUICE-abc-IN", "SLUICE-abc", "SLUICE-abc-IN", "SLUICE-abc-TO",
	}
	if diff := cmp.Diff(want, x.have); diff != "" {
		t.Errorf("after two installations (-want +got):\n%s", diff)
	}
	f.remove(t.Context())
	if diff := cmp.Diff([]string{"DOCKER-USER -j SLUICE-other"}, x.have); diff != "" {
		t.Errorf("after the removal (-want +got):\n%s", diff)
	}
}

func TestGuardThatCannotBeInstalledSaysWhatIsOpen(t *testing.T) {
	t.Parallel()
	f := &firewall{instance: "abc", run: func(context.Context, string, string, ...string) error { return errors.New("no iptables") }}
	err := f.install(t.Context(), prefixes("10.213.0.0/24"))
	if platform.ErrorCode(err) != platform.CodeUnavailable || !strings.Contains(err.Error(), "metadata") {
		t.Errorf("got %v, want what containers reach now", err)
	}
}
