package manifest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// mounts checks an application's writable directories: against each other, against the
// services and against what is committed.
func (p *parser) mounts(m *Manifest, a *Application) {
	p.mountSet(m, a, a.Mounts)
	for _, w := range a.Workers {
		p.mountSet(m, a, w.Mounts)
	}
}

func (p *parser) mountSet(m *Manifest, a *Application, mounts []Mount) {
	for i, mount := range mounts { // sorted by path: a parent comes before its children
		for _, other := range mounts[:i] {
			switch {
			case mount.Path == other.Path:
				p.check.fail(mount.Pos, "duplicate-mount", fmt.Sprintf("mount %s is also on line %d", show(mount.Path), other.Pos.Line), "a slash makes no difference", "remove one of them")
			case strings.HasPrefix(mount.Path, other.Path+"/"):
				p.nested(mount, other)
			case mount.Source == MountLocal && other.Source == MountLocal && mount.SourcePath == other.SourcePath:
				p.check.notice(mount.Pos, "shared-mount", fmt.Sprintf("mounts %s and %s are the same directory", show(other.Path), show(mount.Path)), "both have the source "+show(mount.SourcePath), "")
			}
		}
		if mount.Source == MountService && mount.Service != "" && m.Service(mount.Service) == nil {
			p.check.fail(mount.Pos, "unknown-service", fmt.Sprintf("mount %s needs the service %s, which does not exist", show(mount.Path), show(mount.Service)), "", "add it to "+p.home("services.yaml"))
		}
		p.hidden(a, mount)
	}
}

// nested warns about a mount inside another one. The inner one is mounted over the outer
// one, which works; what the outer one has at that place cannot be seen.
func (p *parser) nested(mount, outer Mount) {
	message := fmt.Sprintf("mount %s is inside the mount %s", show(mount.Path), show(outer.Path))
	if outer.holds(&mount) && mount.SourcePath == path.Join(outer.SourcePath, strings.TrimPrefix(mount.Path, outer.Path)) {
		p.check.notice(mount.Pos, "nested-mount", message, "its files are the same with and without it", "remove it")
		return
	}
	p.check.warn(mount.Pos, "nested-mount", message, "what the outer one has there is hidden", "mount only one of them")
}

// hidden notices committed files below a mount, which the running application does not
// see. The directories that Magento's toolkit copies itself are left out.
func (p *parser) hidden(a *Application, mount Mount) {
	if slices.Contains([]string{"", "var", "app/etc", "pub/media", "pub/static", "generated"}, mount.Path) {
		return
	}
	dir := path.Join(a.Root, mount.Path)
	for _, e := range p.directory(dir) {
		if !strings.HasPrefix(e.Name(), ".") {
			p.check.notice(mount.Pos, "hidden-files", fmt.Sprintf("mount %s hides committed files", show(mount.Path)), "the running application sees the mount's own files instead of "+dir+"/"+clip(e.Name(), 60), "")
			return
		}
	}
}

// claim is a mount of one container.
type claim struct {
	Mount
	container int
}

// volumes returns the mounts that take their files from each volume: that of an application,
// which its workers share, or that of a network storage service, which all share.
func volumes(m *Manifest) map[string][]claim {
	out := map[string][]claim{}
	container := 0
	add := func(app string, mounts []Mount) {
		container++
		for _, mount := range mounts {
			switch mount.Source {
			case MountTmp:
			case MountService:
				out["service "+mount.Service] = append(out["service "+mount.Service], claim{mount, container})
			default:
				out["application "+app] = append(out["application "+app], claim{mount, container})
			}
		}
	}
	for _, a := range m.Apps {
		add(a.Name, a.Mounts)
		for _, w := range a.Workers {
			mounts := w.Mounts
			if mounts == nil {
				mounts = a.Mounts
			}
			add(a.Name, mounts)
		}
	}
	return out
}

// nestedSources warns about a directory of a volume that is mounted both by itself and as a
// part of another one. Both mounts show the same files, which an engine can only arrange
// while the outer one has none there: a container must never be given a path whose parent
// it can rename. The usual case, in which the inner mount changes nothing, has a notice of
// its own (see nested).
func (p *parser) nestedSources(m *Manifest) {
	all := volumes(m)
	for _, volume := range slices.Sorted(maps.Keys(all)) {
		bySource := map[string][]claim{}
		for _, c := range all[volume] {
			bySource[c.SourcePath] = append(bySource[c.SourcePath], c)
		}
		for _, inner := range all[volume] {
			if outer, rel, ok := outerSource(bySource, inner); ok {
				p.check.warn(inner.Pos, "nested-source", fmt.Sprintf("mount %s has its files in %s, which is inside %s of the mount %s %s",
					show(inner.Path), show(inner.SourcePath), show(outer.SourcePath), show(outer.Path), outer.Pos.from(inner.Pos)),
					fmt.Sprintf("both show the same files; a deployment is refused when %s has files at %s already", show(outer.Path), show(rel)),
					"give it a source that is inside no other one")
			}
		}
	}
}

// outerSource returns a mount whose source a mount's lies in, and where. There is none when
// the same container has the outer one around it, so that it makes no difference.
func outerSource(bySource map[string][]claim, inner claim) (outer claim, rel string, ok bool) {
	for parent := inner.SourcePath; parent != ""; {
		parent = path.Dir(parent)
		if parent == "." {
			parent = ""
		}
		for _, c := range bySource[parent] {
			below := strings.TrimPrefix(strings.TrimPrefix(inner.SourcePath, parent), "/")
			if c.container == inner.container && inner.Path == path.Join(c.Path, below) {
				return claim{}, "", false
			}
			if !ok {
				outer, rel, ok = c, below, true
			}
		}
	}
	return outer, rel, ok
}
