package docker

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"sluice/internal/platform"
)

// Guard keeps containers and builds away from what is not the internet: the metadata
// service of a cloud machine, which hands out the machine's credentials, and private
// networks other than their own. Name servers of the machine stay reachable on port 53.
type Guard struct {
	// Allow lists private networks that containers may reach all the same.
	Allow []netip.Prefix
}

// guarded returns the networks that containers do not reach.
func guarded(v6 bool) []string {
	if v6 {
		return []string{"fd00:ec2::254/128", "fe80::/10", "fc00::/7"}
	}
	return []string{"169.254.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"}
}

// metadata is what containers do not reach on the machine itself either: the first of them.
func metadata(v6 bool) string { return guarded(v6)[0] }

// userChain is where Docker leaves room for rules that come before its own.
const userChain = "DOCKER-USER"

// firewall writes the rules of one installation. Its chains carry the installation's name,
// so another one's are never touched.
type firewall struct {
	instance string
	Guard
	mu  sync.Mutex
	run func(ctx context.Context, stdin, name string, args ...string) error
}

// chain returns the name of one of the installation's chains.
func (f *firewall) chain(suffix string) string { return "SLUICE-" + f.instance + suffix }

// The chains: which traffic is a container's, where it may not go, and where not on this
// machine.
const (
	fromChain  = ""
	toChain    = "-TO"
	inputChain = "-IN"
)

// jumps returns the chains of the machine from which the installation's are reached.
func (f *firewall) jumps() map[string]string {
	return map[string]string{userChain: f.chain(fromChain), "INPUT": f.chain(inputChain)}
}

// rules returns what iptables-restore reads: all of the installation's chains, which it
// replaces at once. What comes from an isolated network leaves it for nowhere: Docker drops it,
// and programs would wait for a response.
func (f *firewall) rules(sources []netip.Prefix, nameservers []netip.Addr, v6 bool, isolated ...netip.Prefix) string {
	var b strings.Builder
	line := func(chain, format string, args ...any) {
		fmt.Fprintf(&b, "-A %s "+format+"\n", append([]any{f.chain(chain)}, args...)...)
	}
	b.WriteString("*filter\n")
	for _, c := range []string{fromChain, toChain, inputChain} {
		fmt.Fprintf(&b, ":%s - [0:0]\n", f.chain(c))
	}
	line(toChain, "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN")
	for _, a := range nameservers {
		if a.Is6() == v6 {
			line(toChain, "-d %s -p udp --dport 53 -j RETURN", a)
			line(toChain, "-d %s -p tcp --dport 53 -j RETURN", a)
		}
	}
	for _, p := range sources { // Docker keeps them apart too, but not while it makes another network
		if p.Addr().Is6() == v6 {
			line(toChain, "-d %s -j REJECT", p)
		}
	}
	for _, p := range f.Allow {
		if p.Addr().Is6() == v6 {
			line(toChain, "-d %s -j RETURN", p)
		}
	}
	for _, p := range guarded(v6) {
		line(toChain, "-d %s -j REJECT", p)
	}
	for _, p := range isolated {
		if p.Addr().Is6() == v6 {
			line(fromChain, "-s %s ! -d %s -j REJECT", p, p)
		}
	}
	for _, p := range sources {
		if p.Addr().Is6() == v6 {
			line(fromChain, "-s %s ! -d %s -j %s", p, p, f.chain(toChain))
			line(inputChain, "-s %s -d %s -j REJECT", p, metadata(v6))
		}
	}
	b.WriteString("COMMIT\n")
	return b.String()
}

