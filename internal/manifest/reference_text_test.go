package manifest

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// configurationFile is one file that projects have.
type configurationFile struct {
	file   string // its path
	schema string // of its JSON Schema under docs/schema
	intro  string
	shape  *shape
}

func configurationFiles() []configurationFile {
	return []configurationFile{
		{
			file: appFile, schema: "application.json", shape: applicationSchema(),
			intro: "One for each application, in its directory. `.platform.app.yaml` is read too; `.magento/applications.yaml` may list all applications instead, as a list or as a map by name, each with `source.root`.",
		},
		{
			file: ".magento/services.yaml", schema: "services.json", shape: servicesSchema(),
			intro: "The databases, caches and queues of the project, by name. The name is the identity of the data.",
		},
		{
			file: ".magento/routes.yaml", schema: "routes.json", shape: routesSchema(),
			intro: "What is served at which address. Without the file `https://{default}/` leads to the only application.",
		},
		{
			file: envFile, schema: "env.json", shape: envSchema(),
			intro: "How the shop is built and deployed, read by the toolkit in the container.",
		},
		{
			file: SluiceFile, schema: "sluice.json", shape: cloneSchema(),
			intro: "What only this platform does, in the directory of the application. Other platforms do not read the file, so the same repository works there.",
		},
	}
}

