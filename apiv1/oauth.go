package apiv1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// OAuthToken is what the token endpoint /oauth2/token gives out.
type OAuthToken struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"` // "bearer"
	ExpiresIn    int    `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

// OAuthError is an error of the endpoints of OAuth 2, as RFC 6749 names it.
type OAuthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

// Error returns what the server says.
func (e *OAuthError) Error() string { return e.Description }

// AuthorizeURL is where a browser is sent to log in for a client, whose verifier has the
// challenge. The code goes to redirect, an address of this machine.
func (c *Client) AuthorizeURL(client, redirect, state, challenge string) string {
	return c.base + "/oauth2/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {client}, "redirect_uri": {redirect}, "state": {state}, "scope": {"offline_access"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}.Encode()
}

// ExchangeCode returns the tokens of a log-in. It returns an *OAuthError for a code that is not valid.
func (c *Client) ExchangeCode(ctx context.Context, client, redirect, code, verifier string) (OAuthToken, error) {
	return c.oauth(ctx, "token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {client}, "redirect_uri": {redirect}, "code": {code}, "code_verifier": {verifier},
	})
}

// RefreshToken returns new tokens of a log-in. It returns an *OAuthError when that has ended.
func (c *Client) RefreshToken(ctx context.Context, client, refresh string) (OAuthToken, error) {
	return c.oauth(ctx, "token", url.Values{"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {refresh}})
}

// RevokeLogIn ends the log-in that a token belongs to.
func (c *Client) RevokeLogIn(ctx context.Context, client, token string) error {
	_, err := c.oauth(ctx, "revoke", url.Values{"client_id": {client}, "token": {token}})
	return err
}

// oauth sends a form to an endpoint of OAuth 2.
func (c *Client) oauth(ctx context.Context, endpoint string, form url.Values) (OAuthToken, error) {
	var out OAuthToken
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/oauth2/"+endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return out, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.http.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return out, &ConnectionError{URL: c.base, Err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	if err != nil {
		return out, &ConnectionError{URL: c.base, Err: err}
	}
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(data, &out); err != nil {
			return out, fmt.Errorf("decode response: %w", err)
		}
		return out, nil
	}
	refused := &OAuthError{}
	if json.Unmarshal(data, refused) != nil || refused.Code == "" {
		return out, &Error{Code: resp.StatusCode, Title: http.StatusText(resp.StatusCode), Message: "the server responded " + resp.Status}
	}
	return out, refused
}

// PasswordChange sets a password, or confirms with the present one.
type PasswordChange struct {
	CurrentPassword string `json:"current_password"`
	Password        string `json:"password,omitempty"`
}

// FactorSetup is what a program on a phone needs for one-time codes.
type FactorSetup struct {
	Secret string `json:"secret"` // base32
	URL    string `json:"url"`    // otpauth://
}

// FactorCode is a one-time code.
type FactorCode struct {
	Code string `json:"code"`
}

// FactorRecovery are codes for log-ins without the phone, each good once.
type FactorRecovery struct {
	Codes []string `json:"recovery_codes"`
}

// SSHKeyCreate registers a public key.
type SSHKeyCreate struct {
	Title string `json:"title,omitempty"`
	Value string `json:"value"`
}

// CertificateRequest asks for an SSH certificate for a public key.
type CertificateRequest struct {
	Key string `json:"key"`
}

// SSHCertificate is an SSH certificate of a user.
type SSHCertificate struct {
	Certificate string `json:"certificate"`
}

// SSHAuthorities are the public keys that certificates of users are signed with.
type SSHAuthorities struct {
	Authorities []string `json:"authorities"`
}
