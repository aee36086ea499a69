package manifest

import (
	"encoding/json"
	"path"
	"regexp"
)

// committedSecrets looks for secrets in scripts and addresses, and in the files beside the
// configuration; those in variables are found where variables are checked.
func (p *parser) committedSecrets(m *Manifest) {
	for _, a := range m.Apps {
		n := p.apps[a.Name]
		for _, section := range []string{"hooks", "crons", "workers", "web"} {
			p.check.secrets(n.get(section), section, asVariable+" and use it as $NAME")
		}
		if !p.check.opts.Bare {
			p.credentialFiles(a.Root)
		}
	}
	p.check.secrets(p.routes, "", "send visitors to an address without it")
}

// credentialFile is a file in which tools look for credentials.
type credentialFile struct {
	name string
	has  func(data []byte) bool
	fix  string
}

const asComposerAuth = "make new keys, and set them as the sensitive variable env:COMPOSER_AUTH"

func credentialFiles() []credentialFile {
	return []credentialFile{
		{"auth.json", authHasCredential, asComposerAuth},
		{".composer/auth.json", authHasCredential, asComposerAuth},
		{"var/composer_home/auth.json", authHasCredential, asComposerAuth},
		{"composer.json", composerHasCredential, asComposerAuth},
		{".npmrc", npmHasCredential, "make a new token, set it as a sensitive variable, and write ${NAME}"},
		{".environment", func(data []byte) bool { return urlWithSecret(string(data)) || scriptWithSecret(string(data)) }, asVariable},
	}
}

// credentialFiles warns about the credentials of package managers and of .environment.
func (p *parser) credentialFiles(root string) {
	const longest = 1 << 20
	for _, f := range credentialFiles() {
		name := path.Join(root, f.name)
		data, err := p.peek(name, longest)
		if err != nil || !f.has(data) {
			continue
		}
		fix := f.fix
		if path.Base(name) == "auth.json" {
			fix += ", and git rm --cached " + name
		}
		p.check.warn(Position{File: name}, "committed-credentials", path.Base(name)+" with credentials is committed", readable, fix)
	}
}

func authHasCredential(data []byte) bool {
	var doc any
	return json.Unmarshal(data, &doc) == nil && hasCredential(doc, "")
}

// composerHasCredential looks at the addresses of composer.json and the keys in its config.
func composerHasCredential(data []byte) bool {
	var doc struct {
		Config map[string]json.RawMessage `json:"config"`
	}
	if urlWithSecret(string(data)) {
		return true
	}
	if json.Unmarshal(data, &doc) != nil {
		return false
	}
	for _, section := range []string{"http-basic", "bearer", "github-oauth", "gitlab-token", "gitlab-oauth", "bitbucket-oauth"} {
		if authHasCredential(doc.Config[section]) {
			return true
		}
	}
	return false
}

var npmToken = regexp.MustCompile(`(?m)^[^#;\n]*_(?:authToken|auth|password)\s*=\s*"?([^\s"]+)`)

func npmHasCredential(data []byte) bool {
	for _, m := range npmToken.FindAllSubmatch(data, -1) {
		if looksRandom(string(m[1])) {
			return true
		}
	}
	return false
}

// hasCredential reports whether a document has a text like a key; user names are not keys.
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
