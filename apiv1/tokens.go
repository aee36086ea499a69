package apiv1

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// Token is an access token without its secret, but for the response that creates it.
type Token struct {
	ID         string     `json:"id"`
	User       string     `json:"user"` // ID of the user whom it belongs to
	Name       string     `json:"name"`
	Token      string     `json:"token,omitempty"` // only when it was just created
	Scopes     []string   `json:"scopes"`          // such as "shop:admin" or "shop:development=contributor"; none: all that the user may do
	CreatedBy  NullString `json:"created_by"`
	CreatedAt  Time       `json:"created_at"`
	ExpiresAt  Time       `json:"expires_at"`   // null: never
	LastUsedAt Time       `json:"last_used_at"` // to the minute; null: never
	Links      Links      `json:"_links,omitempty"`
}

// TokenCreate asks for a token.
type TokenCreate struct {
	Name      string   `json:"name"`
	Scopes    []string `json:"scopes"`               // none: all that the user may do
	ExpiresIn float64  `json:"expires_in,omitempty"` // seconds; 0: never
}

// AuditEntry records who did what.
type AuditEntry struct {
	ID          int64      `json:"id"`
	CreatedAt   Time       `json:"created_at"`
	User        string     `json:"user"`   // their name
	Action      string     `json:"action"` // a permission, such as "environment.exec"
	Project     NullString `json:"project"`
	Environment NullString `json:"environment"`
	Detail      string     `json:"detail"`
}

// Tokens lists the tokens that the client's token can manage, by name.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	return get[[]Token](ctx, c, path("tokens"), nil)
}

// CreateToken makes a token; only this response has the token itself.
func (c *Client) CreateToken(ctx context.Context, wanted TokenCreate) (Token, error) {
	return change[Token](ctx, c, http.MethodPost, path("tokens"), wanted)
}

// RevokeToken makes a token worthless at once; name is its ID or name.
func (c *Client) RevokeToken(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, path("tokens", name), nil, nil, nil)
}

// Audit lists the audit log of a project, or of everything when project is "", newest
// first. before is the ID of an entry, or 0; count 0 is the server's default.
func (c *Client) Audit(ctx context.Context, project string, before int64, count int) ([]AuditEntry, error) {
	target := path("audit")
	if project != "" {
		target = path("projects", project, "audit")
	}
	q := url.Values{}
	if before > 0 {
		q.Set("before", strconv.FormatInt(before, 10))
	}
	if count > 0 {
		q.Set("count", strconv.Itoa(count))
	}
	return get[[]AuditEntry](ctx, c, target, q)
}
