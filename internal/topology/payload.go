package topology

import (
	"fmt"
	"maps"
	"time"

	"sluice/internal/manifest"
	"sluice/internal/platform"
)

// routeVariable is the content of the routes variable: URL to route.
func routeVariable(routes []platform.Route) map[string]any {
	out := map[string]any{}
	for _, r := range routes {
		entry := map[string]any{
			"primary":        r.Primary,
			"id":             nullable(r.ID),
			"production_url": nullable(r.ProductionURL),
			"attributes":     orEmpty(r.Attributes),
			"type":           string(r.Type),
			"original_url":   r.OriginalURL,
		}
		if r.Type == platform.RouteRedirect {
			entry["to"] = r.To
		} else {
			maps.Copy(entry, upstreamFields(r))
		}
		out[r.URL] = entry
	}
	return out
}

func upstreamFields(r platform.Route) map[string]any {
	paths := map[string]any{}
	for _, p := range r.Redirects {
		paths[p.Path] = map[string]any{
			"to": p.To, "regexp": p.Regexp, "prefix": p.Prefix,
			"append_suffix": p.AppendSuffix, "code": p.Code, "expires": nullable(p.Expires),
		}
	}
	return map[string]any{
		"upstream": r.Upstream,
		"cache": map[string]any{
			"enabled": r.Cache.Enabled, "default_ttl": r.Cache.DefaultTTL,
			"cookies": orNone(r.Cache.Cookies), "headers": orNone(r.Cache.Headers),
		},
		"ssi": map[string]any{"enabled": r.SSI},
		"tls": map[string]any{
			"strict_transport_security": map[string]any{
				"enabled": r.HSTS.Enabled, "include_subdomains": r.HSTS.IncludeSubdomains, "preload": r.HSTS.Preload,
			},
			"min_version": nullable(r.TLS.MinVersion), "client_authentication": nullable(string(r.TLS.ClientAuth)),
			"client_certificate_authorities": orNone(r.TLS.ClientCAs),
		},
		"redirects":       map[string]any{"expires": "-1s", "paths": paths},
		"sticky":          map[string]any{"enabled": false},
		"restrict_robots": false,
		"http_access":     map[string]any{"addresses": []string{}, "basic_auth": map[string]string{}},
	}
}

// applicationOf is the content of the application variable: the app file as given, with
// the parts that programs look up in normal form.
func applicationOf(app *manifest.Application, slug platform.Slug) map[string]any {
	out := map[string]any{}
	maps.Copy(out, app.Raw)
	out["name"] = app.Name
	out["type"] = app.Type.String()
	out["disk"] = app.Disk
	out["mounts"] = mountsOf(app.Mounts)
	out["relationships"] = relationshipStrings(app.Relationships)
	out["hooks"] = map[string]any{
		"build": nullable(app.Hooks.Build), "deploy": nullable(app.Hooks.Deploy), "post_deploy": nullable(app.Hooks.PostDeploy),
	}
	out["web"] = map[string]any{"locations": locationsOf(app.Web.Locations), "move_to_root": false}
	out["runtime"] = map[string]any{"extensions": orNone(app.Extensions), "disabled_extensions": orNone(app.Disabled)}
	out["tree_id"] = slug.TreeID
	out["slug_id"] = slug.Key
	out["app_dir"] = joinApp("")
	for _, key := range []string{"workers", "dependencies", "variables", "crons"} {
		if out[key] == nil {
			out[key] = map[string]any{}
		}
	}
	if out["build"] == nil {
		out["build"] = map[string]any{"flavor": app.Flavor}
	}
	return out
}

func mountsOf(mounts []manifest.Mount) map[string]any {
	out := map[string]any{}
	for _, m := range mounts {
		entry := map[string]any{"source": string(m.Source), "source_path": m.SourcePath}
		if m.Service != "" {
			entry["service"] = m.Service
		}
		out["/"+m.Path] = entry
	}
	return out
}

func relationshipStrings(rels []manifest.Relationship) map[string]string {
	out := map[string]string{}
	for _, r := range rels {
		out[r.Name] = r.Service + ":" + r.Endpoint
	}
	return out
}

func locationsOf(locations []manifest.Location) map[string]any {
	out := map[string]any{}
	for _, l := range locations {
		rules := map[string]any{}
		for _, r := range l.Rules {
			rules[r.Pattern] = ruleFields(r.LocationRule)
		}
		entry := ruleFields(l.LocationRule)
		entry["root"] = nullable(l.Root)
		entry["index"] = orNone(l.Index)
		entry["rules"] = rules
		out[l.Path] = entry
	}
	return out
}

func ruleFields(r manifest.LocationRule) map[string]any {
	out := map[string]any{}
	if r.Passthru != nil {
		out["passthru"] = passthruValue(*r.Passthru)
	}
	if r.Expires != nil {
		out["expires"] = seconds(*r.Expires)
	}
	if r.Allow != nil {
		out["allow"] = *r.Allow
	}
	if r.Scripts != nil {
		out["scripts"] = *r.Scripts
	}
	if r.Headers != nil {
		out["headers"] = r.Headers
	}
	return out
}

func passthruValue(p string) any {
	switch p {
	case "":
		return false
	case "/":
		return true
	default:
		return p
	}
}

// seconds is how durations are written in normal form: "-1s", "31536000s".
func seconds(d time.Duration) string {
	if d < 0 {
		return "-1s"
	}
	return fmt.Sprintf("%ds", int64(d/time.Second))
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func orNone(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
