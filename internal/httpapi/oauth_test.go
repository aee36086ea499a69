package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"sluice/apiv1"
	"sluice/internal/httpapi/httpapitest"
)

const (
	testKey  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
	testKey2 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUKLnwTnMMFsvCfWPzBGUwxYu9r5tDFfcDI0nH/Ft+c"
)

// form posts a form and returns the status and the body. client is sent as clients of the
// earlier generation do, by Basic authentication.
func form(t *testing.T, h http.Handler, path, client string, fields url.Values) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(fields.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client != "" {
		r.SetBasicAuth(client, "")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// TestAPITokensAreExchanged in the ways of both generations of clients, at the root and below
// /api.
func TestAPITokensAreExchanged(t *testing.T) {
	h := newHandler(httpapitest.New(), io.Discard)
	for name, log := range map[string]func() (int, string){
		"4.x": func() (int, string) {
			return form(t, h, "/oauth2/token", "magento-cloud-cli", url.Values{"grant_type": {"api_token"}, "api_token": {httpapitest.Reader}, "scope": {""}})
		},
		"5.x": func() (int, string) {
			return form(t, h, "/api/oauth2/token", "", url.Values{
				"grant_type": {"api_token"}, "api_token": {httpapitest.Reader}, "client_id": {"sluice-cli"}, "client_secret": {""},
			})
		},
	} {
		code, body := log()
		var token apiv1.OAuthToken
		if err := json.Unmarshal([]byte(body), &token); err != nil || code != 200 || token.RefreshToken != "" || token.TokenType != "bearer" || token.ExpiresIn < 60 {
			t.Fatalf("%s: %d %s, %v", name, code, body, err)
		}
		if got := answer(t, h, "GET /users/me "+token.AccessToken); !strings.Contains(got, `"id": "rita"`) {
			t.Errorf("%s: answer = %s", name, got)
		}
		if got := answer(t, h, "DELETE /api/projects/shop "+token.AccessToken); !strings.HasPrefix(got, "403") {
			t.Errorf("%s: answer = %s", name, got)
		}
		for range 2 { // the second time it is gone already
			if code, body := form(t, h, "/oauth2/revoke", "", url.Values{"client_id": {"c"}, "token": {token.AccessToken}, "token_type_hint": {"refresh_token"}}); code != 200 {
				t.Errorf("%s: %d %s", name, code, body)
			}
		}
		if got := answer(t, h, "GET /users/me "+token.AccessToken); !strings.HasPrefix(got, "401") {
			t.Errorf("%s: after the log-out: %s", name, got)
		}
	}
}

func TestOAuthErrorsHaveTheirShape(t *testing.T) {
	h := newHandler(httpapitest.New(), io.Discard)
	for name, test := range map[string]struct {
		fields url.Values
		code   string
		text   string
	}{
		"no client":      {url.Values{"grant_type": {"api_token"}}, "invalid_client", "names no client"},
		"strange client": {url.Values{"client_id": {"<script>"}}, "invalid_client", "names no client"},
		"no grant":       {url.Values{"client_id": {"c"}}, "invalid_request", "grant_type"},
		"other grant":    {url.Values{"client_id": {"c"}, "grant_type": {"password"}}, "unsupported_grant_type", "not supported"},
		"bad token":      {url.Values{"client_id": {"c"}, "grant_type": {"api_token"}, "api_token": {"hunter2"}}, "invalid_grant", "Invalid API token"},
		"bad refresh":    {url.Values{"client_id": {"c"}, "grant_type": {"refresh_token"}, "refresh_token": {"hunter2"}}, "invalid_grant", "Invalid refresh token"},
		"too large":      {url.Values{"client_id": {strings.Repeat("c", 2<<20)}}, "invalid_request", "too large"},
	} {
		code, body := form(t, h, "/oauth2/token", "", test.fields)
		var e apiv1.OAuthError
		if err := json.Unmarshal([]byte(body), &e); err != nil || code != 400 || e.Code != test.code || !strings.Contains(e.Description, test.text) {
			t.Errorf("%s: %d %s, %v", name, code, body, err)
		}
		if strings.Contains(body, "hunter2") {
			t.Errorf("%s: the answer shows the secret: %s", name, body)
		}
	}
}

func TestSSHKeysAndCertificates(t *testing.T) {
	p := httpapitest.New()
	h := newHandler(p, io.Discard)
	added := answer(t, h, "POST /ssh_keys "+httpapitest.Owner+"\n"+`{"value":"`+testKey+` laptop"}`)
	if !strings.HasPrefix(added, "201") || !strings.Contains(added, `"key_id": 1`) || !strings.Contains(added, `"fingerprint": "`) || !strings.Contains(added, `"title": "laptop"`) {
		t.Fatalf("answer = %s", added)
	}
	for request, want := range map[string]string{
		"POST /ssh_keys " + httpapitest.Owner + "\n" + `{"value":"` + testKey + `"}`: "409",
		"POST /ssh_keys " + httpapitest.Owner + "\n" + `{"value":"x"}`:               "400",
		"GET /ssh_keys/1 " + httpapitest.Owner:                                       "200",
		"GET /ssh_keys/1 " + httpapitest.Reader:                                      "404",
		"DELETE /ssh_keys/1 " + httpapitest.Reader:                                   "404",
		"DELETE /ssh_keys/x " + httpapitest.Reader:                                   "404",
		"POST /ssh " + httpapitest.Owner + "\n" + `{"key":"x"}`:                      "400",
		"GET /ssh/authority":                                                         "200",
	} {
		if got := answer(t, h, request); !strings.HasPrefix(got, want) {
			t.Errorf("%s: answer = %s", request, got)
		}
	}
	if got := answer(t, h, "GET /me "+httpapitest.Owner); !strings.Contains(got, testKey) {
		t.Errorf("answer = %s", got)
	}
	cert := answer(t, h, "POST /ssh "+httpapitest.Owner+"\n"+`{"key":"`+testKey2+` x"}`)
	if !strings.HasPrefix(cert, "200") || !strings.Contains(cert, `"certificate": "ssh-ed25519-cert-v01@openssh.com AAAA`) {
		t.Errorf("answer = %s", cert)
	}
	if got := answer(t, h, "DELETE /ssh_keys/1 "+httpapitest.Owner); !strings.HasPrefix(got, "200") {
		t.Errorf("answer = %s", got)
	}
}
