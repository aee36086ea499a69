package platform

import "time"

// RouteType says what a route does with a request.
type RouteType string

// The route types.
const (
	RouteUpstream RouteType = "upstream"
	RouteRedirect RouteType = "redirect"
)

// Route is one resolved entry of routes.yaml: placeholders expanded, one URL.
type Route struct {
	URL           string // absolute, as the application sees it, ends in "/"
	OriginalURL   string // the template, e.g. "https://{default}/"
	ProductionURL string
	Type          RouteType
	Upstream      string // application name, for RouteUpstream
	To            string // target URL, for RouteRedirect
	Primary       bool
	ID            string
	Attributes    map[string]string
	Cache         RouteCache
	Redirects     []PartialRedirect
	Timeout       time.Duration // for the application to begin its response; 0 means DefaultTimeout
	SSI           bool
	HSTS          HSTS
	TLS           RouteTLS
}

// DefaultTimeout is how long an application may take to begin its response: that of the
// slowest admin page.
const DefaultTimeout = 10 * time.Minute

// RouteCache is what the HTTP cache may do on a route.
type RouteCache struct {
	Enabled    bool
	DefaultTTL int // seconds; 0 stores only what the response allows
	Cookies    []string
	Headers    []string
}

// PartialRedirect is one entry of redirects.paths.
type PartialRedirect struct {
	Path         string // a path, or a PCRE when Regexp
	To           string
	Regexp       bool
	Prefix       bool
	AppendSuffix bool
	Code         int    // 301, 302, 307 or 308
	Expires      string // duration as written; empty for none
}

// HSTS is tls.strict_transport_security; nil pointers mean "not said".
type HSTS struct {
	Enabled           *bool
	IncludeSubdomains *bool
	Preload           *bool
}

// RouteTLS is a route's tls section but for HSTS. The strictest of a host's routes counts for
// all of them: a handshake knows the host only.
type RouteTLS struct {
	MinVersion string     // "TLSv1.0" to "TLSv1.3"; empty: 1.2
	ClientAuth ClientAuth // certificates of clients
	ClientCAs  []string   // PEM of the authorities that sign them; none: those that the machine trusts
}

// ClientAuth says whether clients show a certificate.
type ClientAuth string

// The values of tls.client_authentication; empty asks for none.
const (
	ClientAuthRequest ClientAuth = "request" // without a valid one the application sees that
	ClientAuthRequire ClientAuth = "require" // without a valid one there is no connection
)
