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

// TestCredentialFiles finds credentials where tools look for them, and no placeholders.
func TestCredentialFiles(t *testing.T) {
	const key = "f0e1d2c3b4a5968778695a4b3c2d1e0f"
	for name, tt := range map[string]struct {
		file, text string
		want       bool
	}{
		"composer home":      {"var/composer_home/auth.json", `{"http-basic": {"h": {"username": "u", "password": "` + key + `"}}}`, true},
		"composer.json":      {"composer.json", `{"config": {"github-oauth": {"github.com": "` + key + `"}}}`, true},
		"repository":         {"composer.json", `{"repositories": [{"type": "vcs", "url": "https://bot:Qwe123rty@git.shop.test/x"}]}`, true},
		"hash of a package":  {"composer.json", `{"require": {"a/b": "dev-main#` + key + `"}, "config": {"sort-packages": true}}`, false},
		"npm":                {".npmrc", "registry=https://r.test\n//r.test/:_authToken=" + key + "\n", true},
		"npm with variable":  {".npmrc", "//r.test/:_authToken=${NPM_TOKEN}\n", false},
		".environment":       {".environment", "export PATH=/x\nexport ERP_API_KEY='" + key + "'\n", true},
		"plain .environment": {".environment", "export PATH=/x\nexport API_KEY=$(cat /run/key)\nexport PASSWORD=\"$DB_PASSWORD\"\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, found := Parse(tree(appFile, "name: app\ntype: php:8.2\n", "composer.lock", "{}", tt.file, tt.text), testOptions(t))
			if got := hasRule(found, "committed-credentials"); got != tt.want {
				t.Errorf("got %v", found)
			}
		})
	}
}

func TestScriptWithSecret(t *testing.T) {
	for text, want := range map[string]bool{
		"composer config http-basic.repo.shop.test 0a1b2c3d4e5f60718293a4b5c6d7e8f9 f0e1d2c3b4a5968778695a4b3c2d1e0f": true,
		"composer config -g github-oauth.github.com ghp_0a1B2c3D4e5F6g7H8i9J0k":                                       true,
		"composer config http-basic.repo.shop.test $KEY $SECRET":                                                      false,
		"DB_PASSWORD=hunter2hunter2 php x.php":                                                                        true,
		"DB_PASSWORD=$(jq -r .password x) php x.php":                                                                  false,
		"export FOO_SECRET=${BAR}":                                                                                    false,
		"php bin/magento setup:config:set --key=1":                                                                    false,
	} {
		if got := scriptWithSecret(text); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}
