package manifest

import (
	"fmt"
	"strings"
	"time"

	"sluice/internal/platform"
)

// routesSchema is routes.yaml.
func routesSchema() *shape {
	return mapOf("url", object(
		property{key: "type", shape: oneOf("upstream", "redirect", "proxy").with(checkRouteType), required: true, doc: `"upstream" passes requests to an application, "redirect" responds with 301.`},
		property{key: "upstream", shape: formatted(endpointFormat("http")), doc: `The application, "name:http"; for type: upstream.`},
		property{key: "to", shape: formatted(targetFormat()), doc: "The target; for type: redirect."},
		property{key: "primary", shape: boolean(), fallback: "the first upstream route", doc: "The route that gives the shop its base URL."},
		property{key: "id", shape: text(), doc: "A name that stays the same in every environment."},
		property{key: "attributes", shape: mapOf("attribute", scalar()), doc: "Free texts that the application sees."},
		property{key: "cache", shape: routeCacheSchema().or(boolean()), doc: "The HTTP cache."},
		property{key: "redirects", shape: redirectsSchema(), doc: "Redirects of single paths; served also while requests are held."},
		property{key: "ssi", shape: enabledSchema("Server-side includes.").or(boolean()), doc: "Server-side includes in HTML, in nginx's dialect."},
		property{key: "timeout", shape: formatted(durationFormat()).with(checkRouteTimeout), fallback: "10m", doc: "How long the application may take to begin its response, 1s to 1h; then visitors get 504. Not part of the original format."},
		property{key: "tls", shape: tlsSchema(), doc: "Transport security."},
		property{key: "sticky", shape: enabledSchema("By address."), status: StatusIgnored, note: "an application has one web container", doc: "Keeps a visitor on one container."},
		property{key: "http_access", shape: freeForm(), status: StatusIgnored, note: "set it on the environment", doc: "Passwords and addresses."},
		property{key: "restrict_robots", shape: boolean(), status: StatusIgnored, note: "set it on the environment", doc: "Keeps search engines away."},
		property{key: "original_url", shape: text(), status: StatusIgnored, note: "the key is the URL", doc: "Found in exported files."},
		property{key: "production_url", shape: text(), status: StatusIgnored, note: "it follows from the domains", doc: "Found in exported files."},
	).with(checkRoute)).named(routeFormat()).most(maxRoutes).with(checkRoutes)
}

func enabledSchema(doc string) *shape {
	return object(property{key: "enabled", shape: boolean(), fallback: "false", doc: doc})
}

func routeCacheSchema() *shape {
	return object(
		property{key: "enabled", shape: boolean(), fallback: "true", doc: "Whether responses are cached."},
		property{key: "default_ttl", shape: integer(-1), fallback: "0", doc: "Seconds, for responses without Cache-Control; 0 caches none of them."},
		property{key: "cookies", shape: listOf(scalar()).with(checkCacheCookies), fallback: `["*"]`, doc: `Cookies that make a difference, by name or as a PCRE between slashes; "*": any cookie bypasses the cache.`},
		property{key: "headers", shape: listOf(text()).with(checkCacheHeaders), fallback: "[Accept, Accept-Language]", doc: "Request headers that make a difference."},
		property{key: "ssi", shape: enabledSchema("Server-side includes.").or(boolean()), doc: "Older place of ssi."},
	)
}

func redirectsSchema() *shape {
	redirect := object(
		property{key: "to", shape: formatted(targetFormat()), required: true, doc: "A path or a URL; with regexp also $1."},
		property{key: "regexp", shape: boolean(), fallback: "false", doc: "The key is a PCRE."},
		property{key: "prefix", shape: boolean(), fallback: "true", doc: "Paths below match too."},
		property{key: "append_suffix", shape: boolean(), fallback: "true", doc: "The rest of the path is kept."},
		property{key: "code", shape: redirectCode(), fallback: "302", doc: "The status."},
		property{key: "expires", shape: formatted(durationFormat()), fallback: "redirects.expires", doc: "How long browsers may keep it."},
	)
	return object(
		property{key: "expires", shape: formatted(durationFormat()), doc: "How long browsers may keep the redirects."},
		property{key: "paths", shape: mapOf("path", redirect).most(maxRedirects).with(checkRedirects), doc: "The redirects by path."},
	)
}

func redirectCode() *shape {
	return &shape{kinds: kindInt, allowed: []string{"301", "302", "307", "308"}}
}

func tlsSchema() *shape {
	return object(
		property{key: "strict_transport_security", shape: object(
			property{key: "enabled", shape: boolean(), doc: "Browsers use HTTPS for a year."},
			property{key: "include_subdomains", shape: boolean(), doc: "For subdomains too."},
			property{key: "preload", shape: boolean(), doc: "Asks for the browsers' built-in lists."},
		), doc: "The Strict-Transport-Security header."},
		property{key: "min_version", shape: oneOf("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"), fallback: "TLSv1.2", doc: "The least version of TLS. The strictest of a host's routes counts for all of them."},
		property{key: "client_authentication", shape: oneOf("request", "require"), doc: `Certificates of clients: "request" asks for one and reports the result to the application in X-Client-Verify, "require" refuses clients without one. A certificate that is not valid ends the connection.`},
		property{key: "client_certificate_authorities", shape: listOf(text()).with(checkAuthorities), fallback: "those that the machine trusts", doc: "Who signs them: PEM, also by !include {type: string, path: ca.pem}."},
	)
}

