package manifest

import (
	"cmp"
	"slices"
	"strings"
)

// maxRequestSize is the default of request_buffering.max_request_size, in bytes.
const maxRequestSize = 250 << 20

func decodeWeb(n *node, runtime string) Web {
	c := decodeCommands(n.get("commands"))
	return Web{
		Start: c.start, PreStart: c.pre, PostStart: c.post,
		Locations: decodeLocations(n),
		Upstream:  decodeUpstream(n.get("upstream"), runtime),
	}
}

func decodeUpstream(n *node, runtime string) Upstream {
	family, protocol := "tcp", "http"
	if runtime == "php" {
		family, protocol = "unix", "fastcgi"
	}
	return Upstream{
		SocketFamily: cmp.Or(n.get("socket_family").str(), family),
		Protocol:     cmp.Or(n.get("protocol").str(), protocol),
	}
}

// decodeLocations returns the locations, longest path first.
func decodeLocations(web *node) []Location {
	n := web.get("locations")
	if !n.isMap() {
		return legacyLocation(web)
	}
	out := make([]Location, 0, len(n.entries))
	for _, e := range n.entries {
		out = append(out, decodeLocation(e))
	}
	slices.SortStableFunc(out, func(a, b Location) int {
		return cmp.Or(cmp.Compare(len(b.Path), len(a.Path)), cmp.Compare(a.Path, b.Path))
	})
	return out
}

func decodeLocation(e entry) Location {
	l := Location{
		Pos:          e.pos,
		Path:         "/" + strings.TrimPrefix(e.key, "/"),
		Root:         cleanPath(e.value.get("root").str()),
		Index:        e.value.get("index").strings(),
		LocationRule: decodeRule(e.value),
		RequestBuffering: Buffering{
			Enabled: true,
			MaxSize: maxRequestSize,
		},
	}
	if root := e.value.get("root"); root.given() && l.Root == "" {
		l.Root = "." // the application's own directory, unlike no root at all
	}
	if rules := e.value.get("rules"); rules.isMap() {
		for _, r := range rules.entries {
			l.Rules = append(l.Rules, Rule{Pos: r.pos, Pattern: r.key, Index: r.value.get("index").strings(), LocationRule: decodeRule(r.value)})
		}
	}
	buffering := e.value.get("request_buffering")
	if enabled, ok := buffering.get("enabled").truth(); ok {
		l.RequestBuffering.Enabled = enabled
	}
	if size, ok := parseSize(buffering.get("max_request_size").str()); ok {
		l.RequestBuffering.MaxSize = size
	}
	return l
}

func decodeRule(n *node) LocationRule {
	r := LocationRule{
		Passthru: decodePassthru(n.get("passthru")),
		Allow:    n.get("allow").flag(),
		Scripts:  n.get("scripts").flag(),
		Headers:  n.get("headers").texts(),
	}
	if d, ok := parseDuration(n.get("expires").str()); ok {
		r.Expires = &d
	}
	return r
}

// decodePassthru returns "" for false, "/" for true, or the path.
func decodePassthru(n *node) *string {
	if !n.given() {
		return nil
	}
	target := n.str()
	if yes, ok := n.truth(); ok {
		target = map[bool]string{true: "/", false: ""}[yes]
	}
	return &target
}

// legacyLocation makes the "/" location of the keys that web had before there were
// locations.
func legacyLocation(web *node) []Location {
	if !web.get("document_root").given() && !web.get("passthru").given() {
		return nil
	}
	yes := true
	l := Location{
		Pos: web.pos, Path: "/",
		Root:             cleanPath(web.get("document_root").str()),
		Index:            web.get("index_files").strings(),
		LocationRule:     decodeRule(web),
		RequestBuffering: Buffering{Enabled: true, MaxSize: maxRequestSize},
	}
	l.Scripts = &yes
	blacklist, whitelist := web.get("blacklist").list(), web.get("whitelist").list()
	if len(whitelist) > 0 {
		l.Allow = new(bool)
	}
	for _, item := range blacklist {
		l.Rules = append(l.Rules, Rule{Pos: item.pos, Pattern: item.str(), LocationRule: LocationRule{Allow: new(bool)}})
	}
	for _, item := range whitelist {
		l.Rules = append(l.Rules, Rule{Pos: item.pos, Pattern: item.str(), LocationRule: LocationRule{Allow: &yes}})
	}
	return []Location{l}
}
