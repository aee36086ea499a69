package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"sluice/internal/access"
	"sluice/internal/account"
	"sluice/internal/platform"
	"sluice/internal/sshserve"
	"sluice/internal/store"
)

// keyring tells the SSH gateway whose a key is.
type keyring struct {
	accounts *account.Service
	store    *store.Store
	log      *slog.Logger
}

var _ sshserve.Accounts = keyring{}

// Subject implements sshserve.Accounts.
func (k keyring) Subject(ctx context.Context, key ssh.PublicKey) (access.Subject, error) {
	if _, ok := key.(*ssh.Certificate); ok {
		return access.Subject{}, platform.Errorf(platform.CodeUnauthorized, "the certificate is not of this server's authority")
	}
	value := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
	return k.Current(ctx, access.Subject{Credential: "key/" + value})
}

// Current implements sshserve.Accounts.
func (k keyring) Current(ctx context.Context, by access.Subject) (access.Subject, error) {
	return k.accounts.Current(ctx, by)
}

// watchEvery is how often rights are looked at for a change. Other processes change them
// too: sluiced's own commands.
const watchEvery = time.Second

// Watch implements sshserve.Accounts.
func (k keyring) Watch(ctx context.Context) <-chan struct{} {
	changes := make(chan struct{}, 1)
	go func() {
		defer close(changes)
		ticker := time.NewTicker(watchEvery)
		defer ticker.Stop()
		last := int64(0)
		for {
			generation, err := k.store.RightsGeneration(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				k.log.ErrorContext(ctx, "could not look for changes of rights", "error", err)
			case generation != last:
				last = generation
				select {
				case changes <- struct{}{}:
				default: // one is waiting
				}
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return changes
}