// install puts the rules in place. It can run again at any time.
func (f *firewall) install(ctx context.Context, sources []netip.Prefix, isolated ...netip.Prefix) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	nameservers := machineNameservers()
	for _, v6 := range []bool{false, true} {
		if v6 && !slices.ContainsFunc(sources, func(p netip.Prefix) bool { return p.Addr().Is6() }) {
			continue
		}
		tables := tablesOf(v6)
		if err := f.run(ctx, "", tables, "-w", "-n", "-L", userChain); err != nil {
			return guardError(fmt.Errorf("the chain %s: %w", userChain, err))
		}
		if err := f.run(ctx, f.rules(sources, nameservers, v6, isolated...), tables+"-restore", "-w", "--noflush"); err != nil {
			return guardError(err)
		}
		for at, chain := range f.jumps() {
			if f.run(ctx, "", tables, "-w", "-C", at, "-j", chain) == nil {
				continue
			}
			if err := f.run(ctx, "", tables, "-w", "-I", at, "1", "-j", chain); err != nil {
				return guardError(err)
			}
		}
	}
	return nil
}

// remove takes the rules away. It can run again at any time.
func (f *firewall) remove(ctx context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, tables := range []string{tablesOf(false), tablesOf(true)} {
		for at, chain := range f.jumps() {
			_ = f.run(ctx, "", tables, "-w", "-D", at, "-j", chain)
		}
		for _, op := range []string{"-F", "-X"} {
			for _, c := range []string{fromChain, toChain, inputChain} {
				_ = f.run(ctx, "", tables, "-w", op, f.chain(c))
			}
		}
	}
}

func tablesOf(v6 bool) string {
	if v6 {
		return "ip6tables"
	}
	return "iptables"
}

func guardError(err error) error {
	return &platform.Error{
		Code:    platform.CodeUnavailable,
		Message: "containers and builds can reach private networks and the machine's metadata service: could not install the rules against it",
		Hint: "install iptables and let Docker use it (without \"iptables\": false in /etc/docker/daemon.json), " +
			"or start sluiced with --private-networks all to accept it",
		Err: err,
	}
}

// runTool runs a program of the machine.
func runTool(ctx context.Context, stdin, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // one of four names
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}

// machineNameservers returns the name servers that containers get to use.
func machineNameservers() []netip.Addr {
	var out []netip.Addr
	for _, name := range []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"} {
		text, err := os.ReadFile(name) //nolint:gosec // one of these two
		if err != nil {
			continue
		}
		out = append(out, nameserversIn(string(text))...)
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

func nameserversIn(text string) []netip.Addr {
	var out []netip.Addr
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(f[1]); err == nil && !a.IsLoopback() {
			out = append(out, a.Unmap().WithZone(""))
		}
	}
	return out
}

// Guard installs or renews the rules that keep containers and builds away from private
// networks, for every network that this installation has. The rules are the machine's and
// are gone after a reboot, so it has to run at every start.
func (e *Engine) Guard(ctx context.Context) error {
	if e.firewall == nil {
		return nil
	}
	mine, err := e.cli.NetworkList(ctx, client.NetworkListOptions{Filters: e.filters("")})
	if err != nil {
		return ended(ctx, fmt.Errorf("list networks: %w", err))
	}
	builds, err := e.cli.NetworkInspect(ctx, "bridge", client.NetworkInspectOptions{}) // BuildKit's
	if err != nil && !errdefs.IsNotFound(err) {
		return ended(ctx, fmt.Errorf("inspect the network of builds: %w", err))
	}
	var sources, isolated []netip.Prefix
	for _, n := range mine.Items {
		for _, c := range n.IPAM.Config {
			sources = append(sources, c.Subnet)
			if n.Internal {
				isolated = append(isolated, c.Subnet)
			}
		}
	}
	for _, c := range builds.Network.IPAM.Config {
		sources = append(sources, c.Subnet)
	}
	slices.SortFunc(sources, netip.Prefix.Compare)
	return ended(ctx, e.firewall.install(ctx, slices.Compact(sources), isolated...))
}

// Unguard removes the rules that Guard installed.
func (e *Engine) Unguard(ctx context.Context) {
	if e.firewall != nil {
		e.firewall.remove(ctx)
	}
}
