package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/catalog"
)

// checkApplication checks what concerns several keys of an application.
func checkApplication(c *checker, n *node, _ string) {
	name, version := splitEndpoint(n.get("type").str())
	if c.opts.Catalog == nil {
		return
	}
	rt, ok := c.opts.Catalog.Runtime(name, version)
	if !ok {
		c.ignoredExtensions(n, nearestRuntime(c.opts.Catalog, name, version))
		return
	}
	known := make([]string, 0, len(rt.Extensions))
	for e := range rt.Extensions {
		known = append(known, e)
	}
	for _, item := range n.at("runtime", "extensions").list() {
		c.extension(item, rt, known)
	}
	for _, item := range n.at("runtime", "disabled_extensions").list() {
		switch e, ok := rt.Extensions[item.str()]; {
		case !ok:
			c.warn(item.pos, "unknown-extension", fmt.Sprintf("%s:%s has no extension %s", rt.Name, rt.Version, show(item.str())), "there is nothing to disable", closestOnly(item.str(), known))
		case e.Always:
			c.notice(item.pos, "ignored-value", fmt.Sprintf("extension %s cannot be disabled", show(item.str())), "it is always on", "")
		}
	}
}

// nearestRuntime is the runtime that a project with an unknown version will probably move
// to: the next one, or the last. It is the zero value for an unknown name.
func nearestRuntime(cat *catalog.Catalog, name, version string) catalog.Runtime {
	var nearest catalog.Runtime
	for _, v := range cat.RuntimeVersions(name) {
		nearest, _ = cat.Runtime(name, v)
		if strings.HasPrefix(version, v+".") || catalog.CompareVersions(v, version) > 0 {
			break
		}
	}
	return nearest
}

// ignoredExtensions notices extensions that have no effect in a runtime, and nothing else: the
// version is still to be changed.
func (c *checker) ignoredExtensions(n *node, rt catalog.Runtime) {
	for _, item := range n.at("runtime", "extensions").list() {
		if e, ok := rt.Extensions[cmp.Or(item.get("name").str(), item.str())]; ok && e.Ignored != "" {
			c.extension(item, rt, nil)
		}
	}
}

// removedExtension says since which version of PHP it has no longer had an extension.
func removedExtension(name string) string {
	switch name {
	case "imap", "pspell", "oci8", "pdo_oci":
		return "8.4"
	case "xmlrpc":
		return "8.0"
	case "interbase", "recode", "wddx":
		return "7.4"
	case "mcrypt":
		return "7.2"
	}
	return ""
}

func (c *checker) extension(item *node, rt catalog.Runtime, known []string) {
	name, pos := item.str(), item.pos
	if item.isMap() {
		name, pos = item.get("name").str(), item.place("name")
	}
	switch e, ok := rt.Extensions[name]; {
	case name == "":
	case !ok:
		message, fix := fmt.Sprintf("%s:%s has no extension %s", rt.Name, rt.Version, show(name)), closestOnly(name, known)
		if since := removedExtension(name); since != "" && catalog.CompareVersions(rt.Version, since) >= 0 {
			message, fix = message+", which left PHP in "+since, "remove it"
		}
		c.catalogued(pos, "unknown-extension", message, fix)
	case e.Ignored != "":
		c.notice(pos, "ignored-value", fmt.Sprintf("extension %s has no effect here", show(name)), e.Ignored, "")
	}
}

// checkRuntime compares an application's type with the catalog.
func checkRuntime(c *checker, n *node, _ string) {
	name, version := splitEndpoint(n.str())
	cat := c.opts.Catalog
	if name == "composable" {
		c.fail(n.pos, "refused-value", "type composable is not supported", "composable images need Nix", "use a runtime such as php:8.2")
		return
	}
	if cat == nil {
		if version == "" && typePattern.MatchString(n.str()) {
			c.fail(n.pos, "no-version", "type "+show(n.text)+" has no version", "", `write it as "php:8.2"`)
		}
		return
	}
	_, ok := cat.Runtime(name, version)
	if c.inCatalog(n, "runtime", ok, cat.RuntimeVersions(name), cat.RuntimeNames()) && version == "" {
		c.fail(n.pos, "no-version", "type "+show(n.text)+" has no version", "", "write one of "+strings.Join(cat.RuntimeVersions(name), ", ")+" after a colon")
	}
}

