package manifest

import (
	"strings"
	"testing"
)

func TestURLWithSecret(t *testing.T) {
	for text, want := range map[string]bool{
		"https://bot:hunter22@host/x":                          true,
		"git clone https://a:b1c2d3e4@host/x && make":          true,
		"https://0a1b2c3d4e5f60718293@host/x":                  true,
		"https://bot@host/x":                                   false,
		"https://bot:$PASSWORD@host/x":                         false,
		"https://${USER}:${TOKEN}@host":                        false,
		"https://user:password@host/x":                         false,
		"https://<user>:<secret>@host":                         false,
		"ssh://git@host:2222/x":                                false,
		"https://host/@scope/package":                          false,
		"https://host/a:b@c":                                   false,
		"npm install git+https://x-token-auth:Ab12Cd34@host/x": true,
	} {
		if got := urlWithSecret(text); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

// TestPlaceholdersAreNoCredentials: templates commit an auth.json that says what to fill in.
func TestPlaceholdersAreNoCredentials(t *testing.T) {
	for name, text := range map[string]string{
		"empty":       `{"http-basic": {"repo.magento.com": {"username": "", "password": ""}}}`,
		"angle":       `{"http-basic": {"repo.magento.com": {"username": "<public-key>", "password": "<private-key-of-the-account>"}}}`,
		"words":       `{"http-basic": {"repo.magento.com": {"username": "PUBLIC_KEY_HERE_PLEASE", "password": "YOUR_PRIVATE_KEY_HERE"}}}`,
		"crosses":     `{"http-basic": {"repo.magento.com": {"username": "xxxxxxxxxxxxxxxxxxxx", "password": "xxxxxxxxxxxxxxxxxxxxxxxx"}}}`,
		"only a user": `{"http-basic": {"repo.magento.com": {"username": "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "password": ""}}}`,
		"no JSON":     `0a1b2c3d4e5f60718293a4b5c6d7e8f9`,
	} {
		t.Run(name, func(t *testing.T) {
			_, found := Parse(tree(appFile, "name: app\ntype: php:8.2\n", "auth.json", text), testOptions(t))
			if len(found) > 0 {
				t.Errorf("got %v", found)
			}
		})
	}
}

// TestSecretsAreNotPrinted: findings go to logs, terminals and code hosts.
func TestSecretsAreNotPrinted(t *testing.T) {
	const secret = "q7W9e8R1t2Y3u4I5"
	_, found := Parse(tree(
		appFile, "name: app\ntype: php:8.2\nvariables: {env: {API_TOKEN: "+secret+", U: 'https://a:"+secret+"@h/'}}\nhooks: {build: 'curl https://a:"+secret+"@h/'}\n",
		envFile, "stage: {deploy: {CRYPT_KEY: "+secret+", CACHE_CONFIGURATION: {graphql: {id_salt: "+secret+"}}}}\nlog: {slack: {token: "+secret+"}}\n",
		"auth.json", `{"bearer": {"h": "`+secret+`"}}`,
		".magento/routes.yaml", "'https://{default}/': {type: redirect, to: 'https://a:"+secret+"@h/'}\n",
		".gitmodules", "[submodule \"x\"]\n\turl = https://a:"+secret+"@h/\n",
	), testOptions(t))
	n := 0
	for _, d := range found {
		if strings.Contains(d.String(), secret) {
			t.Errorf("printed: %s", d)
		}
		if strings.HasPrefix(d.Rule, "committed-") {
			n++
		}
	}
	if n != 9 {
		t.Errorf("%d secrets of 9 found: %v", n, found)
	}
}
