package manifest

import (
	"io/fs"
	"path"
)

// SluiceFile is the file, at an application's root, for what only this platform does. Other
// platforms do not know it, so that a repository that has it is deployed by them as before:
// they refuse or ignore unknown keys in the files that they know, but not unknown files.
const SluiceFile = ".sluice.yaml"

// Clone is what happens to data that an environment gets from another one.
type Clone struct {
	// Hook is a script that runs in the new environment after its data was sanitised and
	// before its first request; empty when the project has none.
	Hook     string
	Sanitize Sanitize
}

// Sanitize is how data:sanitize treats the project's data; the zero value is the default.
type Sanitize struct {
	KeepStaff     []string                 // e-mail addresses of administrators who keep name, address and role
	KeepCustomers []string                 // e-mail domains whose customers stay as they are
	Tables        map[string]SanitizeTable // by name, without the prefix
	Config        map[string]string        // configuration path -> value; ConfigKeep for what is there
	Unknown       string                   // UnknownFail when not given
}

// SanitizeTable is what is done with a table: a treatment, or rules by column.
type SanitizeTable struct {
	Treatment string // TableClear, TableKeep; empty when there are columns
	Columns   map[string]string
}

// What is done with tables and columns that look personal and that no rule names.
const (
	UnknownFail  = "fail"  // nothing is changed, and the environment does not open
	UnknownClear = "clear" // they are emptied
	UnknownFake  = "fake"  // by what they look like
	UnknownWarn  = "warn"  // they stay, and are named in the log
)

// Treatments of tables, and of configuration paths.
const (
	TableClear = "clear"
	TableKeep  = "keep"
	ConfigKeep = "keep"
)

// cloneSchema is .sluice.yaml.
func cloneSchema() *shape {
	rule := formatted(patternFormat("table", `^[A-Za-z0-9_]+$`, "names of tables and columns have letters, digits and _"))
	tables := mapOf("table", oneOf(TableClear, TableKeep).or(mapOf("column", formatted(patternFormat("rule", `^[a-z]+$`, "a rule is one word")).named(rule.format)))).named(rule.format)
	sanitize := object(
		property{key: "unknown", shape: oneOf(UnknownFail, UnknownClear, UnknownFake, UnknownWarn), fallback: UnknownFail, doc: "What is done with tables and columns that look personal and that no rule names: refuse the clone and name them, empty them, rewrite them by what they look like, or only name them."},
		property{key: "tables", shape: tables, doc: "Tables by name without prefix: `clear`, `keep`, or a rule for each column: email, given, family, name, street, city, postcode, company, phone, birth, text, none, zero, hash or code."},
		property{key: "config", shape: mapOf("path", scalar()).named(patternFormat("configuration path", `^[A-Za-z0-9_-]+(/[A-Za-z0-9_.-]+)+$`, "a path has its parts separated by /")), doc: "Configuration paths that are set to a value, or `keep` what they have."},
		property{key: "keep_staff", shape: listOf(formatted(patternFormat("e-mail address", `^[^@\s]+@[^@\s]+$`, "an e-mail address is needed"))), doc: "Addresses of administrators who keep their name, address and role. Passwords are removed from all accounts."},
		property{key: "keep_customers", shape: listOf(formatted(patternFormat("domain", `^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`, "a domain is needed, such as agency.example"))), doc: "Domains of e-mail addresses; their customers stay as they are, with orders and addresses."},
	)
	clone := object(
		property{key: "hook", shape: text(), doc: "A script that runs in the new environment after its data was sanitised, before its first request. When it fails, the environment does not open."},
		property{key: "sanitize", shape: sanitize, doc: "How `ece-tools data:sanitize` treats the data."},
	)
	return object(
		property{key: "clone", doc: "What happens to data that an environment gets from another one.", shape: clone},
		property{key: "rehearse", doc: "What a rehearsal of a deployment looks at.", shape: rehearseSchema()},
	)
}

// ParseClone reads only .sluice.yaml, for programs inside a container. It returns nil with an
// error among the diagnostics, and the zero value when there is no such file.
func ParseClone(fsys fs.FS) (*Clone, Diagnostics) {
	p := newParser(fsys, Options{Partial: true})
	c := decodeClone(p.sluiceFile(SluiceFile).get("clone"))
	found := p.sorted()
	if found.HasErrors() {
		return nil, found
	}
	return &c, found
}

// sluiceFile returns the checked document; nil, of which everything is empty, when there is none.
func (p *parser) sluiceFile(file string) *node {
	if !p.reads(file) {
		return nil
	}
	n := p.document(file)
	if n == nil {
		return nil
	}
	n = n.withoutAnchors()
	p.check.matches(n, cloneShape(), "")
	return n
}

func decodeClone(n *node) Clone {
	s := n.get("sanitize")
	c := Clone{Hook: n.get("hook").str(), Sanitize: Sanitize{
		KeepStaff: s.get("keep_staff").strings(), KeepCustomers: s.get("keep_customers").strings(),
		Config: s.get("config").texts(), Unknown: s.get("unknown").str(),
	}}
	if tables := s.get("tables"); tables.isMap() {
		c.Sanitize.Tables = map[string]SanitizeTable{}
		for _, e := range tables.entries {
			table := SanitizeTable{Treatment: e.value.str()}
			if e.value.isMap() {
				table.Columns = e.value.texts()
			}
			c.Sanitize.Tables[e.key] = table
		}
	}
	return c
}

// applicationClones reads the file at the root of each application. A hook is a script for
// a container, so it is checked as the other hooks are.
func (p *parser) applicationClones(m *Manifest) {
	byRoot := map[string]*node{}
	for _, a := range m.Apps {
		n, read := byRoot[a.Root]
		if !read {
			n = p.sluiceFile(path.Join(a.Root, SluiceFile))
			byRoot[a.Root] = n
		}
		a.Clone, a.Rehearse = decodeClone(n.get("clone")), decodeRehearse(n.get("rehearse"))
	}
	if file := p.check.opts.Only; path.Base(file) == SluiceFile { // alone: no application is read
		p.sluiceFile(file)
	}
}
