package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// The names of an application's file; the first one wins in a directory that has both.
const (
	appFile      = ".magento.app.yaml"
	otherAppFile = ".platform.app.yaml"
	appsFile     = "applications.yaml"
)

// applications finds and reads all applications: the list in the
// configuration directory, or else one file in each directory.
func (p *parser) applications() []*Application {
	var apps []*Application
	if file := p.configFile(appsFile); file != "" {
		apps = p.applicationList(file)
	}
	for _, file := range p.applicationFiles() {
		n := p.document(file)
		if n == nil {
			continue
		}
		if !n.given() {
			p.check.fail(n.pos, "empty-file", "the file is empty", "an application needs a name and a type", "")
			continue
		}
		apps = append(apps, p.application(n, file, path.Dir(file), ""))
	}
	apps = slices.DeleteFunc(apps, func(a *Application) bool { return a == nil })
	p.distinct(apps)
	if len(apps) == 0 && !p.list.HasErrors() {
		p.noApplication()
	}
	return apps
}

func (p *parser) noApplication() {
	d := Diagnostic{
		Pos: Position{File: appFile}, Severity: SeverityError, Rule: "no-application",
		Message: "the project has no application", Why: "there is no " + appFile, Fix: "add one at the top of the repository",
	}
	if p.exists(upsunFile) {
		d.Why += ", and " + upsunFile + " is not read"
		d.Fix = "write what it says into " + appFile + ", .magento/services.yaml and .magento/routes.yaml"
	}
	if p.check.opts.Only != "" {
		return
	}
	if p.check.opts.Partial {
		d.Severity = SeverityNotice
	}
	p.add(d)
}

// applicationList reads applications.yaml, a list or a map by name.
func (p *parser) applicationList(file string) []*Application {
	n := p.document(file)
	if !n.given() {
		return nil
	}
	p.check.bounded(n, maxApplications, "")
	var apps []*Application
	switch n.kind {
	case kindList:
		for i, item := range n.items {
			apps = append(apps, p.application(item, file, ".", fmt.Sprintf("[%d]", i)))
		}
	case kindMap:
		for _, e := range n.entries {
			if !forAnchors(e.key) {
				apps = append(apps, p.application(withName(e), file, ".", below("", e.key)))
			}
		}
	default:
		p.check.fail(n.pos, "wrong-type", "the file must be a list or a map of applications, not "+n.describe(), "", "")
	}
	return apps
}

// withName gives an application of a map its key as name.
func withName(e entry) *node {
	if !e.value.isMap() || e.value.get("name").given() {
		return e.value
	}
	named := *e.value
	name := &node{pos: e.pos, kind: kindText, text: e.key, value: e.key}
	named.entries = append([]entry{{key: "name", pos: e.pos, value: name}}, named.entries...)
	return &named
}

// application reads one application; at is where it is in the file, empty for a file of its
// own.
func (p *parser) application(n *node, file, dir, at string) *Application {
	p.check.matches(n, applicationShape(), at)
	if !n.isMap() {
		return nil
	}
	root := dir
	if r := n.at("source", "root"); r.given() {
		root = cmp.Or(cleanPath(r.str()), ".")
	}
	a := decodeApplication(n, file, root)
	if _, found := p.apps[a.Name]; !found {
		p.apps[a.Name] = n
	}
	a.PHPIni = p.phpIni(root)
	return a
}

// phpIni reads php.ini at the application's root.
func (p *parser) phpIni(root string) string {
	name := path.Join(root, "php.ini")
	data, err := p.file(name)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		p.add(unreadable(Position{File: name}, name, err))
		return ""
	}
	return string(data)
}

// distinct reports applications with the same name.
func (p *parser) distinct(apps []*Application) {
	first := map[string]*Application{}
	for _, a := range apps {
		switch other := first[a.Name]; {
		case other == nil:
			first[a.Name] = a
		case a.Name != "":
			p.check.fail(a.Pos, "duplicate-application", "a second application has the name "+show(a.Name), "the first one is at "+other.Pos.String(), "rename one of them")
		}
	}
}

// applicationFiles returns the application files of the tree, sorted; it does not look
// into dependencies and hidden directories.
func (p *parser) applicationFiles() []string {
	if only := p.check.opts.Only; only != "" {
		if base := path.Base(only); base == appFile || base == otherAppFile {
			return []string{only}
		}
		return nil
	}
	byDir := map[string]string{}
	directories := 0
	err := fs.WalkDir(p.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && name == ".":
			return err
		case err != nil:
			return fs.SkipDir
		case d.IsDir():
			if directories++; directories > maxDirectories {
				return fmt.Errorf("more than %d directories", maxDirectories)
			}
			return skipped(name, d)
		case d.Name() != appFile && d.Name() != otherAppFile:
			return nil
		}
		dir := path.Dir(name)
		if previous := byDir[dir]; previous != "" { // .magento sorts before .platform
			p.check.warn(Position{File: name}, "second-file", "the file is not read", previous+" is", "remove one of them")
			return nil
		}
		byDir[dir] = name
		return nil
	})
	if err != nil {
		p.check.fail(Position{File: "."}, "unreadable-tree", "the tree cannot be searched for applications", err.Error(), "")
	}
	files := make([]string, 0, len(byDir))
	for _, file := range byDir {
		files = append(files, file)
	}
	slices.SortFunc(files, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")), cmp.Compare(a, b))
	})
	if len(files) > maxApplications {
		p.check.fail(Position{File: files[maxApplications]}, "too-many-entries", fmt.Sprintf("the project has %d applications, more than %d", len(files), maxApplications), "", "")
		files = files[:maxApplications]
	}
	return files
}

func skipped(name string, d fs.DirEntry) error {
	switch {
	case name == ".":
		return nil
	case strings.HasPrefix(d.Name(), "."), d.Name() == "vendor", d.Name() == "node_modules":
		return fs.SkipDir
	default:
		return nil
	}
}
