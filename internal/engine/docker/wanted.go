package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"

	"sluice/internal/engine"
)

// wanted is one container that a specification asks for.
type wanted struct {
	engine.Container
	kind       engine.Kind
	release    string // empty for a service
	generation string
	address    netip.Addr // fixed address; invalid for one that Docker chooses
	hosts      []string   // "name:address", for links to fixed addresses
	aliases    []string   // "container:name", for links that Docker's name server resolves

	version string // of a service
	health  []string
	setup   *engine.Setup
	port    int
	ready   string
	warm    bool
	after   string // command to run once it answers
}

// subject names the container in plans and logs.
func (w wanted) subject() string { return subject(w.kind, w.Name, w.release) }

func subject(kind engine.Kind, name, release string) string {
	switch kind {
	case engine.KindService:
		return "service " + name
	case engine.KindWeb:
		return "web container " + name + " of " + release
	case engine.KindWorker:
		return "worker " + name + " of " + release
	}
	return name
}

// desired is a specification, checked and with its links resolved.
type desired struct {
	subnet   netip.Prefix
	isolated bool
	services []wanted
	web      []wanted
	workers  []wanted
	claims   map[string][]claim // mounts of applications and workers, by volume
}

// all returns every container of the specification.
func (d desired) all() []wanted { return slices.Concat(d.services, d.web, d.workers) }

// nameRule is what becomes part of a Docker name and of a path.
var nameRule = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// optional parses a hint; an empty one is none.
func optional[T any](text string, parse func(string) (T, error)) (T, error) {
	if text == "" {
		var none T
		return none, nil
	}
	return parse(text)
}

// newDesired checks a specification and resolves its links.
func newDesired(n naming, spec engine.Spec) (desired, error) {
	subnet, err := optional(spec.Subnet, netip.ParsePrefix)
	if err != nil {
		return desired{}, fmt.Errorf("subnet of the specification: %w", err)
	}
	if !nameRule.MatchString(string(spec.Environment)) || !nameRule.MatchString(spec.Release) {
		return desired{}, fmt.Errorf("environment %q or release %q is not a valid name", spec.Environment, spec.Release)
	}
	d := desired{subnet: subnet, isolated: spec.Isolated}
	if subnet.IsValid() {
		d.subnet = subnet.Masked()
	}
	for _, s := range spec.Services {
		w := wanted{Container: s.Container, kind: engine.KindService, generation: s.Generation, version: s.Version, health: s.Health, setup: s.Setup}
		if w.address, err = optional(s.Address, netip.ParseAddr); err != nil {
			return desired{}, fmt.Errorf("address of service %s: %w", s.Name, err)
		}
		if w.generation == "" {
			w.generation = digest(s)
		}
		d.services = append(d.services, w)
	}
	for _, a := range spec.Apps {
		d.web = append(d.web, wanted{
			Container: a.Container, kind: engine.KindWeb, release: spec.Release, generation: digest(a),
			port: a.Port, ready: a.Ready, warm: a.Warm, after: a.PostStart,
		})
	}
	for _, k := range spec.Workers {
		d.workers = append(d.workers, wanted{
			Container: k.Container, kind: engine.KindWorker, release: spec.Release, generation: digest(k),
		})
	}
	d.claims = claims(d.all())
	return d, resolve(d, n, spec)
}

// resolve checks the containers and fills in where their links lead.
func resolve(d desired, n naming, spec engine.Spec) error {
	byName := map[string]wanted{}
	for _, w := range d.all() {
		if err := errors.Join(check(w.Container), checkSources(w.kind, w.Mounts)); err != nil {
			return fmt.Errorf("%s: %w", w.subject(), err)
		}
		if _, twice := byName[w.Name]; twice {
			return fmt.Errorf("two containers are named %q", w.Name)
		}
		byName[w.Name] = w
	}
	for _, list := range [][]wanted{d.services, d.web, d.workers} {
		for i, w := range list {
			var err error
			if list[i].hosts, list[i].aliases, err = links(w, n, spec, byName); err != nil {
				return err
			}
		}
	}
	return nil
}

// links resolves the links of one container. A service is reached at its fixed address; a
// container of a release by Docker's name server, which asks for the one of the same
// release, so that old and new never mix. A service outlives releases and therefore
// asks for whichever answers to the name.
func links(w wanted, n naming, spec engine.Spec, byName map[string]wanted) (hosts, aliases []string, err error) {
	for _, host := range slices.Sorted(maps.Keys(w.Hosts)) {
		hosts = append(hosts, host+":"+w.Hosts[host])
	}
	for _, host := range slices.Sorted(maps.Keys(w.Links)) {
		target, ok := byName[w.Links[host]]
		switch {
		case !ok:
			return nil, nil, fmt.Errorf("%s: link %s leads to %q, which is not in the specification", w.subject(), host, w.Links[host])
		case target.address.IsValid():
			hosts = append(hosts, host+":"+target.address.String())
		case w.kind == engine.KindService:
			aliases = append(aliases, target.Name+":"+host)
		default:
			aliases = append(aliases, n.container(spec.Environment, target.release, target.Name)+":"+host)
		}
	}
	return hosts, aliases, nil
}

// check refuses what would leave the directories that are ours.
func check(c engine.Container) error {
	if !nameRule.MatchString(c.Name) {
		return fmt.Errorf("%q is not a valid name for a container", c.Name)
	}
	for _, m := range c.Mounts {
		if !nameRule.MatchString(m.Volume) {
			return fmt.Errorf("%q is not a valid name for a volume", m.Volume)
		}
		if !absolute(m.Target) {
			return fmt.Errorf("mount target %q is not an absolute path", m.Target)
		}
	}
	for _, f := range c.Files {
		if !absolute(f.Path) {
			return fmt.Errorf("file %q is not an absolute path", f.Path)
		}
	}
	for _, p := range c.Programs {
		if !absolute(p.Source) || !absolute(p.Target) {
			return fmt.Errorf("program %q at %q: both are not absolute paths", p.Source, p.Target)
		}
	}
	for _, host := range c.RouterHosts {
		if !nameRule.MatchString(host) {
			return fmt.Errorf("%q is not a host name", host)
		}
	}
	for host, address := range c.Hosts {
		if _, err := netip.ParseAddr(address); err != nil || !nameRule.MatchString(host) {
			return fmt.Errorf("host %q at %q: no name or no address", host, address)
		}
	}
	if dir := filesDir(c.Files); len(c.Files) > 0 && strings.Count(dir, "/") < 2 {
		return fmt.Errorf("its files have only %q in common, which would be hidden", dir)
	}
	return nil
}

// absolute reports whether p is a clean absolute path that is not the root.
func absolute(p string) bool { return path.IsAbs(p) && path.Clean(p) == p && p != "/" }

// filesDir returns the deepest directory that all files are below; "" for no files.
func filesDir(files []engine.File) string {
	if len(files) == 0 {
		return ""
	}
	dir := path.Dir(files[0].Path)
	for _, f := range files[1:] {
		for dir != "/" && !strings.HasPrefix(f.Path, dir+"/") {
			dir = path.Dir(dir)
		}
	}
	return dir
}

// digest returns what changes when a definition does.
func digest(definition any) string {
	text, err := json.Marshal(definition) // maps are written in the order of their keys
	if err != nil {
		text = fmt.Appendf(nil, "%#v", definition)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
