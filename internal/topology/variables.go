package topology

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"sluice/internal/contract"
	"sluice/internal/manifest"
	"sluice/internal/platform"
)

// variables is what an application sees of variables from all levels.
type variables struct {
	env  map[string]string // process environment
	php  map[string]string // php.ini directives
	rest map[string]any    // MAGENTO_CLOUD_VARIABLES
}

// stage selects the variables of one phase.
type stage int

const (
	atBuild stage = iota
	atRuntime
)

// collect applies precedence: the application's file, then the given variables in their order.
func collect(file map[string]map[string]any, vars []platform.Variable, at stage) variables {
	v := variables{env: map[string]string{}, php: map[string]string{}, rest: map[string]any{}}
	for prefix, entries := range file {
		for name, value := range entries {
			v.set(prefix, name, value)
		}
	}
	for _, x := range vars {
		if at == atBuild && !x.VisibleBuild || at == atRuntime && !x.VisibleRuntime {
			continue
		}
		prefix, name, ok := strings.Cut(x.Name, ":")
		if !ok {
			prefix, name = "", x.Name
		}
		if x.Environment != "" && !x.Enabled {
			v.unset(prefix, name)
			continue
		}
		v.set(prefix, name, valueOf(x))
	}
	return v
}

func (v variables) set(prefix, name string, value any) {
	switch prefix {
	case "env":
		v.env[strings.ToUpper(name)] = text(value)
	case "php":
		v.php[name] = text(value)
	case "":
		v.rest[name] = value
	default:
		v.rest[prefix+":"+name] = value
	}
}

func (v variables) unset(prefix, name string) {
	switch prefix {
	case "env":
		delete(v.env, strings.ToUpper(name))
	case "php":
		delete(v.php, name)
	case "":
		delete(v.rest, name)
	default:
		delete(v.rest, prefix+":"+name)
	}
}

// valueOf decodes a JSON variable; one that does not decode stays text.
func valueOf(v platform.Variable) any {
	var out any
	if v.JSON && json.Unmarshal([]byte(v.Value), &out) == nil {
		return out
	}
	return v.Value
}

// text is how a value appears in a process environment: strings as they are, anything
// else as JSON.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

// encode is how structured variables cross into a container: base64 of JSON.
func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(b)
}

// environ builds a process environment: the platform's own variables under both
// prefixes, and over them the user's.
func environ(platformVars, user map[string]string) map[string]string {
	out := map[string]string{
		"PATH": strings.Join([]string{
			contract.AppDir + "/vendor/bin",
			contract.GlobalDir + "/vendor/bin",
			contract.GlobalDir + "/node_modules/.bin",
			contract.GlobalDir + "/bin",
			"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
		}, ":"),
		"HOME":             contract.AppDir,
		"LANG":             "C.UTF-8",
		"PHP_INI_SCAN_DIR": phpDir,
	}
	for name, value := range platformVars {
		out[contract.PrefixCommerce+name] = value
		out[contract.PrefixPlatform+name] = value
	}
	maps.Copy(out, user)
	return out
}

// runtimeVariables are the platform's variables in a web or worker container.
func (r *resolver) runtimeVariables(app *manifest.Application, rels map[string][]Endpoint, rest map[string]any) map[string]string {
	out := baseVariables(r.Project, app, r.Slugs[app.Name].TreeID)
	out["APPLICATION"] = encode(applicationOf(app, r.Slugs[app.Name]))
	out["BRANCH"] = cmp.Or(r.Branch, r.Environment.Name)
	out["ENVIRONMENT"] = r.Environment.MachineName
	out["ENVIRONMENT_TYPE"] = string(r.Environment.Type)
	out["RELATIONSHIPS"] = encode(rels)
	out["ROUTES"] = encode(routeVariable(r.routes))
	out["VARIABLES"] = encode(rest)
	out["SMTP_HOST"] = ""
	if root := documentRoot(app); root != "" {
		out["DOCUMENT_ROOT"] = root
	}
	return out
}

// baseVariables are known at build and at run time.
func baseVariables(p platform.Project, app *manifest.Application, tree string) map[string]string {
	return map[string]string{
		"APPLICATION_NAME": app.Name,
		"APP_DIR":          contract.AppDir,
		"PROJECT":          p.ID,
		"PROJECT_ENTROPY":  exposedEntropy(p.Entropy),
		"TREE_ID":          tree,
	}
}

func documentRoot(app *manifest.Application) string {
	for _, l := range app.Web.Locations {
		if l.Path == "/" && l.Root != "" {
			return joinApp(l.Root)
		}
	}
	return ""
}

// joinApp returns the absolute path of a directory of the application.
func joinApp(rel string) string {
	rel = strings.Trim(rel, "/")
	if rel == "" || rel == "." {
		return contract.AppDir
	}
	return contract.AppDir + "/" + rel
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
