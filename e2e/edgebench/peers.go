package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"sluice/internal/edge/edgectl"
	"sluice/internal/platform"
)

// siteHost is the name that every request asks for. wrk takes the name for TLS from the
// URL, so it must be one that every machine resolves to itself.
const siteHost = "localhost"

// peer is a way to the backend: a proxy, or none.
type peer struct {
	name    string
	process *process // nil for the backend itself
	plain   string   // address of http://
	secure  string   // address of https://; "" when it is not measured
	http2   bool     // it speaks HTTP/2 on its secure address
	caches  bool     // it answers /cached/... from memory or disk
	goes    bool     // it is written in Go: our goal is set by these
}

// url returns where the peer serves a path.
func (p *peer) url(secure bool, path string) string {
	if secure {
		return "https://" + net.JoinHostPort(siteHost, port(p.secure)) + path
	}
	return "http://" + p.plain + path
}

// maker starts one peer in a directory of its own. It returns errAbsent for one that is
// not installed.
type maker struct {
	name string
	make func(ctx context.Context, l *lab, dir string) (*peer, error)
}

var errAbsent = errors.New("not installed")

func makers() []maker {
	return []maker{
		{"direct", func(_ context.Context, l *lab, _ string) (*peer, error) { return &peer{plain: l.backend.addr}, nil }},
		{"sluice", func(ctx context.Context, l *lab, dir string) (*peer, error) { return startSluice(ctx, l, dir) }},
		{"sluice+log", func(ctx context.Context, l *lab, dir string) (*peer, error) {
			return startSluice(ctx, l, dir, "-access-log", filepath.Join(dir, "access.log"))
		}},
		{"kamal-proxy", startKamal},
		{"caddy", startCaddy},
		{"nginx", startNginx},
		{"haproxy", startHAProxy},
	}
}

// startAll starts every peer that there is and says which are skipped.
func (l *lab) startAll(ctx context.Context) ([]*peer, func(), error) {
	var peers []*peer
	stop := func() {
		for _, p := range peers {
			if p.process != nil {
				p.process.stop()
			}
		}
	}
	for _, m := range makers() {
		dir := filepath.Join(l.dir, m.name)
		if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // nginx's workers may be of another user
			return nil, stop, err
		}
		p, err := m.make(ctx, l, dir)
		if errors.Is(err, errAbsent) {
			l.printf("skipped: %s: %v\n", m.name, err)
			continue
		}
		if err != nil {
			return nil, stop, fmt.Errorf("%s: %w", m.name, err)
		}
		p.name = m.name
		peers = append(peers, p)
	}
	return peers, stop, nil
}

// freeAddrs returns loopback addresses that are free now.
func freeAddrs(ctx context.Context, n int) ([]string, error) {
	addrs := make([]string, n)
	for i := range addrs {
		lis, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = lis.Close() }()
		addrs[i] = lis.Addr().String()
	}
	return addrs, nil
}

func startSluice(ctx context.Context, l *lab, dir string, more ...string) (*peer, error) {
	addrs, err := freeAddrs(ctx, 2)
	if err != nil {
		return nil, err
	}
	router, err := filepath.Abs(l.router)
	if err != nil {
		return nil, err
	}
	control := filepath.Join(dir, "control.sock")
	args := append([]string{"-listen", addrs[0], "-listen-tls", addrs[1], "-control", control, "-cache-dir", filepath.Join(dir, "cache")}, more...)
	proc, err := start(ctx, dir, router, args)
	if err != nil {
		return nil, err
	}
	if err := proc.ready(ctx, addrs...); err != nil {
		return nil, proc.failed(err)
	}
	if _, err := edgectl.NewClient(control).Publish(ctx, l.publication()); err != nil {
		return nil, proc.failed(err)
	}
	return &peer{process: proc, plain: addrs[0], secure: addrs[1], goes: true, caches: true, http2: true}, nil
}

// publication is the bench's environment: everything from the application, and answers
// below /cached/ kept.
func (l *lab) publication() platform.Publication {
	route := func(path string, cached bool) platform.Route {
		return platform.Route{
			URL: "http://" + siteHost + path, OriginalURL: "http://{default}" + path,
			Type: platform.RouteUpstream, Upstream: "app", Cache: platform.RouteCache{Enabled: cached},
		}
	}
	return platform.Publication{
		Environment: "bench",
		Release:     "r1",
		Routes:      []platform.Route{route("/", false), route("/cached/", true)},
		Backends:    map[string][]string{"app": {l.backend.addr}},
	}
}

