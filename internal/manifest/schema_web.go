package manifest

import "fmt"

// webSchema is the web section.
func webSchema() *shape {
	return object(append([]property{
		{key: "commands", shape: commandsSchema(), doc: "The process that serves requests."},
		{key: "upstream", shape: object(
			property{key: "socket_family", shape: oneOf("unix", "tcp"), fallback: "unix for php, tcp otherwise", doc: "How the process is reached."},
			property{key: "protocol", shape: oneOf("fastcgi", "http"), fallback: "fastcgi for php, http otherwise", doc: "What it speaks."},
		), doc: "How requests reach the process of commands.start, which reads $PORT (tcp) or $SOCKET (unix)."},
		{key: "locations", shape: mapOf("path", locationSchema()).named(locationFormat()).most(maxLocations), doc: "What is served for which URL path; the longest matching path counts."},
		{key: "move_to_root", shape: boolean(), status: StatusIgnored, note: "it is a remnant of older projects", doc: "Reserved."},
		{key: "document_root", shape: text(), doc: "Older notation of locations./.root."},
		{key: "passthru", shape: boolean().or(text()), doc: "Older notation of locations./.passthru."},
		{key: "index_files", shape: listOf(text()), doc: "Older notation of locations./.index."},
		{key: "whitelist", shape: listOf(formatted(expressionFormat())), doc: "Older notation: rules with allow: true."},
		{key: "blacklist", shape: listOf(formatted(expressionFormat())), doc: "Older notation: rules with allow: false."},
		{key: "expires", shape: formatted(durationFormat()), doc: "Older notation of locations./.expires."},
	}, containerSchema()...)...)
}

// ruleSchema are the keys that a rule may override.
func ruleSchema() []property {
	return []property{
		{key: "passthru", shape: boolean().or(text().with(checkPassthru)), fallback: "false", doc: "Where requests go for which there is no file: a URL path, or true for the application itself."},
		{key: "expires", shape: formatted(durationFormat()), fallback: "-1", doc: "How long browsers may keep static files; -1 sends no caching headers."},
		{key: "allow", shape: boolean(), fallback: "true", doc: "Whether files are served that no rule matches."},
		{key: "scripts", shape: boolean(), fallback: "true, false in mounts", doc: "Whether PHP files are run. Those that are not run get 403: their source is never sent."},
		{key: "headers", shape: mapOf("header", scalar()), doc: "Headers added to static files; a rule's map replaces the location's."},
	}
}

func locationSchema() *shape {
	rule := object(append([]property{
		{key: "index", shape: listOf(text()), doc: "Files that stand for a directory."},
	}, ruleSchema()...)...)
	return object(append([]property{
		{key: "root", shape: formatted(pathFormat()), doc: "The directory that is served, relative to the application's; the location's path is stripped."},
		{key: "index", shape: listOf(text()), doc: "Files that stand for a directory."},
		{key: "rules", shape: mapOf("expression", rule).named(expressionFormat()).most(maxRules), doc: "PCRE on the whole path; the first match in file order overrides the location."},
		{key: "request_buffering", shape: object(
			property{key: "enabled", shape: boolean(), fallback: "true", doc: "Off for streaming and WebSockets."},
			property{key: "max_request_size", shape: formatted(sizeFormat()), fallback: "250m", doc: "Larger requests get 413."},
		), doc: "Whether requests are read before they are passed on."},
	}, ruleSchema()...)...)
}

func checkPassthru(c *checker, n *node, path string) {
	if flag := n.flag(); flag != nil {
		if n.quoted {
			c.warn(n.pos, "quoted-boolean", path+" is a boolean in quotes", "", fmt.Sprintf("write %s without quotes", n.text))
		}
		return
	}
	if n.text == "" || n.text[0] != '/' {
		c.fail(n.pos, "wrong-format", fmt.Sprintf("%s is not a URL path: %s", path, show(n.text)), "", fmt.Sprintf("write %q", "/"+n.text))
	}
}
