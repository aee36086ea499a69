package httpapi_test

import (
	"crypto/sha256"
	"encoding/base64"
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
	loginPassword = "correct horse battery staple"
	loginVerifier = "0123456789012345678901234567890123456789012345"
)

// authorizeURL is where a client sends its user, with some parameters changed.
func authorizeURL(change map[string]string) string {
	sum := sha256.Sum256([]byte(loginVerifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {"sluice-cli"}, "redirect_uri": {"http://127.0.0.1:5000"}, "state": {"a&b=c"}, "scope": {"offline_access"},
		"prompt": {"consent"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for name, value := range change {
		q.Set(name, value)
	}
	return "/oauth2/authorize?" + q.Encode()
}

// submit sends the form of the log-in page.
func submit(t *testing.T, h http.Handler, at, login, word string, headers map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, at, strings.NewReader(url.Values{"login": {login}, "password": {word}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func newPerson(t *testing.T) http.Handler {
	t.Helper()
	h := newHandler(httpapitest.New(), io.Discard)
	if got := answer(t, h, "POST /users "+httpapitest.Admin+"\n"+`{"email":"jo@example.com","password":"`+loginPassword+`","scopes":["shop:viewer"]}`); !strings.HasPrefix(got, "201") || strings.Contains(got, loginPassword) {
		t.Fatalf("answer = %s", got)
	}
	return h
}

// TestLogInWithABrowser is the way of a client: page, form, code, tokens, refresh, log-out.
func TestLogInWithABrowser(t *testing.T) {
	h := newPerson(t)
	page := httptest.NewRecorder()
	h.ServeHTTP(page, httptest.NewRequestWithContext(t.Context(), http.MethodGet, authorizeURL(nil), nil))
	policy := page.Header().Get("Content-Security-Policy")
	if page.Code != 200 || !strings.Contains(page.Body.String(), `<form method="post">`) || page.Header().Get("X-Frame-Options") != "DENY" ||
		!strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "form-action 'self' http://127.0.0.1:5000;") {
		t.Fatalf("page %d %v\n%s", page.Code, page.Header(), page.Body)
	}
	done := submit(t, h, authorizeURL(nil), "jo@example.com", loginPassword, map[string]string{"Sec-Fetch-Site": "same-origin"})
	back, err := url.Parse(done.Header().Get("Location"))
	if err != nil || done.Code != http.StatusSeeOther || back.Host != "127.0.0.1:5000" || back.Query().Get("state") != "a&b=c" || back.Query().Get("code") == "" {
		t.Fatalf("%d %v, %v", done.Code, done.Header(), err)
	}
	exchange := func(fields url.Values) (token apiv1.OAuthToken, code int) {
		code, body := form(t, h, "/oauth2/token", "sluice-cli", fields)
		_ = json.Unmarshal([]byte(body), &token)
		return token, code
	}
	token, code := exchange(url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {"http://127.0.0.1:5000"}, "code_verifier": {loginVerifier},
	})
	if code != 200 || token.RefreshToken == "" {
		t.Fatalf("%d %+v", code, token)
	}
	if got := answer(t, h, "GET /users/me "+token.AccessToken); !strings.Contains(got, `"email": "jo@example.com"`) {
		t.Errorf("answer = %s", got)
	}
	second, code := exchange(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.RefreshToken}})
	if code != 200 || second.AccessToken == token.AccessToken {
		t.Errorf("%d %+v", code, second)
	}
	form(t, h, "/oauth2/revoke", "sluice-cli", url.Values{"token": {second.RefreshToken}, "token_type_hint": {"refresh_token"}})
	if got := answer(t, h, "GET /users/me "+second.AccessToken); !strings.HasPrefix(got, "401") {
		t.Errorf("after the log-out: %s", got)
	}
	if _, code := exchange(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {second.RefreshToken}}); code != 400 {
		t.Errorf("after the log-out: %d", code)
	}
}

func TestLogInPagesOfOthersAreRefused(t *testing.T) {
	h := newPerson(t)
	for name, change := range map[string]map[string]string{
		"another host":      {"redirect_uri": "http://evil.example/"},
		"a host like it":    {"redirect_uri": "http://127.0.0.1.evil.example/"},
		"credentials":       {"redirect_uri": "http://127.0.0.1@evil.example/"},
		"a script":          {"redirect_uri": "javascript:alert(1)"},
		"not plain HTTP":    {"redirect_uri": "https://127.0.0.1/"},
		"a token at once":   {"response_type": "token"},
		"a plain challenge": {"code_challenge_method": "plain"},
		"a strange client":  {"client_id": "<script>"},
		"a long state":      {"state": strings.Repeat("x", 4<<10)},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequestWithContext(t.Context(), method, authorizeURL(change), nil)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 400 || w.Header().Get("Location") != "" || strings.Contains(w.Body.String(), "<form") || strings.Contains(w.Body.String(), "<script") {
				t.Errorf("%s %s: %d %v\n%s", method, name, w.Code, w.Header(), w.Body)
			}
		}
	}
	for name, headers := range map[string]map[string]string{
		"a browser that says so": {"Sec-Fetch-Site": "cross-site"}, "an older browser": {"Origin": "http://evil.example"},
	} {
		if w := submit(t, h, authorizeURL(nil), "jo@example.com", loginPassword, headers); w.Code != 400 || w.Header().Get("Location") != "" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	missing := submit(t, h, authorizeURL(map[string]string{"code_challenge": ""}), "jo@example.com", loginPassword, nil)
	if missing.Code != 400 || missing.Header().Get("Location") != "" {
		t.Errorf("no challenge: %d", missing.Code)
	}
}

func TestWrongPasswordsShowThePageAgain(t *testing.T) {
	h := newPerson(t)
	for i, login := range []string{"jo@example.com", "nobody@example.com", `"><script>`} {
		w := submit(t, h, authorizeURL(nil), login, "wrong", nil)
		if w.Code != 401 || !strings.Contains(w.Body.String(), "The e-mail address, the password or the one-time code is wrong") || strings.Contains(w.Body.String(), "<script") {
			t.Errorf("%d: %d %s", i, w.Code, w.Body)
		}
	}
	var w *httptest.ResponseRecorder
	for range 6 {
		w = submit(t, h, authorizeURL(nil), "jo@example.com", "wrong", nil)
	}
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("after many guesses: %d %v", w.Code, w.Header())
	}
}
