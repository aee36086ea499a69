package httpapi

import (
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"sluice/internal/platform"
)

// Limits of the request that a client sends its user with.
const (
	maxState    = 2 << 10
	maxRedirect = 1 << 10
	maxAge      = 10 * 365 * 24 * time.Hour
)

// readAuthorization reads the request that a client sent its user with. Its answer goes to a
// program on the user's own machine only.
func readAuthorization(r *http.Request) (platform.AuthorizationRequest, error) {
	q := r.URL.Query()
	out := platform.AuthorizationRequest{
		Client: q.Get("client_id"), RedirectURI: q.Get("redirect_uri"), Challenge: q.Get("code_challenge"), State: q.Get("state"),
	}
	if text := q.Get("max_age"); text != "" {
		seconds, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return out, invalid("max_age", "max_age has to be a number of seconds")
		}
		out.MaxAge = min(max(time.Duration(seconds)*time.Second, time.Second), maxAge)
	}
	switch {
	case !clientID.MatchString(out.Client):
		return out, invalid("client_id", "the request names no client")
	case len(out.RedirectURI) > maxRedirect || !loopback(out.RedirectURI):
		return out, invalid("redirect_uri", "the answer can go to a program on your own machine only")
	case q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256":
		return out, invalid("response_type", "the client has to ask for a code, with a challenge by S256")
	case len(out.State) > maxState:
		return out, invalid("state", "the state is too long")
	}
	return out, nil
}

// authorizationQuery is what readAuthorization reads.
func authorizationQuery(request platform.AuthorizationRequest) string {
	q := url.Values{
		"response_type": {"code"}, "client_id": {request.Client}, "redirect_uri": {request.RedirectURI}, "state": {request.State},
		"code_challenge": {request.Challenge}, "code_challenge_method": {"S256"},
	}
	if request.MaxAge > 0 {
		q.Set("max_age", strconv.Itoa(int(request.MaxAge.Seconds())))
	}
	return "?" + q.Encode()
}

// loopback reports whether a URL is one of this very machine, whatever the port.
func loopback(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.IsLoopback()
}

func (a *api) loginPage(w http.ResponseWriter, r *http.Request) {
	request, err := readAuthorization(r)
	if err != nil {
		a.showBroken(w, r, err)
		return
	}
	a.showLogin(w, r, http.StatusOK, a.loginView(request), request)
}

// logIn serves the form.
func (a *api) logIn(w http.ResponseWriter, r *http.Request) {
	request, err := readAuthorization(r)
	if err == nil {
		err = checkForm(r)
	}
	if err != nil {
		a.showBroken(w, r, err)
		return
	}
	code, err := a.Accounts.LogIn(r.Context(), request, platform.LogIn{
		Login: r.PostForm.Get("login"), Password: r.PostForm.Get("password"), OneTime: r.PostForm.Get("one_time"), Address: remoteAddress(r),
	})
	if err != nil {
		view := a.loginView(request)
		view.Login = r.PostForm.Get("login")
		a.showLogin(w, r, a.problem(w, r, &view, err), view, request)
		return
	}
	a.backToClient(w, r, request, code)
}

// backToClient sends the browser to the client, with a code.
func (a *api) backToClient(w http.ResponseWriter, r *http.Request, request platform.AuthorizationRequest, code string) {
	target, _ := url.Parse(request.RedirectURI) // readAuthorization has
	q := target.Query()
	q.Set("code", code)
	q.Set("state", request.State)
	target.RawQuery = q.Encode()
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, target.String(), http.StatusSeeOther)
}

func (a *api) loginView(request platform.AuthorizationRequest) pageView {
	return pageView{
		Kind: "login", Title: "Log in to Sluice", Client: request.Client, Providers: a.Accounts.ProviderPolicies(),
		ProviderPath: "provider/", Query: template.URL(authorizationQuery(request)), //nolint:gosec // it was encoded
	}
}

func (a *api) showLogin(w http.ResponseWriter, r *http.Request, status int, view pageView, request platform.AuthorizationRequest) {
	u, _ := url.Parse(request.RedirectURI) // readAuthorization has
	a.show(w, r, status, view, "http://"+u.Host)
}

// showBroken says that a client's request cannot lead to a log-in.
func (a *api) showBroken(w http.ResponseWriter, r *http.Request, err error) {
	view := pageView{Title: "Log in to Sluice", Broken: true}
	a.show(w, r, a.problem(w, r, &view, err), view)
}

// remoteAddress returns the address that a request comes from, without the port.
func remoteAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
