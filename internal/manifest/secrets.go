package manifest

import (
	"fmt"
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
	case scriptWithSecret(n.text):
		c.warn(n.pos, "committed-secret", path+" has a password or token", readable, fix)
	}
}

var (
	// assignment finds the variables that a script sets to a fixed text.
	assignment = regexp.MustCompile(`(?m)(?:^|[\s;&])([A-Z][A-Z0-9_]*)=["']?([^\s"';&|]+)`)
	// composerKey finds the keys that "composer config" stores.
	composerKey = regexp.MustCompile(`(?:http-basic|github-oauth|gitlab-token|gitlab-oauth|bearer|bitbucket-oauth)\.\S+\s+["']?([^\s"']+)["']?(?:\s+["']?([^\s"']+))?`)
)

// scriptWithSecret reports whether a script has a secret as a fixed text.
func scriptWithSecret(script string) bool {
	for _, m := range assignment.FindAllStringSubmatch(script, -1) {
		if looksSecret(m[1], &node{kind: kindText, text: m[2]}) {
			return true
		}
	}
	for _, m := range composerKey.FindAllStringSubmatch(script, -1) {
		if looksRandom(m[1]) || looksRandom(m[2]) {
			return true
		}
	}
	return false
}

const asVariable = "set it as a sensitive variable of the environment"
