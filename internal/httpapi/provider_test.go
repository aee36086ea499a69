package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"sluice/apiv1"
	"sluice/internal/account"
	"sluice/internal/httpapi"
	"sluice/internal/httpapi/httpapitest"
	"sluice/internal/platform"
)

const invitationSecret = "sluice_invitation_of_the_tests"

// browser keeps cookies and sends forms as one does.
type browser struct {
	h       http.Handler
	cookies map[string]*http.Cookie
}

func (b *browser) do(t *testing.T, method, target string, fields url.Values) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(fields.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	b.h.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if b.cookies == nil {
			b.cookies = map[string]*http.Cookie{}
		}
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c
	}
	return w
}

// begin sends the form of a provider, and returns the state.
func (b *browser) begin(t *testing.T, at string) string {
	t.Helper()
	w := b.do(t, http.MethodPost, at, nil)
	address, ok := strings.CutPrefix(w.Header().Get("Refresh"), "0; url=")
	u, err := url.Parse(address)
	if w.Code != 200 || !ok || err != nil || w.Header().Get("Location") != "" {
		t.Fatalf("%d %v\n%s", w.Code, w.Header(), w.Body)
	}
	return u.Query().Get("state")
}

// providerPages is a platform with the providers corp and other.
func providerPages(t *testing.T) (p *httpapitest.Platform, b *browser, corp, other *httpapitest.Provider) {
	t.Helper()
	p = httpapitest.New()
	corp, other = &httpapitest.Provider{ID: "corp"}, &httpapitest.Provider{ID: "other"}
	p.Providers = []account.Provider{corp, other}
	return p, &browser{h: newHandler(p, io.Discard)}, corp, other
}

func providerURL(id string) string {
	return strings.Replace(authorizeURL(nil), "/oauth2/authorize?", "/oauth2/provider/"+id+"?", 1)
}

func rita() platform.Identity {
	return platform.Identity{Subject: "s1", Email: "rita@example.com", EmailVerified: new(true)}
}

// TestLogInThroughAProvider is the way of a browser: page, form, provider, back, to the client.
func TestLogInThroughAProvider(t *testing.T) {
	_, b, corp, _ := providerPages(t)
	page := b.do(t, http.MethodGet, authorizeURL(nil), nil).Body.String()
	action := regexp.MustCompile(`action="(provider/corp[^"]*)"`).FindStringSubmatch(page)
	if action == nil || !strings.Contains(page, "Log in with Company corp") || !strings.Contains(page, "Log in with Company other") {
		t.Fatalf("page = %s", page)
	}
	state := b.begin(t, "/oauth2/"+strings.ReplaceAll(action[1], "&amp;", "&"))
	for name, c := range b.cookies {
		if !strings.HasPrefix(name, "__Host-") || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Domain != "" {
			t.Errorf("cookie %+v", c)
		}
	}
	corp.Person("c1", rita())
	done := b.do(t, http.MethodGet, "/oauth2/callback/corp?code=c1&state="+state, nil)
	back, err := url.Parse(done.Header().Get("Location"))
	if err != nil || done.Code != http.StatusSeeOther || back.Host != "127.0.0.1:5000" || back.Query().Get("state") != "a&b=c" || back.Query().Get("code") == "" {
		t.Fatalf("%d %v, %v", done.Code, done.Header(), err)
	}
	if done.Header().Get("Referrer-Policy") != "no-referrer" || len(b.cookies) != 0 {
		t.Errorf("%v, cookies %v", done.Header(), b.cookies)
	}
	code, body := form(t, b.h, "/oauth2/token", "sluice-cli", url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {"http://127.0.0.1:5000"}, "code_verifier": {loginVerifier},
	})
	var token apiv1.OAuthToken
	if err := json.Unmarshal([]byte(body), &token); err != nil || code != 200 {
		t.Fatalf("%d %s, %v", code, body, err)
	}
	if got := answer(t, b.h, "GET /users/me "+token.AccessToken); !strings.Contains(got, `"id": "rita"`) || !strings.Contains(got, `"sso_enabled": true`) {
		t.Errorf("answer = %s", got)
	}
}

