package oidc_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sluice/apiv1"
	"sluice/internal/account"
	"sluice/internal/httpapi"
	"sluice/internal/httpapi/httpapitest"
	"sluice/internal/oidc"
	"sluice/internal/platform"
)

// people are those of the real provider.
const people = `{
	"id-rita": {"ID": "id-rita", "Username": "rita", "Password": "pw", "FirstName": "Rita", "Email": "rita@example.com", "EmailVerified": true},
	"id-evil": {"ID": "id-evil", "Username": "evil", "Password": "pw", "FirstName": "Eve", "Email": "jane@example.com", "EmailVerified": false},
	"id-new":  {"ID": "id-new", "Username": "new", "Password": "pw", "FirstName": "New", "Email": "new@example.com", "EmailVerified": true}}`

// realProvider starts the example server of zitadel/oidc, whose libraries are certified, and
// returns its issuer. The Makefile installs it.
func realProvider(t *testing.T, callback string) (issuer string, stop func()) {
	t.Helper()
	program := os.Getenv("SLUICE_OIDC_PROVIDER") //nolint:forbidigo // how tests are configured
	if program == "" {
		if strings.Contains(os.Getenv("SLUICE_REQUIRE"), "provider") { //nolint:forbidigo // how tests are configured
			t.Fatal("SLUICE_OIDC_PROVIDER names no provider")
		}
		t.Skip("set SLUICE_OIDC_PROVIDER to the example server of github.com/zitadel/oidc/v3")
	}
	users := filepath.Join(t.TempDir(), "users.json")
	check(t, os.WriteFile(users, []byte(people), 0o600))
	for range 10 { // another program may take the port meanwhile
		issuer, stop, err := startProvider(t, program, users, callback)
		if err == nil {
			return issuer, stop
		}
		t.Log(err)
	}
	t.Fatal("the provider does not start")
	return "", nil
}

func startProvider(t *testing.T, program, users, callback string) (issuer string, stop func(), err error) {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "localhost:0")
	check(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	check(t, errors.Join(err, l.Close()))
	ctx, end := context.WithCancelCause(context.WithoutCancel(t.Context()))
	cancel := func() { end(errors.New("the test ended")) }
	var output strings.Builder
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = []string{"PORT=" + port, "USERS_FILE=" + users, "REDIRECT_URI=" + callback}
	cmd.Stderr = &output
	check(t, cmd.Start())
	ended := make(chan struct{})
	var outcome error
	go func() { outcome = cmd.Wait(); close(ended) }()
	issuer = "http://localhost:" + port + "/"
	for waiting := true; waiting; {
		select {
		case <-ended:
			cancel()
			return "", nil, fmt.Errorf("the provider ended: %w\n%s", outcome, output.String())
		default:
		}
		waiting = !responds(ctx, t, issuer+".well-known/openid-configuration")
	}
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return issuer, stop, nil
}

// responds asks for a page once.
func responds(ctx context.Context, t *testing.T, page string) bool {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	check(t, err)
	resp, err := new(http.Client).Do(r)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// person is somebody with a browser, which goes wherever pages lead, up to the client's address.
type person struct {
	t    *testing.T
	base string
	http *http.Client
}

const clientAddress = "http://127.0.0.1:1/back"

func newBrowser(t *testing.T, base string) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	check(t, err)
	return &person{t, base, &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), clientAddress) {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

// shown is where a browser is by now.
type shown struct {
	status int
	at     *url.URL
	header http.Header
	body   string
}

// open goes to an address, or sends a form there, and returns where that leads.
func (p *person) open(target string, form url.Values) shown {
	p.t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, target, strings.NewReader(form.Encode()))
	check(p.t, err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "http://"+r.URL.Host)
	}
	resp, err := p.http.Do(r)
	check(p.t, err)
	body, err := io.ReadAll(resp.Body)
	check(p.t, errors.Join(err, resp.Body.Close()))
	return shown{resp.StatusCode, resp.Request.URL, resp.Header, string(body)}
}

const verifier = "0123456789012345678901234567890123456789012345"