// checkAuthorities wants certificates that can sign others.
func checkAuthorities(c *checker, n *node, path string) {
	for _, item := range n.list() {
		if !item.given() {
			continue // an include that is not there, which is reported where it is written
		}
		certs, err := platform.ParseCertificates(item.str())
		if err != nil {
			c.fail(item.pos, "wrong-format", path+" has an entry that is not a PEM certificate", err.Error(), "write !include {type: string, path: ca.pem}, relative to the directory of this file")
		}
		for _, cert := range certs {
			if !cert.IsCA {
				c.fail(item.pos, "wrong-format", path+" has a certificate that cannot sign others", "it is that of "+show(cert.Subject.CommonName), "name the authority's certificate, not the client's")
			}
		}
	}
}

func checkRouteType(c *checker, n *node, path string) {
	if n.text == "proxy" {
		c.fail(n.pos, "refused-value", path+" cannot be \"proxy\" here", "the router passes requests to applications only", "use an application that passes them on, or a redirect")
	}
}

// checkRouteTimeout keeps a timeout within what makes sense.
func checkRouteTimeout(c *checker, n *node, path string) {
	d, ok := parseDuration(n.str())
	if ok && (d < time.Second || d > time.Hour) {
		c.fail(n.pos, "refused-value", path+" cannot be "+show(n.str()), "it is from 1s to 1h", "")
	}
}

// checkRoute requires what a route's type needs.
func checkRoute(c *checker, n *node, path string) {
	kind := n.get("type").str()
	need := map[string]string{"upstream": "upstream", "redirect": "to"}[kind]
	if need != "" && !n.get(need).given() {
		c.fail(c.keyPlace(n, need), "missing-key", fmt.Sprintf("%s has no %q", path, need), "its type is "+kind, "")
	}
	if extra := map[string]string{"upstream": "to", "redirect": "upstream"}[kind]; n.get(extra).given() {
		c.warn(n.find(extra).pos, "unused-key", below(path, extra)+" is not used", "the type is "+kind, "remove it")
	}
	if tls := n.get("tls"); tls.get("client_authentication").given() && len(tls.get("client_certificate_authorities").list()) == 0 {
		c.warn(tls.find("client_authentication").pos, "any-client", below(path, "tls")+" names no authority for clients' certificates", "every certificate of a public authority is accepted", "add client_certificate_authorities")
	}
	if cache := n.get("cache"); cache.isMap() && !cache.get("enabled").given() {
		c.warn(cache.pos, "cache-unclear", below(path, "cache")+` has no "enabled"`, "the cache is on", `add "enabled: true"`)
	}
}

// checkRoutes looks at all routes together: equal addresses and the primary one.
func checkRoutes(c *checker, n *node, _ string) {
	seen := map[string]Position{}
	primary := Position{}
	for _, e := range n.entries {
		url := normalRoute(e.key)
		if first, ok := seen[url]; ok {
			c.fail(e.pos, "duplicate-route", fmt.Sprintf("route %s is also on line %d", show(e.key), first.Line), "a slash at the end makes no difference", "remove one of them")
		}
		seen[url] = e.pos
		if yes, _ := e.value.get("primary").truth(); yes {
			if primary.Line > 0 {
				c.fail(e.value.place("primary"), "several-primary", "a second route is primary", fmt.Sprintf("the first one is on line %d", primary.Line), "leave primary: true on one route")
			}
			primary = e.value.place("primary")
		}
	}
}

// checkCacheCookies reads the patterns of cookie names, which are written between slashes.
func checkCacheCookies(c *checker, n *node, path string) {
	for _, item := range n.list() {
		text := item.str()
		if len(text) < 3 || text[0] != '/' || text[len(text)-1] != '/' {
			continue
		}
		if why := wrongExpression(text[1 : len(text)-1]); why != "" {
			c.fail(item.pos, "wrong-format", fmt.Sprintf("%s has %s, which is not a regular expression", path, show(item.text)), why, "")
		}
	}
}

func checkCacheHeaders(c *checker, n *node, path string) {
	for _, item := range n.list() {
		switch strings.ToLower(item.str()) {
		case "accept-encoding", "connection", "proxy-authorization", "te", "upgrade", "cookie":
			c.fail(item.pos, "refused-value", fmt.Sprintf("%s cannot have %s", path, show(item.text)), "responses are not cached by it", "remove it")
		}
	}
}

// checkRedirects checks keys and combinations.
func checkRedirects(c *checker, n *node, path string) {
	for _, e := range n.entries {
		at := below(path, e.key)
		if regexp, _ := e.value.get("regexp").truth(); regexp {
			if !c.anotherPattern(e.pos) {
				return
			}
			if why := wrongExpression(e.key); why != "" {
				c.fail(e.pos, "wrong-format", show(e.key)+" is not a regular expression", why, "")
			}
			for _, key := range []string{"prefix", "append_suffix"} {
				if yes, ok := e.value.get(key).truth(); ok && yes {
					c.warn(e.value.place(key), "unused-key", below(at, key)+" has no effect with regexp", "an expression matches or it does not", "remove "+key)
				}
			}
			continue
		}
		if !strings.HasPrefix(e.key, "/") {
			c.fail(e.pos, "wrong-name", show(e.key)+" is not a path", "it matches nothing", fmt.Sprintf("write %q, or add regexp: true", "/"+e.key))
		}
		prefix, given := e.value.get("prefix").truth()
		if suffix, _ := e.value.get("append_suffix").truth(); given && !prefix && suffix {
			c.warn(e.value.place("append_suffix"), "unused-key", below(at, "append_suffix")+" has no effect", "prefix is false", "remove it")
		}
	}
}

// normalRoute ends a route's URL in a slash.
func normalRoute(url string) string {
	if strings.HasSuffix(url, "/") {
		return url
	}
	return url + "/"
}
