package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sluice/apiv1"
)

// session is a log-in with a browser.
type session struct {
	Refresh string    `json:"refresh_token"`
	Expires time.Time `json:"expires"` // of the access token
}

const (
	// oauthClient is the name of this program at the server.
	oauthClient = "sluice"
	// refreshBefore is how long before its end an access token is replaced.
	refreshBefore = time.Minute
)

// keep puts the tokens of a log-in into the configuration.
func (cfg *config) keep(t apiv1.OAuthToken) {
	cfg.Token = t.AccessToken
	cfg.Session = &session{Refresh: t.RefreshToken, Expires: time.Now().Add(time.Duration(t.ExpiresIn) * time.Second)}
}

// fresh reports whether the access token can be used.
func (cfg *config) fresh() bool {
	return cfg.Session == nil || time.Until(cfg.Session.Expires) > refreshBefore
}

// freshToken returns the access token of the log-in with a browser, a new one when it ends
// soon. Of several processes one refreshes, and the others take what it got.
func (c *program) freshToken(ctx context.Context) (string, error) {
	cfg, err := c.readConfig()
	if err != nil || cfg.fresh() {
		return cfg.Token, err
	}
	unlock, err := c.lockConfig()
	if err != nil {
		return "", err
	}
	defer unlock()
	if cfg, err = c.readConfig(); err != nil || cfg.fresh() {
		return cfg.Token, err
	}
	client, err := c.newClient(credentials{server: cfg.Server, token: cfg.Session.Refresh, insecure: cfg.Insecure || c.allowsPlain()})
	if err != nil {
		return "", err
	}
	tokens, err := client.RefreshToken(ctx, oauthClient, cfg.Session.Refresh)
	if _, refused := errors.AsType[*apiv1.OAuthError](err); refused {
		return "", fail(ExitLogin, "log in again: sluice auth:browser-login", "the log-in to %s has ended", cfg.Server)
	}
	if err != nil {
		return "", err
	}
	cfg.keep(tokens)
	return cfg.Token, c.writeConfig(cfg)
}

// lockConfig waits until no other process refreshes.
func (c *program) lockConfig() (unlock func(), err error) {
	path, err := c.configPath()
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Clean(path+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock configuration: %w", err)
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(fmt.Errorf("lock configuration: %w", err), f.Close())
	}
	return func() { _ = f.Close() }, nil // which ends the lock
}
