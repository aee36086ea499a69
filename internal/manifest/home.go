package manifest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// The directories that configuration files may lie in, the one that wins first.
func configDirs() []string { return []string{".magento", ".platform"} }

// configFile returns the path of a file in the configuration directory; empty when there is
// none.
func (p *parser) configFile(name string) string {
	for _, dir := range configDirs() {
		if file := dir + "/" + name; p.reads(file) && p.exists(file) {
			return file
		}
	}
	return ""
}

// home is where a file of the configuration directory is or would be: messages name the
// project's own directory, since a second one would take precedence.
func (p *parser) home(name string) string {
	if file := p.configFile(name); file != "" {
		return file
	}
	for _, dir := range configDirs() {
		if p.exists(dir) {
			return dir + "/" + name
		}
	}
	for _, n := range p.apps {
		if path.Base(n.pos.File) == otherAppFile {
			return ".platform/" + name
		}
	}
	return ".magento/" + name
}

// directories warns about configuration files that are not read: those of a second
// configuration directory, and those of Upsun.
func (p *parser) directories() {
	if p.check.opts.Only != "" {
		return
	}
	var read, unread []string
	for _, name := range []string{appsFile, "routes.yaml", "services.yaml"} {
		for _, dir := range configDirs() {
			switch file := dir + "/" + name; {
			case !p.exists(file):
			case file == p.configFile(name):
				read = append(read, file)
			default:
				unread = append(unread, file)
			}
		}
	}
	mixed := slices.ContainsFunc(read, func(f string) bool { return path.Dir(f) != path.Dir(read[0]) })
	if len(unread) > 0 || mixed {
		why := strings.Join(read, " and ") + verb(len(read), " is read", " are read")
		if len(unread) > 0 {
			why += ", " + strings.Join(unread, " and ") + verb(len(unread), " is not", " are not")
		}
		second := slices.DeleteFunc(append(unread, read...), func(f string) bool { return path.Dir(f) == configDirs()[0] })
		p.check.warn(Position{File: second[0]}, "second-directory", "there are files in .magento and in .platform", why, "put all of them into .magento")
	}
	if p.exists(upsunFile) && len(p.apps) > 0 {
		p.check.warn(Position{File: upsunFile}, "second-file", "the file is not read", "the other configuration files are", "remove it, or move what it says to them")
	}
}

// upsunFile has all of a project's configuration in another format.
const upsunFile = ".upsun/config.yaml"

func verb(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}

// withoutAnchors drops the top-level keys that are free for anchors.
func (n *node) withoutAnchors() *node {
	if !n.isMap() || !slices.ContainsFunc(n.entries, func(e entry) bool { return forAnchors(e.key) }) {
		return n
	}
	rest := *n
	rest.entries = slices.DeleteFunc(slices.Clone(n.entries), func(e entry) bool { return forAnchors(e.key) })
	return &rest
}

// noServices reports relationships to services while there is no services.yaml: one mistake,
// not one for each relationship.
func (p *parser) noServices(m *Manifest) bool {
	if p.services != nil || p.configFile("services.yaml") != "" || p.check.opts.Partial {
		return false
	}
	var names []string
	var first Position
	need := func(rels []Relationship, n *node) {
		for _, r := range rels {
			if m.App(r.Service) == nil && !slices.Contains(names, r.Service) {
				if names = append(names, r.Service); len(names) == 1 {
					first = n.place(r.Name)
				}
			}
		}
	}
	for _, a := range m.Apps {
		need(a.Relationships, p.apps[a.Name].get("relationships"))
		for _, w := range a.Workers {
			need(w.Relationships, p.apps[a.Name].at("workers", w.Name, "relationships"))
		}
	}
	if len(names) == 0 {
		return false
	}
	file := p.home("services.yaml")
	p.check.fail(first, "no-services-file", fmt.Sprintf("there is no %s; the relationships need %s", file, clip(join(names, "and"), 200)), "", "add the file with these services, or remove the relationships")
	return true
}