// writeReference writes docs/configuration.md: every key that the files may have, what
// becomes of it, its default and its meaning.
func writeReference(w io.Writer) error {
	var b strings.Builder
	b.WriteString(referenceIntro)
	for _, f := range configurationFiles() {
		fmt.Fprintf(&b, "\n## %s\n\n%s JSON Schema: [schema/%s](schema/%s).\n\n", f.file, f.intro, f.schema, f.schema)
		r := reference{out: &b}
		if f.file == envFile {
			r.env(f.shape)
		} else {
			r.table(f.shape)
		}
		if f.schema == "services.json" {
			b.WriteString("\n### configuration of mysql\n\n")
			r.table(mysqlSchema())
			b.WriteString("\n### configuration of opensearch and elasticsearch\n\n")
			r.table(searchSchema())
			b.WriteString("\n### configuration of redis and valkey\n\n")
			r.table(cacheServiceSchema())
			b.WriteString("\n### configuration of rabbitmq\n\n")
			r.table(queueServiceSchema())
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

const referenceIntro = `# Configuration

<!-- Generated from internal/manifest: go test ./internal/manifest -run TestReference -update -->

Every key of the configuration files. **done** is carried out; **ignored** is accepted, has
no effect and earns a notice; **refused** is an error. An unknown key is an error too. A key
without a value is the same as no key. Keys that begin with ` + "`x-`" + ` or a dot are free for anchors.

` + "`sluice validate [DIR | FILE]`" + ` checks the files without a server and exits with 1 when it finds an error;
` + "`--format json`" + ` and ` + "`--format sarif`" + ` are for programs. ` + "`sluice plan [DIR]`" + ` shows what a push would do. Editors
check and complete with the JSON Schemas below; most take the schema from a first line such as
` + "`# yaml-language-server: $schema=…/docs/schema/application.json`" + `.

The keys of one project are limited: 1,000 routes, 200 redirects with ` + "`regexp: true`" + ` and 10,000 redirects in all, 1,000
variables of a prefix, 200 mounts, crons and relationships of an application, 100 applications and 100 services, 1,000 entries of
any other list. All files together, with what aliases, merge keys and includes repeat, have at most 100,000 values.

Values may come from other files of the repository, never from outside it: ` + "`!include FILE`" + ` reads YAML,
` + "`!include {type: string, path: FILE}`" + ` text, ` + "`{type: binary, …}`" + ` Base64, and ` + "`!archive DIRECTORY`" + ` a directory as a
Base64 tar. Paths are relative to the directory of the file that has them.
`

// reference writes tables of properties.
type reference struct{ out *strings.Builder }

func (r reference) table(s *shape) {
	r.out.WriteString("| key | type | status | default | meaning |\n| --- | --- | --- | --- | --- |\n")
	r.rows("", s)
}

func (r reference) rows(path string, s *shape) {
	for _, form := range s.forms() {
		for _, p := range form.props {
			r.row(path, p)
		}
		if form.values == nil {
			continue
		}
		if form.label != "" {
			r.rows(dotted(path, "<"+form.label+">"), form.values)
		} else {
			r.rows(path+"[]", form.values)
		}
	}
}

func (r reference) row(path string, p property) {
	path = dotted(path, p.key)
	meaning := p.doc
	if p.note != "" {
		meaning = strings.TrimSpace(meaning + " — " + p.note)
	}
	if p.required {
		meaning = "Required. " + meaning
	}
	fmt.Fprintf(r.out, "| `%s` | %s | %s | %s | %s |\n", path, cell(p.shape.typeLabel()), p.currentStatus(), code(p.fallback), cell(meaning))
	if p.currentStatus() == StatusDone {
		r.rows(path, p.shape)
	}
}

// env writes the stage variables in a table of their own, since most are in several
// stages.
func (r reference) env(s *shape) {
	r.out.WriteString("| variable | type | stages | status | default | meaning |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, v := range StageVariables() {
		kind := string(v.Type)
		switch {
		case len(v.Allowed) > 0:
			kind += ": " + strings.Join(slices.Concat(v.Allowed, v.Also), ", ")
		case v.Range != nil:
			kind += fmt.Sprintf(" from %d to %d", v.Range[0], v.Range[1])
		}
		meaning := v.Doc
		if v.Magento != "" {
			meaning += " Magento " + v.Magento + "."
		}
		if v.Merge {
			meaning += " `_merge: true` changes only the given keys."
		}
		if v.Note != "" {
			meaning += " — " + v.Note
		}
		fmt.Fprintf(r.out, "| `%s` | %s | %s | %s | %s | %s |\n", v.Name, cell(kind), strings.Join(v.Stages, ", "), cmp.Or(v.Status, StatusDone), code(v.defaults()), cell(meaning))
	}
	r.out.WriteString("\n### The other keys\n\n")
	others := object()
	for _, p := range s.props {
		if p.key != "stage" {
			others.props = append(others.props, p)
		}
	}
	r.table(others)
}

// defaults prints the default, or one per stage when they differ.
func (v StageVariable) defaults() string {
	if len(v.DefaultIn) == 0 {
		return printed(v.Default)
	}
	var parts []string
	for _, stage := range v.Stages {
		parts = append(parts, stage+" "+printed(v.DefaultFor(stage)))
	}
	return strings.Join(parts, ", ")
}

// typeLabel names a type for the reference: "boolean", "list of text", "one of ...".
func (s *shape) typeLabel() string {
	var labels []string
	for _, form := range s.forms() {
		labels = append(labels, form.formLabel())
	}
	return strings.Join(labels, " or ")
}

func (s *shape) formLabel() string {
	switch {
	case len(s.allowed) > 0:
		return "one of " + strings.Join(s.allowed, ", ")
	case s.format != nil:
		return s.format.name
	case s.kinds == kindList && s.values != nil:
		return "list of " + s.values.typeLabel()
	case s.kinds == kindMap && s.values != nil:
		return "map by " + s.label
	case s.kinds == kindMap:
		return "map"
	case s.kinds == kindBool:
		return "boolean"
	case s.kinds == kindInt:
		return "integer" + s.rangeLabel()
	case s.kinds == kindText:
		return "text"
	case s.kinds == kindScalar:
		return "text or number"
	default:
		return "any"
	}
}

func (s *shape) rangeLabel() string {
	switch {
	case s.lowest != nil && s.highest != nil:
		return fmt.Sprintf(" from %d to %d", *s.lowest, *s.highest)
	case s.lowest != nil && *s.lowest > 0:
		return fmt.Sprintf(" from %d", *s.lowest)
	default:
		return ""
	}
}

func dotted(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(s, "|", `\|`) + "`"
}
