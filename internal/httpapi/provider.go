package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sluice/internal/platform"
)

// beginProvider sends a browser to a provider: from the log-in page, or from an invitation.
func (a *api) beginProvider(w http.ResponseWriter, r *http.Request) {
	invitation := r.PathValue("secret")
	var request platform.AuthorizationRequest
	err := checkForm(r)
	if err == nil && invitation == "" {
		request, err = readAuthorization(r)
	}
	if err != nil {
		a.showBroken(w, r, err)
		return
	}
	id := r.PathValue("provider")
	start, err := a.Accounts.BeginProvider(r.Context(), id, request, invitation)
	if err != nil {
		a.failProvider(w, r, platform.LogInProgress{Request: request, Invitation: invitation}, "../", err)
		return
	}
	http.SetCookie(w, a.browserCookie(start.State, start.Browser, 10*time.Minute))
	// Not a redirect: browsers would want the whole way of the person, through all hosts of the
	// provider, to be one that this page's forms may go.
	w.Header().Set("Refresh", "0; url="+start.Address)
	a.show(w, r, http.StatusOK, pageView{Kind: "forward", Title: "Log in to Sluice", Provider: a.providerTitle(id), Link: start.Address})
}

func (a *api) providerTitle(id string) string {
	for _, p := range a.Accounts.ProviderPolicies() {
		if p.ID == id {
			return p.Title
		}
	}
	return id
}

// browserCookie binds a log-in to the browser that it was begun in. Each has one of its own,
// so that two in one browser do not meet.
func (a *api) browserCookie(state, value string, life time.Duration) *http.Cookie {
	sum := sha256.Sum256([]byte(state))
	c := &http.Cookie{ // secure wherever the server is
		Name: "sluice_login_" + hex.EncodeToString(sum[:6]), Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: int(life.Seconds()),
	}
	if strings.HasPrefix(a.cfg.PublicURL, "https://") {
		c.Name, c.Secure = "__Host-"+c.Name, true
	}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// browserSecret returns what browserCookie set.
func (a *api) browserSecret(r *http.Request, state string) string {
	c, err := r.Cookie(a.browserCookie(state, "", 0).Name)
	if err != nil {
		return ""
	}
	return c.Value
}

// finishProvider takes what a browser brings back from a provider. The request comes from
// another site, as it has to: the cookie and the state say that this browser asked for it.
func (a *api) finishProvider(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	progress, err := a.Accounts.FinishProvider(r.Context(), r.PathValue("provider"), platform.ProviderAnswer{
		State: q.Get("state"), Code: q.Get("code"), Issuer: q.Get("iss"), Error: q.Get("error"),
		Browser: a.browserSecret(r, q.Get("state")), Address: remoteAddress(r),
	})
	if err != nil {
		a.endProvider(w, q.Get("state"))
		a.failProvider(w, r, progress, "../", err)
		return
	}
	a.goOn(w, r, progress, q.Get("state"), "../")
}

// continueProvider serves the form of a log-in that wants more.
func (a *api) continueProvider(w http.ResponseWriter, r *http.Request) {
	if err := checkForm(r); err != nil {
		a.showBroken(w, r, err)
		return
	}
	state := r.PostForm.Get("state")
	progress, err := a.Accounts.ContinueProvider(r.Context(), r.PostForm.Get("ticket"), a.browserSecret(r, state), platform.LogIn{
		Password: r.PostForm.Get("password"), OneTime: r.PostForm.Get("one_time"), Address: remoteAddress(r),
	})
	switch {
	case err == nil:
		a.goOn(w, r, progress, state, "")
	case progress.Ticket != "":
		view := moreView(progress, state, "")
		a.showMore(w, r, a.problem(w, r, &view, err), view, progress)
	default:
		a.endProvider(w, state)
		a.failProvider(w, r, progress, "", err)
	}
}

// endProvider removes the cookie of a log-in.
func (a *api) endProvider(w http.ResponseWriter, state string) {
	http.SetCookie(w, a.browserCookie(state, "", 0))
}

// goOn shows what a log-in leads to. up is the relative address of the OAuth endpoints.
func (a *api) goOn(w http.ResponseWriter, r *http.Request, progress platform.LogInProgress, state, up string) {
	if progress.Ticket != "" {
		a.showMore(w, r, http.StatusOK, moreView(progress, state, up), progress)
		return
	}
	a.endProvider(w, state)
	if progress.Request.Client == "" {
		a.showAccepted(w, r, progress.Project)
		return
	}
	a.backToClient(w, r, progress.Request, progress.Code)
}

func moreView(progress platform.LogInProgress, state, up string) pageView {
	return pageView{
		Kind: "more", Title: "One more step", Action: up + "continue", Ticket: progress.Ticket, State: state, Provider: progress.Provider,
		Login: progress.Login, WantsPassword: progress.WantsPassword, WantsOneTime: progress.WantsOneTime,
	}
}

func (a *api) showMore(w http.ResponseWriter, r *http.Request, status int, view pageView, progress platform.LogInProgress) {
	var targets []string
	if u, err := url.Parse(progress.Request.RedirectURI); err == nil && u.Host != "" {
		targets = append(targets, "http://"+u.Host)
	}
	a.show(w, r, status, view, targets...)
}

// failProvider says why a log-in failed, and leads back to where it began.
func (a *api) failProvider(w http.ResponseWriter, r *http.Request, progress platform.LogInProgress, up string, err error) {
	view := pageView{Title: "You are not logged in"}
	switch {
	case progress.Request.Client != "":
		view.Link = up + "authorize" + authorizationQuery(progress.Request)
	case progress.Invitation != "":
		view.Link = a.invitationURL(progress.Invitation)
	default:
		view.Broken = true
	}
	a.show(w, r, a.problem(w, r, &view, err), view)
}
