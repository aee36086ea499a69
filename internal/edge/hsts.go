package edge

import (
	"net/http"

	"sluice/internal/platform"
)

const hstsHeader = "Strict-Transport-Security"

// uniteHSTS makes all routes of one host say the same: a browser keeps one answer for a
// host, so what any of the routes asks for counts.
func uniteHSTS(routes []*route) {
	byHost := map[string]platform.HSTS{}
	for _, r := range routes {
		u := byHost[r.host]
		u.Enabled = either(u.Enabled, r.HSTS.Enabled)
		u.IncludeSubdomains = either(u.IncludeSubdomains, r.HSTS.IncludeSubdomains)
		u.Preload = either(u.Preload, r.HSTS.Preload)
		byHost[r.host] = u
	}
	for _, r := range routes {
		r.hstsValue = hstsValue(byHost[r.host])
	}
}

// either is true when one of two is, false when one says so, and nil when none says anything.
func either(a, b *bool) *bool {
	if b == nil || (a != nil && *a) {
		return a
	}
	return b
}

func hstsValue(s platform.HSTS) string {
	switch {
	case s.Enabled == nil:
		return ""
	case !*s.Enabled:
		return "max-age=0"
	}
	value := "max-age=31536000"
	if s.IncludeSubdomains != nil && *s.IncludeSubdomains {
		value += "; includeSubDomains"
	}
	if s.Preload != nil && *s.Preload {
		value += "; preload"
	}
	return value
}

// hsts sets what the host's routes say; when they say nothing it is the application's.
func (r *route) hsts(h http.Header) {
	if r.hstsValue != "" {
		h.Set(hstsHeader, r.hstsValue)
	}
}
