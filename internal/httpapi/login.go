package httpapi

import (
	"bytes"
	_ "embed"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"

	"sluice/internal/platform"
)

//go:embed login.html
var loginHTML string

var loginTemplate = template.Must(template.New("login").Parse(loginHTML)) //nolint:gochecknoglobals // immutable

// loginView is what the log-in page shows. Its form is sent to the address of the page.
type loginView struct {
	Client  string
	Login   string
	Problem string
	Broken  bool // nobody can log in with this request
}

const maxState = 2 << 10

// readAuthorization reads the request that a client sent its user with. Its answer goes to a
// program on the user's own machine only.
func readAuthorization(r *http.Request) (platform.AuthorizationRequest, error) {
	q := r.URL.Query()
	out := platform.AuthorizationRequest{Client: q.Get("client_id"), RedirectURI: q.Get("redirect_uri"), Challenge: q.Get("code_challenge")}
	switch {
	case !clientID.MatchString(out.Client):
		return out, invalid("client_id", "the request names no client")
	case !loopback(out.RedirectURI):
		return out, invalid("redirect_uri", "the answer can go to a program on your own machine only")
	case q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256":
		return out, invalid("response_type", "the client has to ask for a code, with a challenge by S256")
	case len(q.Get("state")) > maxState:
		return out, invalid("state", "the state is too long")
	}
	return out, nil
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
		a.showLogin(w, r, http.StatusBadRequest, loginView{Problem: err.Error(), Broken: true}, "")
		return
	}
	a.showLogin(w, r, http.StatusOK, loginView{Client: request.Client}, request.RedirectURI)
}

// logIn serves the form. A page of another origin cannot send it.
func (a *api) logIn(w http.ResponseWriter, r *http.Request) {
	request, err := readAuthorization(r)
	if err == nil && http.NewCrossOriginProtection().Check(r) != nil {
		err = invalid("origin", "the form was sent by another page")
	}
	if err == nil && r.ParseForm() != nil {
		err = invalid("form", "the form cannot be read")
	}
	if err != nil {
		a.showLogin(w, r, http.StatusBadRequest, loginView{Problem: err.Error(), Broken: true}, "")
		return
	}
	code, err := a.Accounts.LogIn(r.Context(), request, platform.LogIn{
		Login: r.PostForm.Get("login"), Password: r.PostForm.Get("password"), OneTime: r.PostForm.Get("one_time"), Address: remoteAddress(r),
	})
	if err != nil {
		wire := a.wireError(r.Context(), err)
		if platform.ErrorCode(err) == platform.CodeRateLimited {
			w.Header().Set("Retry-After", strconv.Itoa(15*60))
		}
		a.showLogin(w, r, wire.Code, loginView{Client: request.Client, Login: r.PostForm.Get("login"), Problem: wire.Message}, request.RedirectURI)
		return
	}
	target, _ := url.Parse(request.RedirectURI) // readAuthorization has
	q := target.Query()
	q.Set("code", code)
	q.Set("state", r.URL.Query().Get("state"))
	target.RawQuery = q.Encode()
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, target.String(), http.StatusSeeOther)
}

// showLogin sends the page. It runs no script, is shown in no frame, and its form goes to this
// server and from there to the client.
func (a *api) showLogin(w http.ResponseWriter, r *http.Request, status int, view loginView, redirect string) {
	var page bytes.Buffer
	if err := loginTemplate.Execute(&page, view); err != nil {
		a.fail(w, r, err)
		return
	}
	target := "'self'"
	if u, err := url.Parse(redirect); err == nil && u.Host != "" {
		target += " http://" + u.Host
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action "+target+"; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes())
}

// remoteAddress returns the address that a request comes from, without the port.
func remoteAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
