package oidc_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/oidc"
	"sluice/internal/platform"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// load reads a file with the text.
func load(t *testing.T, text string) ([]*oidc.Provider, error) {
	t.Helper()
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("secret\n"), 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600))
	path := filepath.Join(dir, "providers.json")
	check(t, os.WriteFile(path, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600))
	return oidc.Load(path, func(id string) string { return "https://sluice.example.com/oauth2/callback/" + id })
}

func TestTheFileOfProviders(t *testing.T) {
	all, err := load(t, `{"providers": [
		{"id": "corp", "title": "Example Inc.", "issuer": "https://login.example.com", "client_id": "sluice", "client_secret_file": "DIR/secret",
		 "domains": ["Example.com", "@example.org"], "groups": ["shops"], "accounts": "everybody", "life": "8h"},
		{"id": "own", "issuer": "http://localhost:5556/dex", "client_id": "x", "assume_email_verified": true, "domains": ["example.com"], "email_claim": "upn"}]}`)
	check(t, err)
	first, second := all[0].Policy(), all[1].Policy()
	if first.Title != "Example Inc." || !first.Everybody || strings.Join(first.Domains, " ") != "example.com example.org" || first.Life != 8*time.Hour {
		t.Errorf("%+v", first)
	}
	if second.Title != "own" || second.Everybody || !second.AssumeVerified || second.Life != 12*time.Hour {
		t.Errorf("%+v", second)
	}
}

func TestFilesOfProvidersThatAreWrong(t *testing.T) {
	const valid = `"id": "a", "issuer": "https://a.example", "client_id": "x"`
	for text, want := range map[string]string{
		`{`:                 "cannot be read",
		`{} {}`:             "more than one value",
		`{"providers": []}`: "names 0 providers",
		`{"providers": [{` + valid + `, "client_secret": "hunter2"}]}`:                      "unknown field",
		`{"providers": [{"id": "A/B"}]}`:                                                    "small letters",
		`{"providers": [{"id": "a", "issuer": "http://a.example", "client_id": "x"}]}`:      "begin with https://",
		`{"providers": [{"id": "a", "issuer": "https://u:p@a.example", "client_id": "x"}]}`: "write it as https://",
		`{"providers": [{"id": "a", "issuer": "https://a.example"}]}`:                       "client_id is missing",
		`{"providers": [{` + valid + `}, {` + valid + `}]}`:                                 "another provider has the id",
		`{"providers": [{` + valid + `, "accounts": "all"}]}`:                               "invited (which is the default)",
		`{"providers": [{` + valid + `, "assume_email_verified": true}]}`:                   "needs domains",
		`{"providers": [{` + valid + `, "email_claim": "upn"}]}`:                            "needs assume_email_verified",
		`{"providers": [{` + valid + `, "domains": ["*.example.com"]}]}`:                    "write each as example.com",
		`{"providers": [{` + valid + `, "life": "forever"}]}`:                               "write it as 12h",
		`{"providers": [{` + valid + `, "client_secret_file": "DIR/none"}]}`:                "no such file",
		`{"providers": [{` + valid + `, "client_secret_file": "DIR/empty"}]}`:               "is empty",
		`{"providers": [{` + valid + `, "ca_file": "DIR/secret"}]}`:                         "no certificate in PEM",
		`{"providers": [{` + valid + `}], "x": "` + strings.Repeat("x", 1<<20) + `"}`:       "more than",
	} {
		_, err := load(t, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", text, err, want)
		}
		if platform.ErrorCode(err) == platform.CodeInvalid && platform.ErrorHint(err) == "" {
			t.Errorf("%.80s: no hint", text)
		}
	}
}