// checkServiceType compares a service's type with the catalog.
func checkServiceType(c *checker, n *node, path string) {
	written, version := splitEndpoint(n.str())
	name, cat := canonicalType(written), c.opts.Catalog
	if cat == nil || name == varnish {
		return
	}
	_, ok := cat.Service(name, version)
	if c.inCatalog(n, "service type", ok, cat.ServiceVersions(name), cat.ServiceTypes()) && version == "" {
		used := written + ":" + c.newest(name)
		c.warn(n.pos, "no-version", fmt.Sprintf("%s has no version; %s is used", path, used), "another catalog may have a newer one", "write "+used+", so that it stays")
	}
}

// inCatalog reports a type or a version that the catalog lacks. It returns true for a type
// that the catalog has, in the version that is written, if any.
func (c *checker) inCatalog(n *node, what string, hasVersion bool, versions, names []string) bool {
	name, version := splitEndpoint(n.str())
	switch malformed, _ := typeFormat("").wrong(n.str()); {
	case malformed != "":
	case len(versions) == 0:
		c.catalogued(n.pos, ruleUnknownType, fmt.Sprintf("unknown %s %s", what, show(name)), didYouMean(name, names))
	case version != "" && !hasVersion:
		c.catalogued(n.pos, ruleUnknownVersion, "there is no "+show(n.text), versionFix(name, version, versions))
	default:
		return true
	}
	return false
}

// newest is the version of a service without one: the last that the catalog has. It depends
// on nothing else, so that every program takes the same.
func (c *checker) newest(service string) string {
	if c.opts.Catalog == nil {
		return ""
	}
	versions := slices.DeleteFunc(c.opts.Catalog.ServiceVersions(service), func(v string) bool { return strings.HasSuffix(v, "x") })
	if len(versions) == 0 {
		return ""
	}
	return versions[len(versions)-1]
}

// The rules about what the catalog lacks.
const (
	ruleUnknownType    = "unknown-type"
	ruleUnknownVersion = "unknown-version"
)

// NotInCatalog reports whether the finding is about a type or a version that the catalog
// lacks: with Options.AllowUnknownVersions it is a warning, and a push is refused for it.
func (d Diagnostic) NotInCatalog() bool {
	return d.Rule == ruleUnknownType || d.Rule == ruleUnknownVersion
}

// catalogued reports something that the catalog lacks.
func (c *checker) catalogued(pos Position, rule, message, fix string) {
	d := Diagnostic{Pos: pos, Severity: SeverityError, Rule: rule, Message: message, Why: "it is not in the catalog of this installation", Fix: fix}
	if rule == ruleUnknownVersion {
		d.Why += ", where an operator can add it"
	}
	if c.opts.AllowUnknownVersions {
		d.Severity = SeverityWarning
	}
	c.add(d)
}

// versionFix names the versions that there are, first the one that was probably meant: that
// of the same series ("8.2" for "8.2.10"), else the one above.
func versionFix(name, version string, versions []string) string {
	for _, v := range versions {
		if strings.HasPrefix(version, v+".") || catalog.CompareVersions(v, version) > 0 {
			return fmt.Sprintf("write %q, or one of %s", name+":"+v, strings.Join(versions, ", "))
		}
	}
	return "use one of " + strings.Join(versions, ", ")
}

// checkVariables checks the names of environment variables, and looks for secrets in all.
func checkVariables(c *checker, n *node, path string) {
	c.secrets(n, path, asVariable)
	env := n.get("env")
	if !env.isMap() {
		return
	}
	for _, e := range env.entries {
		if !variablePattern.MatchString(e.key) {
			c.warn(e.pos, "odd-variable", below(path+".env", e.key)+" is not a name that shells know", "programs may not see it", "use letters, digits and _")
		}
	}
}
