package doctor

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// healthPath is where a router says that it is one.
const healthPath = "/.well-known/sluice/health"

// oldestEngine is the API version of Docker 20.10.
const oldestEngine = "1.41"

func (d *Doctor) engine(ctx context.Context) Result {
	path, ok := strings.CutPrefix(d.DockerHost, "unix://")
	if !ok {
		return warn("", "%s is not on this machine; it was not asked", d.DockerHost)
	}
	const install = "apt-get install docker.io && systemctl enable --now docker"
	var version struct {
		Version, APIVersion, Os string
		Components              []struct{ Name, Version string }
	}
	if err := overSocket(ctx, path, "/version", &version); err != nil {
		return fail(install, "no Docker engine answers at %s: %v", d.DockerHost, err)
	}
	if older(version.APIVersion, oldestEngine) {
		return fail("install Docker 20.10 or newer", "Docker %s is too old", version.Version)
	}
	var info struct{ Driver, LoggingDriver, CgroupVersion string }
	if err := overSocket(ctx, path, "/info", &info); err != nil {
		return warn(install, "Docker %s does not say how it is set up: %v", version.Version, err)
	}
	if info.Driver == "vfs" {
		return warn("use overlay2: /etc/docker/daemon.json", "Docker %s copies every layer (storage driver vfs)", version.Version)
	}
	for _, c := range version.Components {
		if c.Name == "runc" && escapes(c.Version) {
			return warn("install runc 1.2.8, 1.3.3, 1.4.0 or newer, unless the changelog of the distribution's package names CVE-2025-31133, CVE-2025-52565 and CVE-2025-52881",
				"Docker %s, storage driver %s; runc %s is older than the releases in which containers can no longer break out (November 2025)", version.Version, info.Driver, c.Version)
		}
	}
	return fine("Docker %s, storage driver %s", version.Version, info.Driver)
}

// escapes reports whether a version of runc, as its makers published it, is one of those out
// of which containers could break: CVE-2025-31133, CVE-2025-52565 and CVE-2025-52881 are fixed in
// 1.2.8, 1.3.3 and 1.4.0-rc.3. Distributions fix older versions too, which their number does
// not tell.
func escapes(runc string) bool {
	for _, fixed := range []string{"1.2.8", "1.3.3"} {
		series := fixed[:len("1.2.")]
		if patch, ok := strings.CutPrefix(runc, series); ok {
			return older(patch, fixed[len(series):])
		}
	}
	return older(runc, "1.2") || strings.HasPrefix(runc, "1.4.0-rc.1") || strings.HasPrefix(runc, "1.4.0-rc.2")
}

// overSocket reads a JSON document over a Unix socket.
func overSocket(ctx context.Context, path, url string, into any) error {
	return get(ctx, &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}, "http://localhost"+url, into)
}

// get reads a JSON document, or only its status when into is nil, on a connection of its own.
func get(ctx context.Context, transport *http.Transport, url string, into any) error {
	transport.DisableKeepAlives = true
	client := &http.Client{Transport: transport}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(into)
}

// port is free, or the router's already.
func (d *Doctor) port(ctx context.Context, port int, scheme string) Result {
	if port == 0 {
		return fine("not used")
	}
	err := bind(ctx, ":"+strconv.Itoa(port))
	switch {
	case err == nil:
		return fine("%d is free", port)
	case errors.Is(err, syscall.EACCES):
		return fail("run it as root: sudo sluiced doctor", "%d cannot be listened on: %v", port, err)
	case d.isRouter(ctx, port, scheme):
		return fine("sluice-router serves %d", port)
	}
	return fail(fmt.Sprintf("find out with `ss -ltnp 'sport = :%d'` what it is, and stop it; or choose another port", port), "%d is in use by another program", port)
}

func bind(ctx context.Context, address string) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}

func (d *Doctor) isRouter(ctx context.Context, port int, scheme string) bool {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}} //nolint:gosec // G402: only who serves is asked
	return get(ctx, transport, fmt.Sprintf("%s://127.0.0.1:%d%s", scheme, port, healthPath), nil) == nil
}

func (d *Doctor) api(ctx context.Context) Result {
	err := bind(ctx, d.Listen)
	switch {
	case err == nil:
		return fine("%s is free", d.Listen)
	case errors.Is(err, syscall.EADDRINUSE):
		return warn("nothing, if it is sluiced: systemctl status sluiced", "%s is in use", d.Listen)
	}
	return fail("correct --listen", "%s cannot be listened on: %v", d.Listen, err)
}

func (d *Doctor) router(ctx context.Context) Result {
	if err := overSocket(ctx, d.RouterSocket, "/v1/certificates", nil); err != nil {
		return warn("systemctl enable --now sluice-router", "no router answers at %s: %v", d.RouterSocket, err)
	}
	return fine("answers at %s", d.RouterSocket)
}

// dns looks up a name that was not created, which only a wildcard record answers.
func (d *Doctor) dns(ctx context.Context) Result {
	if d.BaseDomain == "localhost" {
		return warn("set --base-domain (SLUICED_BASE_DOMAIN) to a domain with a wildcard DNS record", "the base domain is localhost: sites can be seen on this machine only")
	}
	name := "sluice-doctor." + d.BaseDomain
	addresses, err := d.Resolver.LookupHost(ctx, name)
	if err != nil || len(addresses) == 0 {
		return fail("create the DNS record *."+d.BaseDomain+" with this machine's address", "%s does not resolve", name)
	}
	for _, a := range addresses {
		if isOwn(a) {
			return fine("*.%s leads to %s", d.BaseDomain, a)
		}
	}
	return warn("nothing, if this machine is behind a load balancer or NAT; else correct the record", "*.%s leads to %s, which is not an address of this machine", d.BaseDomain, strings.Join(addresses, ", "))
}

// isOwn reports whether an interface of this machine has an address.
func isOwn(address string) bool {
	ip := net.ParseIP(address)
	all, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(all, func(a net.Addr) bool {
		own, ok := a.(*net.IPNet)
		return ok && own.IP.Equal(ip)
	})
}

func (d *Doctor) mirror(ctx context.Context) Result {
	url := strings.TrimSuffix(d.Mirror, "/") + "/dists/bookworm/InRelease"
	if err := d.head(ctx, url); err != nil {
		return fail("let this machine reach it, or name another with --mirror (SLUICED_MIRROR)", "images cannot be assembled: %s: %v", url, err)
	}
	return fine("%s can be reached", d.Mirror)
}

func (d *Doctor) authority(ctx context.Context) Result {
	if err := d.head(ctx, d.ACMEDirectory); err != nil {
		return warn("let this machine reach it, or upload certificates with `sluice certificate:add`", "certificates cannot be ordered: %s: %v", d.ACMEDirectory, err)
	}
	return fine("%s can be reached", d.ACMEDirectory)
}

func (d *Doctor) head(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := d.HTTP.Do(request)
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return errors.New(response.Status)
	}
	return nil
}
