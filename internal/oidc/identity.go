package oidc

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"sluice/internal/platform"
)

// identity reads who somebody is: from the ID token and, where that has no address, from what
// the provider says at its user info endpoint.
func (p *Provider) identity(ctx context.Context, d *discovered, token *oauth2.Token, signed *oidc.IDToken) (platform.Identity, error) {
	claims := map[string]json.RawMessage{}
	if err := signed.Claims(&claims); err != nil {
		return platform.Identity{}, p.invalid("begin again", "claims: %w", err)
	}
	if text(claims, p.settings.EmailClaim) == "" && d.provider.UserInfoEndpoint() != "" {
		info, err := d.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
		if err != nil {
			return platform.Identity{}, p.unavailable(err)
		}
		if info.Subject != signed.Subject {
			return platform.Identity{}, p.invalid("begin again", "the user info is of another subject")
		}
		more := map[string]json.RawMessage{}
		if err := info.Claims(&more); err != nil {
			return platform.Identity{}, p.invalid("begin again", "user info: %w", err)
		}
		maps.Copy(more, claims) // what is signed counts
		claims = more
	}
	i := platform.Identity{
		Issuer: signed.Issuer, Subject: signed.Subject, Email: strings.TrimSpace(text(claims, p.settings.EmailClaim)),
		FirstName: text(claims, "given_name"), LastName: text(claims, "family_name"), Groups: texts(claims, p.settings.GroupsClaim),
	}
	if p.settings.EmailClaim == "email" { // of another claim it says nothing
		i.EmailVerified = verified(claims["email_verified"])
	}
	var loginAt float64
	if json.Unmarshal(claims["auth_time"], &loginAt) == nil && loginAt > 0 {
		i.LoginAt = time.Unix(int64(loginAt), 0).UTC()
	}
	return i, nil
}

// text returns a claim that is a text, "" for another.
func text(claims map[string]json.RawMessage, name string) string {
	var s string
	if json.Unmarshal(claims[name], &s) != nil {
		return ""
	}
	return s
}

// texts returns a claim that is a list of texts, or one.
func texts(claims map[string]json.RawMessage, name string) []string {
	var list []string
	if json.Unmarshal(claims[name], &list) == nil {
		return list
	}
	if s := text(claims, name); s != "" {
		return []string{s}
	}
	return nil
}

// verified reads a bool, which some providers send as a text. What is there and says
// something else means no.
func verified(claim json.RawMessage) *bool {
	if len(claim) == 0 || string(claim) == "null" {
		return nil
	}
	yes := string(claim) == "true" || string(claim) == `"true"`
	return &yes
}
