package manifest

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"
)

// The decode functions turn checked documents into the manifest. They take whatever has
// the right kind and leave the rest empty, so that one mistake does not hide others.

// The defaults of a cron.
const (
	cronShutdown = 10 * time.Second
	cronTimeout  = 24 * time.Hour
)

func decodeApplication(n *node, file, root string) *Application {
	t := decodeType(n.get("type"))
	a := &Application{
		Pos:           n.place("name"),
		File:          file,
		Root:          root,
		Name:          n.get("name").str(),
		Type:          t,
		Size:          n.get("size").str(),
		Disk:          n.get("disk").number(0),
		Flavor:        cmp.Or(n.at("build", "flavor").str(), defaultFlavor(t.Name)),
		Dependencies:  decodeDependencies(n.get("dependencies")),
		Extensions:    extensionNames(n.at("runtime", "extensions")),
		Disabled:      n.at("runtime", "disabled_extensions").strings(),
		FPMTimeout:    n.at("runtime", "request_terminate_timeout").number(0),
		SizingHints:   decodeSizingHints(n.at("runtime", "sizing_hints")),
		Relationships: decodeRelationships(n.get("relationships")),
		Mounts:        decodeMounts(n.get("mounts")),
		Web:           decodeWeb(n.get("web"), t.Name),
		Workers:       decodeWorkers(n.get("workers")),
		Hooks:         Hooks{Build: n.at("hooks", "build").str(), Deploy: n.at("hooks", "deploy").str(), PostDeploy: n.at("hooks", "post_deploy").str()},
		Crons:         decodeCrons(n.get("crons")),
		Variables:     decodeVariables(n.get("variables")),
		Timezone:      cmp.Or(n.get("timezone").str(), "UTC"),
		AccessSSH:     cmp.Or(n.at("access", "ssh").str(), "contributor"),
		Hosts:         n.get("additional_hosts").texts(),
		Firewall:      decodeFirewall(n.at("firewall", "outbound")),
		Raw:           n.mapping(),
	}
	a.overrideFromWeb(n.get("web"))
	return a
}

// overrideFromWeb applies the keys that the web section may override as a whole.
func (a *Application) overrideFromWeb(web *node) {
	if v := web.get("relationships"); v.given() {
		a.Relationships = decodeRelationships(v)
	}
	if v := web.get("mounts"); v.given() {
		a.Mounts = decodeMounts(v)
	}
	if v := web.get("variables"); v.given() {
		a.Variables = decodeVariables(v)
	}
	if v, ok := web.get("disk").num(); ok {
		a.Disk = v
	}
}

func decodeType(n *node) VersionedType {
	name, version := splitEndpoint(n.str())
	return VersionedType{Name: name, Version: version}
}

func defaultFlavor(runtime string) string {
	if runtime == "php" {
		return "composer"
	}
	return "none"
}

func decodeDependencies(n *node) []Dependency {
	var out []Dependency
	if !n.isMap() {
		return nil
	}
	for _, language := range n.entries {
		packages := language.value
		if require := packages.get("require"); require.isMap() {
			packages = require
		}
		if !packages.isMap() {
			continue
		}
		for _, e := range packages.entries {
			out = append(out, Dependency{Language: canonicalLanguage(language.key), Package: e.key, Constraint: cmp.Or(e.value.str(), "*")})
		}
	}
	return out
}

func canonicalLanguage(name string) string {
	if name == "python" {
		return "python3"
	}
	return name
}

// extensionNames reads extensions, which are names or maps with a name.
func extensionNames(n *node) []string {
	var out []string
	for _, item := range n.list() {
		if name := cmp.Or(item.get("name").str(), item.str()); name != "" {
			out = append(out, name)
		}
	}
	return out
}

func decodeSizingHints(n *node) SizingHints {
	return SizingHints{RequestMemory: n.get("request_memory").number(45), ReservedMemory: n.get("reserved_memory").number(70)}
}

