package docker

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// A mount source, such as "pub/media", is a directory of its own directly below the
// volume, named by escaping the source: an application owns what is in it and nothing
// above it. A path that a container is given therefore leads to the same directory at
// every start, whatever the application does (ADR 0038).

// maxName is the longest name that file systems take, in bytes.
const maxName = 255

// sourceName returns the name of a source's directory in its volume. It does not begin
// with a dot, and no two sources share it.
func sourceName(source string) string {
	name := url.PathEscape(source)
	if name == "" || name[0] == '.' {
		name = "%2E" + strings.TrimPrefix(name, ".")
	}
	return name
}

// sourceOf is the reverse of sourceName; ok is false for names that it does not return.
func sourceOf(name string) (source string, ok bool) {
	if name == "%2E" {
		return "", true
	}
	source, err := url.PathUnescape(name)
	return source, err == nil && sourceName(source) == name
}

// within returns where a path lies below another one: "log" for "var/log" within "var".
// ok is false when it does not, or when both are the same.
func within(outer, inner string) (rel string, ok bool) {
	if outer == "" {
		return inner, inner != ""
	}
	return strings.CutPrefix(inner, outer+"/")
}

// claim is one container's mount of a volume.
type claim struct {
	engine.Mount
	container string // engine.Container.Name
	subject   string // the container, for people
}

// claims collects the mounts of all applications and workers, by volume. Services have
// their volumes to themselves.
func claims(list []wanted) map[string][]claim {
	out := map[string][]claim{}
	for _, w := range list {
		if w.kind == engine.KindService {
			continue
		}
		for _, m := range w.Mounts {
			m.Path = cleanSource(m.Path)
			out[m.Volume] = append(out[m.Volume], claim{Mount: m, container: w.Name, subject: w.subject()})
		}
	}
	return out
}

// cleanSource normalises a source: no slash at its ends, empty for the whole volume.
func cleanSource(p string) string { return strings.TrimPrefix(path.Clean("/"+p), "/") }

// placement says where the files of a volume's sources are.
type placement struct {
	own    []string          // sources with a directory of their own, sorted
	inside map[string]string // the other sources: the one whose directory they are part of
}

// place decides where the files of every claimed source are. own lists the sources that
// have a directory already; taken reports whether the directory of a source has files at
// a path below it.
//
// A source that lies in another one gets no directory of its own where every container
// that mounts it also mounts the outer one around it: the files are the same without it.
// Otherwise it gets one, which is mounted over the outer one wherever that is mounted
// (see binds), so that the files still are the same everywhere. Files that the outer one
// holds there already would be hidden by that, so this is refused.
func place(list []claim, own []string, taken func(source, rel string) (bool, error)) (placement, error) {
	p := placement{own: slices.Clone(own), inside: map[string]string{}}
	for _, source := range sources(list) {
		if slices.Contains(p.own, source) {
			continue
		}
		outer, rel, nested := p.nearest(source)
		switch {
		case !nested:
			p.own = append(p.own, source)
		case sameFiles(list, source):
			p.inside[source] = outer
		default:
			full, err := taken(outer, rel)
			if err != nil {
				return placement{}, err
			}
			if full {
				return placement{}, hiddenFiles(list, source, outer)
			}
			p.own = append(p.own, source)
		}
	}
	slices.Sort(p.own)
	return p, nil
}

// sources returns the claimed sources, outer ones before those inside them.
func sources(list []claim) []string {
	seen := map[string]bool{}
	for _, c := range list {
		seen[c.Path] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// nearest returns the innermost source with a directory of its own that a source lies in.
func (p placement) nearest(source string) (outer, rel string, ok bool) {
	for _, o := range p.own {
		if r, in := within(o, source); in && (!ok || len(o) > len(outer)) {
			outer, rel, ok = o, r, true
		}
	}
	return outer, rel, ok
}

// sameFiles reports whether every container that mounts the source mounts one that it
// lies in at the place where that makes no difference.
func sameFiles(list []claim, source string) bool {
	for _, c := range list {
		if c.Path == source && !slices.ContainsFunc(list, func(o claim) bool {
			rel, in := within(o.Path, source)
			return in && o.container == c.container && path.Join(o.Target, rel) == c.Target
		}) {
			return false
		}
	}
	return true
}

func hiddenFiles(list []claim, source, outer string) error {
	i := slices.IndexFunc(list, func(c claim) bool { return c.Path == source })
	c := list[i]
	return platform.Errorf(platform.CodeConflict,
		"%s: mount %s has the source %q inside the source %q, which holds files there; nothing was changed",
		c.subject, c.Target, source, outer).
		WithHint("mount %q in the same container around it, give the mount another source_path, or move the files out of the way first", outer)
}

// mounted is one source at one place in a container.
type mounted struct{ source, target string }

// arrange returns what is mounted where in a container: each source that has a directory
// of its own and, over it, those that lie inside it and have one too.
func (p placement) arrange(list []claim, container string, tmpfs []string) []mounted {
	var targets []string // of what hides the files below it
	for _, c := range list {
		if c.container == container && slices.Contains(p.own, c.Path) {
			targets = append(targets, c.Target)
		}
	}
	targets = append(targets, tmpfs...)
	var out []mounted
	for _, c := range list {
		if c.container != container || !slices.Contains(p.own, c.Path) {
			continue
		}
		out = append(out, mounted{c.Path, c.Target})
		for _, inner := range p.own {
			rel, in := within(c.Path, inner)
			if target := path.Join(c.Target, rel); in && !hidden(targets, c.Target, target) {
				out = append(out, mounted{inner, target})
			}
		}
	}
	return out
}

// hidden reports whether something is mounted at target or between outer and target.
func hidden(targets []string, outer, target string) bool {
	return slices.ContainsFunc(targets, func(t string) bool {
		_, below := within(outer, t)
		_, above := within(t, target)
		return below && (above || t == target)
	})
}

// checkSources refuses sources that cannot be directories.
func checkSources(kind engine.Kind, mounts []engine.Mount) error {
	for _, m := range mounts {
		switch {
		case kind == engine.KindService && cleanSource(m.Path) != "":
			return fmt.Errorf("mount %s: a service has its volume to itself and mounts all of it", m.Target)
		case strings.ContainsRune(m.Path, 0), len(sourceName(cleanSource(m.Path))) > maxName:
			return fmt.Errorf("mount %s: its source is too long or cannot be a directory", m.Target)
		}
	}
	return nil
}