func authorizeQuery() string {
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{
		"response_type": {"code"}, "client_id": {"cli"}, "redirect_uri": {clientAddress}, "state": {"xyz"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode()
}

var hidden = regexp.MustCompile(`name="id" value="([^"]+)"`)

// logIn goes from our page to the provider's, logs in there, and returns where that leads.
func (p *person) logIn(provider, username string) shown {
	p.t.Helper()
	page := p.open(p.base+"/oauth2/provider/"+provider+"?"+authorizeQuery(), url.Values{})
	address, ok := strings.CutPrefix(page.header.Get("Refresh"), "0; url=")
	if !ok {
		return page
	}
	page = p.open(address, nil)
	id := hidden.FindStringSubmatch(page.body)
	if id == nil {
		p.t.Fatalf("the provider shows %d %s", page.status, page.body)
	}
	return p.open("http://"+page.at.Host+"/login/username", url.Values{"id": {id[1]}, "username": {username}, "password": {"pw"}})
}

// TestWithARealProvider goes the way of a browser through both servers.
func TestWithARealProvider(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	issuer, stop := realProvider(t, base+"/oauth2/callback/corp,"+base+"/oauth2/callback/wrong")
	config := func(id, issuer, secret string) *oidc.Provider {
		dir := t.TempDir()
		check(t, os.WriteFile(filepath.Join(dir, "secret"), []byte(secret), 0o600))
		file := filepath.Join(dir, "p.json")
		check(t, os.WriteFile(file, []byte(`{"providers": [{"id": "`+id+`", "issuer": "`+issuer+`", "client_id": "web", "client_secret_file": "`+dir+`/secret"}]}`), 0o600))
		all, err := oidc.Load(file, func(id string) string { return base + "/oauth2/callback/" + id })
		check(t, err)
		return all[0]
	}
	p := httpapitest.New()
	p.Providers = []account.Provider{config("corp", issuer, "secret"), config("wrong", issuer, "another secret")}
	server.Config.Handler = httpapi.New(p.Ports(), httpapi.Config{
		PublicURL: base, RepositoryURL: func(id string) string { return base + "/" + id + ".git" }, Log: slog.New(slog.DiscardHandler),
	})
	server.Start()
	t.Cleanup(server.Close)

	page := newBrowser(t, base).logIn("corp", "rita")
	who, access := whoIs(t, base, page)
	if who != "rita" {
		t.Errorf("logged in as %s", who)
	}
	// Her browser goes back to where the provider had sent it.
	if again := newBrowser(t, base).open(page.at.String(), nil); again.status != http.StatusBadRequest || !strings.Contains(again.body, "has ended, was used already") {
		t.Errorf("a second time: %d %s", again.status, again.body)
	}
	newBrowser(t, base).open(base+"/oauth2/revoke", url.Values{"client_id": {"cli"}, "token": {access}})
	if status := asks(t, base, access); status != http.StatusUnauthorized {
		t.Errorf("after the log-out: %d", status)
	}

	for name, test := range map[string]struct{ provider, username, want string }{
		"an address that is not verified": {"corp", "evil", "Corp does not say that your e-mail address is verified"},
		"a stranger":                      {"corp", "new", "There is no account of new@example.com here."},
		"a wrong secret":                  {"wrong", "rita", "has to check client_id and client_secret_file"},
	} {
		page := newBrowser(t, base).logIn(test.provider, test.username)
		if page.status < 400 || !strings.Contains(page.body, test.want) {
			t.Errorf("%s: %d %s", name, page.status, page.body)
		}
	}
	p.AddInvitation("i1", "new@example.com", "sluice_invitation_x")
	_, access = whoIs(t, base, newBrowser(t, base).logIn("corp", "new"))
	if status := asks(t, base, access); status != http.StatusOK {
		t.Errorf("the invited person: %d", status)
	}

	spent := &platform.ProviderChallenge{Nonce: "n", Verifier: verifier}
	_, err := p.Providers[0].Identify(t.Context(), *spent, "a code of nobody")
	if platform.ErrorCode(err) != platform.CodeUnauthorized {
		t.Errorf("a code of nobody: %v", err)
	}
	stop()
	if _, err = p.Providers[0].Identify(t.Context(), *spent, "x"); platform.ErrorCode(err) != platform.CodeUnavailable {
		t.Errorf("a provider that is down: %v", err)
	}
}

// whoIs exchanges the code that a browser brings to the client, and returns the user and the
// access token.
func whoIs(t *testing.T, base string, page shown) (id, access string) {
	t.Helper()
	back, err := url.Parse(page.header.Get("Location"))
	if err != nil || !strings.HasPrefix(back.String(), clientAddress+"?code=sluice_code_") || back.Query().Get("state") != "xyz" {
		t.Fatalf("%d %v %v\n%s", page.status, back, err, page.body)
	}
	client, err := apiv1.NewClient(base, "", apiv1.Options{})
	check(t, err)
	token, err := client.ExchangeCode(t.Context(), "cli", clientAddress, back.Query().Get("code"), verifier)
	check(t, err)
	client, err = apiv1.NewClient(base, token.AccessToken, apiv1.Options{})
	check(t, err)
	u, err := client.Me(t.Context())
	check(t, err)
	return u.ID, token.AccessToken
}

// asks returns the status of a project's page.
func asks(t *testing.T, base, access string) int {
	t.Helper()
	client, err := apiv1.NewClient(base, access, apiv1.Options{})
	check(t, err)
	_, err = client.Project(t.Context(), "shop")
	if err == nil {
		return http.StatusOK
	}
	return apiv1.StatusCode(err)
}
