package oidc

import "time"

// SetNow sets the clock of a provider.
func (p *Provider) SetNow(now func() time.Time) { p.now = now }