// TestAnswersOfProvidersAreNotForOthers: log-in CSRF, mix-up of providers, use of a code twice,
// and addresses that lead elsewhere.
func TestAnswersOfProvidersAreNotForOthers(t *testing.T) {
	p, b, corp, other := providerPages(t)
	refused := func(name string, by *browser, target string) {
		t.Helper()
		corp.Person("c1", rita())
		other.Person("c1", rita())
		w := by.do(t, http.MethodGet, target, nil)
		if w.Code < 400 || w.Header().Get("Location") != "" || w.Header().Get("Refresh") != "" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	victim := &browser{h: b.h}
	refused("another browser", victim, "/oauth2/callback/corp?code=c1&state="+b.begin(t, providerURL("corp")))
	victim.begin(t, providerURL("corp"))
	refused("a browser with a log-in of its own", victim, "/oauth2/callback/corp?code=c1&state="+b.begin(t, providerURL("corp")))
	refused("another provider", b, "/oauth2/callback/other?code=c1&state="+b.begin(t, providerURL("corp")))
	refused("another issuer", b, "/oauth2/callback/corp?code=c1&iss=https%3A%2F%2Fother.example&state="+b.begin(t, providerURL("corp")))
	refused("a code of nobody", b, "/oauth2/callback/corp?code=c2&state="+b.begin(t, providerURL("corp")))
	refused("no state", b, "/oauth2/callback/corp?code=c1")
	refused("no provider", b, "/oauth2/callback/nope?code=c1&state="+b.begin(t, providerURL("corp")))
	state := b.begin(t, providerURL("corp"))
	corp.Person("c1", rita())
	if w := b.do(t, http.MethodGet, "/oauth2/callback/corp?code=c1&state="+state, nil); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	refused("a second time", b, "/oauth2/callback/corp?code=c1&state="+state)

	for name, at := range map[string]string{
		"another host": strings.Replace(providerURL("corp"), "127.0.0.1", "evil.example", 1), "no request": "/oauth2/provider/corp", "no provider": providerURL("nope"),
	} {
		if w := b.do(t, http.MethodPost, at, nil); w.Code < 400 || w.Header().Get("Refresh") != "" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	for _, path := range []string{providerURL("corp"), "/oauth2/continue", "/invitations/" + invitationSecret, "/invitations/" + invitationSecret + "/provider/corp"} {
		p.AddInvitation("invitation-1", "new@example.com", invitationSecret)
		w := submit(t, b.h, path, "x", "y", map[string]string{"Sec-Fetch-Site": "cross-site"})
		if w.Code != 400 || w.Header().Get("Refresh") != "" || !strings.Contains(w.Body.String(), "The form was sent by another page") {
			t.Errorf("%s by another page: %d %v", path, w.Code, w.Header())
		}
	}
}

func TestProvidersThatAreDown(t *testing.T) {
	_, b, corp, _ := providerPages(t)
	corp.Err = platform.Errorf(platform.CodeUnavailable, "Company corp does not respond").WithHint("try again later, or log in with your password")
	w := b.do(t, http.MethodPost, providerURL("corp"), nil)
	if body := w.Body.String(); w.Code != 503 || !strings.Contains(body, "Company corp does not respond.") || !strings.Contains(body, `href="../authorize?`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	corp.Err = nil
	state := b.begin(t, providerURL("corp"))
	w = b.do(t, http.MethodGet, "/oauth2/callback/corp?error=access_denied&error_description=%3Cscript%3E&state="+state, nil)
	if body := w.Body.String(); w.Code != 401 || !strings.Contains(body, "You did not log in with Company corp, or it refused.") || strings.Contains(body, "script") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestConnectingAsksForThePassword: a page with a form that only this browser can send.
func TestConnectingAsksForThePassword(t *testing.T) {
	_, b, corp, _ := providerPages(t)
	if got := answer(t, b.h, "POST /users "+httpapitest.Admin+"\n"+`{"email":"jo@example.com","password":"`+loginPassword+`"}`); !strings.HasPrefix(got, "201") {
		t.Fatalf("answer = %s", got)
	}
	state := b.begin(t, providerURL("corp"))
	corp.Person("c1", platform.Identity{Subject: "s9", Email: "jo@example.com", EmailVerified: new(true)})
	page := b.do(t, http.MethodGet, "/oauth2/callback/corp?code=c1&state="+state, nil)
	ticket := regexp.MustCompile(`name="ticket" value="([^"]+)"`).FindStringSubmatch(page.Body.String())
	if page.Code != 200 || ticket == nil || !strings.Contains(page.Body.String(), `action="../continue"`) || !strings.Contains(page.Body.String(), "Password of the account") {
		t.Fatalf("%d %s", page.Code, page.Body)
	}
	send := func(by *browser, word string) *httptest.ResponseRecorder {
		return by.do(t, http.MethodPost, "/oauth2/continue", url.Values{"ticket": {ticket[1]}, "state": {state}, "password": {word}})
	}
	if w := send(&browser{h: b.h}, loginPassword); w.Code != 400 || w.Header().Get("Location") != "" {
		t.Errorf("another browser: %d %v", w.Code, w.Header())
	}
	if w := send(b, "wrong"); w.Code != 401 || !strings.Contains(w.Body.String(), `action="continue"`) || !strings.Contains(w.Body.String(), ticket[1]) {
		t.Errorf("a wrong password: %d %s", w.Code, w.Body)
	}
	if w := send(b, loginPassword); w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "http://127.0.0.1:5000?code=") {
		t.Errorf("%d %v\n%s", w.Code, w.Header(), w.Body)
	}
}

// TestPagesLoadNothing: no script, nothing of other hosts, no referrer, no cache.
func TestPagesLoadNothing(t *testing.T) {
	p, b, _, _ := providerPages(t)
	p.AddInvitation("invitation-1", "new@example.com", invitationSecret)
	outside := regexp.MustCompile(`(?i)<script|<link|<img|@import|url\(|\son\w+=|style="`)
	for request, post := range map[string]bool{
		authorizeURL(nil): false, "/oauth2/authorize": false, providerURL("corp"): true, "/oauth2/callback/corp": false, "/invitations/" + invitationSecret: false,
		"/invitations/nope": false, "/api/invitations/" + invitationSecret: false, "/oauth2/continue": true,
	} {
		method := http.MethodGet
		if post {
			method = http.MethodPost
		}
		w := b.do(t, method, request, nil)
		h := w.Header()
		policy := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") ||
			h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" || h.Get("X-Frame-Options") != "DENY" || !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
			t.Errorf("%s %s: %d %v", method, request, w.Code, h)
		}
		if found := outside.FindString(w.Body.String()); found != "" {
			t.Errorf("%s %s has %q", method, request, found)
		}
	}
}

// invite asks for an invitation as olga.
func (b *browser) invite(t *testing.T, body string) (string, apiv1.Invitation) {
	t.Helper()
	got := answer(t, b.h, "POST /projects/shop/invitations "+httpapitest.Owner+"\n"+body)
	var out apiv1.Invitation
	if _, text, ok := strings.Cut(got, "{"); ok && strings.HasPrefix(got, "201") {
		if err := json.Unmarshal([]byte("{"+text), &out); err != nil {
			t.Fatalf("%s: %v", got, err)
		}
	}
	return got, out
}

// TestAnInvitationIsOpenedAndAccepted through its pages, and answers to clients as theirs do.
func TestAnInvitationIsOpenedAndAccepted(t *testing.T) {
	_, b, _, _ := providerPages(t)
	body := `{"email":"new@example.com","role":"viewer","permissions":[{"type":"development","role":"contributor"}],"environments":[],"force":false}`
	got, open := b.invite(t, body)
	if !strings.HasPrefix(got, "201") || open.State != "pending" || open.Role != "viewer" || len(open.Permissions) != 1 || !strings.HasPrefix(open.ActivationURL, "https://sluice.test/invitations/sluice_invitation_") {
		t.Fatalf("answer = %s", got)
	}
	if got, _ := b.invite(t, body); !strings.HasPrefix(got, "409") {
		t.Errorf("answer = %s", got)
	}
	_, open = b.invite(t, strings.Replace(body, "false", "true", 1))
	if got := answer(t, b.h, "GET /projects/shop/invitations "+httpapitest.Owner); strings.Count(got, `"state": "pending"`) != 1 || !strings.Contains(got, open.ActivationURL) {
		t.Errorf("answer = %s", got)
	}
	for _, token := range []string{httpapitest.Reader, httpapitest.Contributor} {
		if got := answer(t, b.h, "GET /projects/shop/invitations "+token); !strings.HasPrefix(got, "403") || strings.Contains(got, "sluice_invitation_") {
			t.Errorf("answer = %s", got)
		}
	}
	at := strings.TrimPrefix(open.ActivationURL, "https://sluice.test")
	page := b.do(t, http.MethodGet, at, nil)
	if text := page.Body.String(); page.Code != 200 || !strings.Contains(text, "<strong>olga</strong> invited <strong>new@example.com</strong> to the project <strong>Example shop</strong>") || !strings.Contains(text, `autocomplete="new-password"`) {
		t.Fatalf("%d %s", page.Code, page.Body)
	}
	fields := url.Values{"first_name": {`"><script>`}, "password": {loginPassword}, "repeated": {"another"}}
	if w := b.do(t, http.MethodPost, at, fields); w.Code != 400 || !strings.Contains(w.Body.String(), "The two passwords are not the same") || strings.Contains(w.Body.String(), "<script") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	fields.Set("repeated", loginPassword)
	if w := b.do(t, http.MethodPost, at, fields); w.Code != 200 || !strings.Contains(w.Body.String(), "sluice auth:login --server https://sluice.test") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} { // good once
		if w := b.do(t, method, at, fields); w.Code != 404 || !strings.Contains(w.Body.String(), "This invitation was used, withdrawn or replaced, or has expired.") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if w := submit(t, b.h, authorizeURL(nil), "new@example.com", loginPassword, nil); w.Code != http.StatusSeeOther {
		t.Errorf("log-in: %d %s", w.Code, w.Body)
	}
}

// TestAProviderAcceptsAnInvitation of the address that it verifies, and of no other.
func TestAProviderAcceptsAnInvitation(t *testing.T) {
	_, b, corp, _ := providerPages(t)
	_, open := b.invite(t, `{"email":"sue@example.com","role":"admin"}`)
	at := strings.TrimPrefix(open.ActivationURL, "https://sluice.test")
	state := b.begin(t, at+"/provider/corp")
	corp.Person("c1", rita())
	if w := b.do(t, http.MethodGet, "/oauth2/callback/corp?code=c1&state="+state, nil); w.Code != 403 || !strings.Contains(w.Body.String(), "The invitation is for sue@example.com, and you logged in as rita@example.com") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	state = b.begin(t, at+"/provider/corp")
	corp.Person("c1", platform.Identity{Subject: "s3", Email: "Sue@example.com", EmailVerified: new(true)})
	if w := b.do(t, http.MethodGet, "/oauth2/callback/corp?code=c1&state="+state, nil); w.Code != 200 || !strings.Contains(w.Body.String(), "The invitation to the project shop is accepted") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if got := answer(t, b.h, "GET /projects/shop/access "+httpapitest.Owner); !strings.Contains(got, "sue@example.com") {
		t.Errorf("answer = %s", got)
	}
}

// TestCookiesOfAServerWithoutTLS work, as it is on this machine.
func TestCookiesOfAServerWithoutTLS(t *testing.T) {
	p, _, _, _ := providerPages(t)
	c := testConfig(io.Discard)
	c.PublicURL = "http://127.0.0.1:7070"
	b := &browser{h: httpapi.New(p.Ports(), c)}
	b.begin(t, providerURL("corp"))
	for name, c := range b.cookies {
		if !strings.HasPrefix(name, "sluice_login_") || c.Secure || !c.HttpOnly {
			t.Errorf("cookie %+v", c)
		}
	}
}
