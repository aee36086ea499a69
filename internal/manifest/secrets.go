package manifest

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Secrets in a repository are found by the names of what holds them, by their place in a
// URL, and by their shape. No message has any part of a value.

// urlSecret finds the user and the password in the addresses of a text.
var urlSecret = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://([^/\s:@'"]*)(?::([^/\s@'"]+))?@`)

// urlWithSecret reports whether a text has an address with a password, or with a token in
// place of a user.
func urlWithSecret(text string) bool {
	for _, m := range urlSecret.FindAllStringSubmatch(text, -1) {
		if user, password := m[1], m[2]; len(password) >= 6 && !placeholder(password) || password == "" && looksRandom(user) {
			return true
		}
	}
	return false
}

// placeholder reports whether a text stands for a secret that is filled in elsewhere.
func placeholder(text string) bool {
	if strings.ContainsAny(text, "$<>{}%*…") || strings.Contains(text, "...") {
		return true
	}
	low := strings.ToLower(text)
	for _, word := range []string{"your", "xxx", "placeholder", "example", "redacted", "changeme", "change_me", "insert", "replace", "public-key", "public_key", "private-key", "private_key"} {
		if strings.Contains(low, word) {
			return true
		}
	}
	return slices.Contains([]string{"password", "passwd", "secret", "token", "username"}, low)
}

// looksRandom reports whether a text has the shape of a key: long, one word, of many
// different characters.
func looksRandom(text string) bool {
	const shortest, different = 16, 8
	if len(text) < shortest || strings.ContainsAny(text, " \t\n/\\") || placeholder(text) {
		return false
	}
	seen := map[rune]bool{}
	for _, r := range text {
		seen[r] = true
	}
	return len(seen) >= different
}

// looksSecret reports whether a variable or a key, in capitals, is named like a secret, and
// what it holds could be one.
func looksSecret(name string, n *node) bool {
	if n.kind != kindText || len(n.text) < 8 || placeholder(n.text) {
		return false
	}
	for _, word := range []string{"PASSWORD", "PASSWD", "SECRET", "PRIVATE_KEY", "API_KEY", "CRYPT_KEY", "SALT"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return strings.Contains(name, "TOKEN") && looksRandom(n.text)
}

const readable = "everyone who can read the repository sees it"

// secrets warns about every secret in a value.
func (c *checker) secrets(n *node, path, fix string) {
	switch {
	case !n.given():
	case n.kind == kindMap:
		for _, e := range n.entries {
			at := below(path, e.key)
			if looksSecret(strings.ToUpper(e.key), e.value) {
				c.warn(e.pos, "committed-secret", at+" looks like a secret", readable, fix)
				continue
			}
			c.secrets(e.value, at, fix)
		}
	case n.kind == kindList:
		for i, item := range n.items {
			c.secrets(item, fmt.Sprintf("%s[%d]", path, i), fix)
		}
	case urlWithSecret(n.text):
		c.warn(n.pos, "committed-secret", path+" has a URL with a password or token", readable, fix)
	}
}

const asVariable = "set it as a sensitive variable of the environment"

// committedSecrets looks for secrets in scripts and addresses; those in variables are found
// where variables are checked.
func (p *parser) committedSecrets(m *Manifest) {
	for _, a := range m.Apps {
		n := p.apps[a.Name]
		for _, section := range []string{"hooks", "crons", "workers", "web"} {
			p.check.secrets(n.get(section), section, asVariable+" and use it as $NAME")
		}
		if !p.check.opts.Bare {
			p.authFile(a)
		}
	}
	p.check.secrets(p.routes, "", "send visitors to an address without it")
}

// authFile warns about Composer's credentials.
func (p *parser) authFile(a *Application) {
	const longest = 256 << 10
	name := path.Join(a.Root, "auth.json")
	data, err := p.peek(name, longest)
	var doc any
	if err != nil || json.Unmarshal(data, &doc) != nil || !hasCredential(doc, "") {
		return
	}
	p.check.warn(Position{File: name}, "committed-auth-json", "auth.json with credentials is committed", readable,
		"make new keys, set them as the sensitive variable env:COMPOSER_AUTH, and git rm --cached "+name)
}

// hasCredential reports whether a document has a text like a key; user names are none.
func hasCredential(v any, key string) bool {
	switch v := v.(type) {
	case map[string]any:
		for k, item := range v {
			if hasCredential(item, k) {
				return true
			}
		}
	case []any:
		for _, item := range v {
			if hasCredential(item, key) {
				return true
			}
		}
	case string:
		return key != "username" && looksRandom(v)
	}
	return false
}
