package urlmap

import (
	"net"
	"net/url"
)

// Origin is what a URL begins with.
type Origin struct {
	Scheme string // http or https
	Host   string
	Port   string // "" the scheme's own
}

// OriginOf returns the origin of a URL; ok is false for text without scheme or host.
func OriginOf(address string) (o Origin, ok bool) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return Origin{}, false
	}
	o = Origin{u.Scheme, u.Hostname(), u.Port()}
	if o.Scheme == "http" && o.Port == "80" || o.Scheme == "https" && o.Port == "443" {
		o.Port = ""
	}
	return o, true
}

// Authority returns the host, with the port if that is not the scheme's own.
func (o Origin) Authority() string {
	if o.Port == "" {
		return o.Host
	}
	return net.JoinHostPort(o.Host, o.Port)
}

// String returns the origin as a URL without a slash at its end.
func (o Origin) String() string { return o.Scheme + "://" + o.Authority() }

// Host returns the host of a URL without its port; "" when there is none.
func Host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
