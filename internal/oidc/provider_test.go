package oidc_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc/oidctest"

	"sluice/internal/oidc"
	"sluice/internal/platform"
)

// hostile is a provider that signs whatever a test wants.
type hostile struct {
	*httptest.Server
	op     oidctest.Server
	key    *rsa.PrivateKey
	claims map[string]any // of the next ID token
	token  func(w http.ResponseWriter, r *http.Request) bool
	forms  []url.Values // that reached the token endpoint
}

func newHostile(t *testing.T) *hostile {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	h := &hostile{key: key}
	h.op.PublicKeys = []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "k", Algorithm: "RS256"}}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.Close)
	h.op.SetIssuer(h.URL)
	return h
}

func (h *hostile) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/token" {
		h.op.ServeHTTP(w, r)
		return
	}
	_ = r.ParseForm()
	h.forms = append(h.forms, r.PostForm)
	if h.token != nil && h.token(w, r) {
		return
	}
	h.respond(w, h.sign(h.key, h.claims))
}

func (h *hostile) sign(key *rsa.PrivateKey, claims map[string]any) string {
	raw, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return oidctest.SignIDToken(key, "k", "RS256", string(raw))
}

func (h *hostile) respond(w http.ResponseWriter, idToken string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"access_token": "at-hunter2", "token_type": "Bearer", "id_token": %q}`, idToken)
}

// provider returns a client of it.
func (h *hostile) provider(t *testing.T) *oidc.Provider {
	t.Helper()
	all, err := load(t, `{"providers": [{"id": "corp", "title": "Corp", "issuer": "`+h.URL+`", "client_id": "sluice", "client_secret_file": "DIR/secret"}]}`)
	check(t, err)
	return all[0]
}

func claimsOf(h *hostile, change map[string]any) map[string]any {
	c := map[string]any{
		"iss": h.URL, "aud": "sluice", "sub": "s1", "nonce": "n1", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
		"email": "jo@example.com", "email_verified": true, "given_name": "Jo", "groups": []string{"shops"}, "auth_time": 1_000_000,
	}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

var thisLogIn = platform.ProviderChallenge{State: "st1", Nonce: "n1", Verifier: strings.Repeat("v", 43), MaxAge: time.Hour}

func TestAddressAndIdentity(t *testing.T) {
	h := newHostile(t)
	p := h.provider(t)
	address, err := p.Address(t.Context(), thisLogIn)
	check(t, err)
	u, err := url.Parse(address)
	check(t, err)
	q := u.Query()
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "sluice", "redirect_uri": "https://sluice.example.com/oauth2/callback/corp", "state": "st1", "nonce": "n1",
		"scope": "openid email profile", "code_challenge_method": "S256", "max_age": "3600",
	} {
		if q.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, q.Get(name), want)
		}
	}
	if q.Get("code_challenge") == "" || strings.Contains(address, thisLogIn.Verifier) || strings.Contains(address, "secret") {
		t.Errorf("address %s", address)
	}
	h.claims = claimsOf(h, nil)
	i, err := p.Identify(t.Context(), thisLogIn, "c1")
	if err != nil || i.Subject != "s1" || i.Email != "jo@example.com" || i.EmailVerified == nil || !*i.EmailVerified || i.FirstName != "Jo" ||
		i.Groups[0] != "shops" || i.LoginAt.Unix() != 1_000_000 {
		t.Errorf("%+v, %v", i, err)
	}
	if f := h.forms[0]; f.Get("code") != "c1" || f.Get("code_verifier") != thisLogIn.Verifier {
		t.Errorf("the token endpoint got %v", f)
	}
	for claim, want := range map[any]string{nil: "nil", false: "false", "true": "true", "yes": "false", 1: "false"} {
		h.claims = claimsOf(h, map[string]any{"email_verified": claim, "groups": "one"})
		i, err := p.Identify(t.Context(), thisLogIn, "c1")
		got := "nil"
		if i.EmailVerified != nil {
			got = strconv.FormatBool(*i.EmailVerified)
		}
		if err != nil || got != want || i.Groups[0] != "one" {
			t.Errorf("email_verified %v: %s, %v", claim, got, err)
		}
	}
}

// TestTokensThatProveNothing are refused, with a hint for whom it concerns; none of the secrets
// is in the message.
func TestTokensThatProveNothing(t *testing.T) {
	h := newHostile(t)
	p := h.provider(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	for name, test := range map[string]struct {
		change map[string]any
		want   string
	}{
		"another audience":  {map[string]any{"aud": "another"}, "expected audience"},
		"another issuer":    {map[string]any{"iss": "https://other.example"}, "different provider"},
		"another log-in":    {map[string]any{"nonce": "n2"}, "nonce"},
		"no nonce":          {map[string]any{"nonce": nil}, "nonce"},
		"no subject":        {map[string]any{"sub": nil}, "subject"},
		"a long subject":    {map[string]any{"sub": strings.Repeat("x", 300)}, "subject"},
		"several audiences": {map[string]any{"aud": []string{"sluice", "another"}}, "issued to"},
		"another party":     {map[string]any{"aud": []string{"sluice", "another"}, "azp": "another"}, "issued to"},
		"expired":           {map[string]any{"exp": time.Now().Add(-10 * time.Minute).Unix()}, "expired 10m"},
		"of the future":     {map[string]any{"iat": time.Now().Add(10 * time.Minute).Unix()}, "begins to be valid in"},
		"not valid yet":     {map[string]any{"nbf": time.Now().Add(10 * time.Minute).Unix()}, "begins to be valid in"},
	} {
		h.claims = claimsOf(h, test.change)
		_, err := p.Identify(t.Context(), thisLogIn, "code-hunter2")
		if platform.ErrorCode(err) != platform.CodeUnauthorized || !strings.Contains(err.Error(), test.want) || platform.ErrorHint(err) == "" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, token := range map[string]string{
		"another key":  h.sign(other, claimsOf(h, nil)),
		"no signature": "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.",
		"no token":     "x",
	} {
		h.token = func(w http.ResponseWriter, _ *http.Request) bool { h.respond(w, token); return true }
		_, err := p.Identify(t.Context(), thisLogIn, "code-hunter2")
		if platform.ErrorCode(err) != platform.CodeUnauthorized || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClocksThatDifferALittleAreFine(t *testing.T) {
	h := newHostile(t)
	p := h.provider(t)
	for _, skew := range []time.Duration{-90 * time.Second, 150 * time.Second} {
		h.claims = claimsOf(h, nil)
		p.SetNow(func() time.Time { return time.Now().Add(skew) })
		_, err := p.Identify(t.Context(), thisLogIn, "c1")
		check(t, err)
	}
	p.SetNow(func() time.Time { return time.Now().Add(time.Hour) })
	_, err := p.Identify(t.Context(), thisLogIn, "c1")
	if platform.ErrorCode(err) != platform.CodeUnauthorized || !strings.Contains(platform.ErrorHint(err), "clock") {
		t.Errorf("%v", err)
	}
}

func TestTokenEndpointsThatRefuseOrFail(t *testing.T) {
	h := newHostile(t)
	p := h.provider(t)
	for name, test := range map[string]struct {
		status int
		body   string
		code   platform.Code
		want   string
	}{
		"code":    {400, `{"error": "invalid_grant", "error_description": "code-hunter2"}`, platform.CodeUnauthorized, "begin again"},
		"client":  {401, `{"error": "invalid_client"}`, platform.CodeUnauthorized, "client_secret_file"},
		"failure": {500, `oops`, platform.CodeUnavailable, "try again later"},
		"no ID":   {200, `{"access_token": "x", "token_type": "Bearer"}`, platform.CodeUnauthorized, "openid"},
		"large":   {200, `{"access_token": "` + strings.Repeat("x", 2<<20) + `"}`, platform.CodeUnavailable, "try again later"},
		"away":    {302, ``, platform.CodeUnauthorized, "begin again"},
	} {
		h.token = func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Location", "http://evil.example/")
			w.WriteHeader(test.status)
			_, _ = w.Write([]byte(test.body))
			return true
		}
		_, err := p.Identify(t.Context(), thisLogIn, "code-hunter2")
		if platform.ErrorCode(err) != test.code || !strings.Contains(platform.ErrorHint(err), test.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v (%s)", name, err, platform.ErrorHint(err))
		}
	}
}

// TestAProviderThatComesBack is asked again, and one that calls itself something else is not
// believed.
func TestAProviderThatComesBack(t *testing.T) {
	h := newHostile(t)
	p := h.provider(t)
	now := time.Now()
	p.SetNow(func() time.Time { return now })
	h.op.SetIssuer("https://other.example")
	for range 2 {
		_, err := p.Address(t.Context(), thisLogIn)
		if platform.ErrorCode(err) != platform.CodeUnavailable || platform.ErrorHint(err) == "" {
			t.Errorf("%v", err)
		}
	}
	h.op.SetIssuer(h.URL)
	now = now.Add(time.Minute)
	_, err := p.Address(t.Context(), thisLogIn)
	check(t, err)
	h.Close()
	_, err = p.Identify(t.Context(), thisLogIn, "c1")
	if platform.ErrorCode(err) != platform.CodeUnavailable || !strings.Contains(err.Error(), "Corp does not respond") {
		t.Errorf("%v", err)
	}
}
