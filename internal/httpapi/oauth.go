package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"

	"sluice/apiv1"
	"sluice/internal/platform"
)

// routeOAuth lists the endpoints of OAuth 2. Clients are public: they have an ID and no
// secret.
func (a *api) routeOAuth() {
	a.register("GET /api/oauth2/authorize", a.loginPage)
	a.register("POST /api/oauth2/authorize", a.logIn)
	a.register("POST /api/oauth2/provider/{provider}", a.beginProvider)
	a.register("GET /api/oauth2/callback/{provider}", a.finishProvider)
	a.register("POST /api/oauth2/continue", a.continueProvider)
	a.register("GET /api/invitations/{secret}", a.invitationPage)
	a.register("POST /api/invitations/{secret}", a.acceptInvitation)
	a.register("POST /api/invitations/{secret}/provider/{provider}", a.beginProvider)
	a.register("POST /api/oauth2/token", a.oauth(a.issueToken))
	a.register("POST /api/oauth2/revoke", a.oauth(a.revokeSession))
}

// oauthHandler answers a request of an OAuth client.
type oauthHandler func(w http.ResponseWriter, r *http.Request, client string) error

var clientID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// oauth reads the form and the client of a request. Errors have the shape of OAuth's.
func (a *api) oauth(h oauthHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			a.failOAuth(w, r, badForm(err))
			return
		}
		client := r.PostForm.Get("client_id")
		if user, _, ok := r.BasicAuth(); ok {
			client = user
			if plain, err := url.QueryUnescape(user); err == nil {
				client = plain
			}
		}
		if !clientID.MatchString(client) {
			a.failOAuth(w, r, &oauthError{http.StatusBadRequest, "invalid_client", "the request names no client"})
			return
		}
		if err := h(w, r, client); err != nil {
			a.failOAuth(w, r, err)
		}
	}
}

func badForm(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &oauthError{http.StatusBadRequest, "invalid_request", "the request is too large"}
	}
	return &oauthError{http.StatusBadRequest, "invalid_request", "the request is not a form"}
}

// oauthError is an error as RFC 6749 names it.
type oauthError struct {
	status            int
	code, description string
}

func (f *oauthError) Error() string { return f.description }

// failOAuth responds with an error. One of ours becomes invalid_grant when it says that
// somebody is not who they claim to be; an internal one shows its identifier only.
func (a *api) failOAuth(w http.ResponseWriter, r *http.Request, err error) {
	fault, ok := errors.AsType[*oauthError](err)
	if !ok {
		wire := a.wireError(r.Context(), err)
		fault = &oauthError{wire.Code, "server_error", wire.Message}
		if wire.Code < http.StatusInternalServerError {
			fault = &oauthError{http.StatusBadRequest, "invalid_grant", wire.Message}
		}
	}
	a.writeJSON(w, r, fault.status, apiv1.OAuthError{Code: fault.code, Description: fault.description})
}

// issueToken is the token endpoint.
func (a *api) issueToken(w http.ResponseWriter, r *http.Request, client string) error {
	var issued platform.Issued
	var err error
	var secret string // what the client gave, as clients show it
	switch grant := r.PostForm.Get("grant_type"); grant {
	case "api_token":
		secret = "API token"
		issued, err = a.Accounts.ExchangeToken(r.Context(), client, r.PostForm.Get("api_token"))
	case "authorization_code":
		secret = "authorization code"
		issued, err = a.Accounts.ExchangeCode(r.Context(), client, r.PostForm.Get("redirect_uri"), r.PostForm.Get("code"), r.PostForm.Get("code_verifier"))
	case "refresh_token":
		secret = "refresh token"
		issued, err = a.Accounts.Refresh(r.Context(), client, r.PostForm.Get("refresh_token"))
	case "":
		return &oauthError{http.StatusBadRequest, "invalid_request", "grant_type is missing"}
	default:
		return &oauthError{http.StatusBadRequest, "unsupported_grant_type", "this grant_type is not supported"}
	}
	if platform.ErrorCode(err) == platform.CodeUnauthorized {
		return &oauthError{http.StatusBadRequest, "invalid_grant", "Invalid " + secret}
	}
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, apiv1.OAuthToken{
		AccessToken: issued.Access, TokenType: "bearer", ExpiresIn: int(issued.Life.Seconds()), RefreshToken: issued.Refresh,
	})
	return nil
}

// revokeSession logs out. A token that is not known is revoked already.
func (a *api) revokeSession(w http.ResponseWriter, r *http.Request, _ string) error {
	if err := a.Accounts.RevokeSession(r.Context(), r.PostForm.Get("token")); err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, struct{}{})
	return nil
}