// decodeRelationships reads the three notations; the endpoint stays empty when it is not
// written.
func decodeRelationships(n *node) []Relationship {
	if !n.isMap() {
		return nil
	}
	out := make([]Relationship, 0, len(n.entries))
	for _, e := range n.entries {
		r := Relationship{Pos: e.pos, Name: e.key}
		if e.value.isMap() {
			r.Service, r.Endpoint = e.value.get("service").str(), e.value.get("endpoint").str()
		} else {
			r.Service, r.Endpoint = splitEndpoint(e.value.str())
		}
		r.Service = cmp.Or(r.Service, e.key)
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b Relationship) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func decodeMounts(n *node) []Mount {
	if !n.isMap() {
		return nil
	}
	out := make([]Mount, 0, len(n.entries))
	for _, e := range n.entries {
		m := Mount{Pos: e.pos, Path: cleanPath(e.key)}
		if e.value.isMap() {
			m.decode(e.value)
		} else {
			m.Source = MountLocal
			m.SourcePath, _ = parseMount(e.value.str())
		}
		out = append(out, m)
	}
	slices.SortStableFunc(out, func(a, b Mount) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

func (m *Mount) decode(n *node) {
	m.Source = MountSource(n.get("source").str())
	if m.Source == "temporary" {
		m.Source = MountTmp
	}
	m.Service = n.get("service").str()
	m.SourcePath = m.Path
	if p := n.get("source_path"); p.given() {
		m.SourcePath = cleanPath(p.str())
	}
}

// holds reports whether another mount's files are in this one's directory.
func (m *Mount) holds(other *Mount) bool {
	if m.Source != other.Source || m.Service != other.Service {
		return false
	}
	return m.SourcePath == "" || other.SourcePath == m.SourcePath || strings.HasPrefix(other.SourcePath, m.SourcePath+"/")
}

// parseMount reads "shared:files/var" and returns the
// directory in the volume.
func parseMount(text string) (sourcePath string, ok bool) {
	volume, directory, colon := strings.Cut(text, ":")
	if volume != "shared" || !colon || hasDotDot(directory) || len(directory) > maxPathBytes {
		return "", false
	}
	return cleanPath(directory), true
}

// cleanPath normalises a path below a root: no slash at its ends, empty for the root.
func cleanPath(p string) string {
	return strings.TrimPrefix(path.Clean("/"+p), "/")
}

func decodeWorkers(n *node) []Worker {
	if !n.isMap() {
		return nil
	}
	out := make([]Worker, 0, len(n.entries))
	for _, e := range n.entries {
		commands := decodeCommands(e.value.get("commands"))
		w := Worker{
			Pos: e.pos, Name: e.key,
			Start: commands.start, PreStart: commands.pre, PostStart: commands.post,
			Size: e.value.get("size").str(), Disk: e.value.get("disk").number(0),
		}
		if v := e.value.get("relationships"); v.given() {
			w.Relationships = decodeRelationships(v)
		}
		if v := e.value.get("mounts"); v.given() {
			w.Mounts = decodeMounts(v)
		}
		if v := e.value.get("variables"); v.given() {
			w.Variables = decodeVariables(v)
		}
		out = append(out, w)
	}
	slices.SortStableFunc(out, func(a, b Worker) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

type commands struct{ start, pre, post string }

// decodeCommands reads a commands section; a text is the start command.
func decodeCommands(n *node) commands {
	if !n.isMap() {
		return commands{start: n.str()}
	}
	return commands{start: n.get("start").str(), pre: n.get("pre_start").str(), post: n.get("post_start").str()}
}

func decodeCrons(n *node) []Cron {
	if !n.isMap() {
		return nil
	}
	out := make([]Cron, 0, len(n.entries))
	for _, e := range n.entries {
		out = append(out, Cron{
			Pos:             e.pos,
			Name:            e.key,
			Spec:            e.value.get("spec").str(),
			Start:           cmp.Or(decodeCommands(e.value.get("commands")).start, e.value.get("cmd").str()),
			Stop:            e.value.at("commands", "stop").str(),
			ShutdownTimeout: seconds(e.value.get("shutdown_timeout"), cronShutdown),
			Timeout:         seconds(e.value.get("timeout"), cronTimeout),
		})
	}
	slices.SortStableFunc(out, func(a, b Cron) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func seconds(n *node, fallback time.Duration) time.Duration {
	if v, ok := n.num(); ok && v >= 0 && v <= int(cronTimeout/time.Second) {
		return time.Duration(v) * time.Second
	}
	return fallback
}

func decodeVariables(n *node) map[string]map[string]any {
	if !n.isMap() {
		return nil
	}
	out := make(map[string]map[string]any, len(n.entries))
	for _, e := range n.entries {
		if e.value.isMap() {
			out[e.key] = e.value.mapping()
		}
	}
	return out
}

func decodeFirewall(n *node) []FirewallRule {
	var out []FirewallRule
	for _, item := range n.list() {
		rule := FirewallRule{IPs: item.get("ips").strings(), Domains: item.get("domains").strings()}
		for _, port := range item.get("ports").list() {
			if v, ok := port.num(); ok {
				rule.Ports = append(rule.Ports, v)
			}
		}
		out = append(out, rule)
	}
	return out
}