func startKamal(ctx context.Context, l *lab, dir string) (*peer, error) {
	if l.kamal == "" {
		return nil, fmt.Errorf("%w; build it from its public source and give its path in SLUICE_BENCH_KAMAL", errAbsent)
	}
	kamal, err := filepath.Abs(l.kamal)
	if err != nil {
		return nil, err
	}
	addrs, err := freeAddrs(ctx, 2)
	if err != nil {
		return nil, err
	}
	c, err := writeCertificate(dir)
	if err != nil {
		return nil, err
	}
	env := []string{"HOME=" + dir, "XDG_RUNTIME_DIR=" + dir}
	proc, err := start(ctx, dir, kamal, []string{"run", "--http-port", port(addrs[0]), "--https-port", port(addrs[1])}, env...)
	if err != nil {
		return nil, err
	}
	if err := proc.ready(ctx, addrs...); err != nil {
		return nil, proc.failed(err)
	}
	deploy := exec.CommandContext(ctx, kamal, "deploy", "bench", "--target", l.backend.addr, "--host", siteHost, //nolint:gosec // the operator names the program
		"--tls", "--tls-redirect=false", "--tls-certificate-path", c.cert, "--tls-private-key-path", c.key, "--forward-headers=false")
	deploy.Env = append(os.Environ(), env...)
	if out, err := deploy.CombinedOutput(); err != nil {
		return nil, proc.failed(fmt.Errorf("kamal-proxy deploy: %w\n%s", err, out))
	}
	return &peer{process: proc, plain: addrs[0], secure: addrs[1], goes: true}, nil
}

// configured starts a program that reads one configuration file: text, in which the
// verbs are made from the addresses, the backend and the certificate.
func (l *lab) configured(ctx context.Context, dir, program, config string, args func(file string) []string) (*peer, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("%w: no %s on the PATH", errAbsent, program)
	}
	addrs, err := freeAddrs(ctx, 2)
	if err != nil {
		return nil, err
	}
	c, err := writeCertificate(dir)
	if err != nil {
		return nil, err
	}
	values := map[string]string{
		"dir": dir, "plain": addrs[0], "secure": addrs[1], "secureport": port(addrs[1]), "plainport": port(addrs[0]),
		"backend": l.backend.addr, "host": siteHost, "cert": c.cert, "key": c.key, "pem": c.pem,
	}
	file := filepath.Join(dir, "config")
	text := os.Expand(config, func(name string) string {
		if v, ours := values[name]; ours {
			return v
		}
		return "$" + name // one of the program's own variables
	})
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	proc, err := start(ctx, dir, path, args(file), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	if err != nil {
		return nil, err
	}
	if err := proc.ready(ctx, addrs...); err != nil {
		return nil, proc.failed(err)
	}
	return &peer{process: proc, plain: addrs[0], secure: addrs[1], http2: true}, nil
}

func startCaddy(ctx context.Context, l *lab, dir string) (*peer, error) {
	p, err := l.configured(ctx, dir, "caddy", caddyConfig, func(file string) []string {
		return []string{"run", "--config", file, "--adapter", "caddyfile"}
	})
	if p != nil {
		p.goes = true
	}
	return p, err
}

func startNginx(ctx context.Context, l *lab, dir string) (*peer, error) {
	p, err := l.configured(ctx, dir, "nginx", nginxConfig, func(file string) []string {
		return []string{"-p", dir, "-c", file, "-e", filepath.Join(dir, "error.log")}
	})
	if p != nil {
		p.caches = true
	}
	return p, err
}

func startHAProxy(ctx context.Context, l *lab, dir string) (*peer, error) {
	p, err := l.configured(ctx, dir, "haproxy", haproxyConfig, func(file string) []string {
		return []string{"-f", file, "-db"}
	})
	if p != nil {
		p.caches = true
	}
	return p, err
}

func port(addr string) string {
	_, p, err := net.SplitHostPort(addr)
	if err != nil {
		return strconv.Itoa(0)
	}
	return p
}

// settle is a moment without load between two proxies.
const settle = 50 * time.Millisecond
