package apiv1

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// EnvironmentChange changes the fields of an environment that are not nil. It applies at
// once, without a deployment.
type EnvironmentChange struct {
	Title           *string           `json:"title,omitempty"`
	Parent          *string           `json:"parent,omitempty"` // "" for none
	Type            *string           `json:"type,omitempty"`   // "staging" or "development"
	RestrictRobots  *bool             `json:"restrict_robots,omitempty"`
	HTTPAccess      *HTTPAccessChange `json:"http_access,omitempty"`
	HoldMaxWait     *float64          `json:"hold_max_wait,omitempty"` // seconds; 0: the server's limit
	HoldMaxRequests *int              `json:"hold_max_requests,omitempty"`
	BypassAddresses *[]string         `json:"bypass_addresses,omitempty"`
}

// HTTPAccess is who may see an environment. The values of BasicAuth are always empty: no
// password is ever shown.
type HTTPAccess struct {
	IsEnabled bool              `json:"is_enabled"`
	Addresses []AddressRule     `json:"addresses"`
	BasicAuth map[string]string `json:"basic_auth"`
}

// HTTPAccessChange changes who may see an environment.
type HTTPAccessChange struct {
	IsEnabled *bool              `json:"is_enabled,omitempty"`
	Addresses *[]AddressRule     `json:"addresses,omitempty"`  // replaces all rules
	BasicAuth *map[string]string `json:"basic_auth,omitempty"` // replaces all users; an empty password keeps the one there is
}

// UnmarshalJSON takes null for none: so clients remove all rules, or all users.
func (c *HTTPAccessChange) UnmarshalJSON(data []byte) error {
	type plain HTTPAccessChange
	if err := json.Unmarshal(data, (*plain)(c)); err != nil {
		return fmt.Errorf("read http_access: %w", err)
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(data, &given); err != nil {
		return fmt.Errorf("read http_access: %w", err)
	}
	if string(given["addresses"]) == "null" {
		c.Addresses = &[]AddressRule{}
	}
	if string(given["basic_auth"]) == "null" {
		c.BasicAuth = &map[string]string{}
	}
	return nil
}

// AddressRule allows or denies an address, a network in CIDR notation, or "any".
type AddressRule struct {
	Permission string `json:"permission"` // "allow" or "deny"
	Address    string `json:"address"`
}

// BypassRequest asks for a link; 0 seconds is an hour.
type BypassRequest struct {
	Seconds float64 `json:"seconds,omitempty"`
}

// Bypass is a link that lets its holder past holds and maintenance of an environment.
type Bypass struct {
	URL       string `json:"url"`
	ExpiresAt Time   `json:"expires_at"`
}

// ChangeEnvironment changes settings of an environment and returns it.
func (c *Client) ChangeEnvironment(ctx context.Context, project, env string, wanted EnvironmentChange) (Environment, error) {
	return change[Environment](ctx, c, http.MethodPatch, path("projects", project, "environments", env), wanted)
}

// Bypass returns a link that lets its holder past holds and maintenance.
func (c *Client) Bypass(ctx context.Context, project, env string, seconds float64) (Bypass, error) {
	return post[Bypass](ctx, c, path("projects", project, "environments", env, "bypass"), BypassRequest{Seconds: seconds})
}
