package urlmap

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// Replacement puts the origins of the routes in the place of a host that base URLs had.
type Replacement struct {
	Host        string   // that is replaced, also as the domain of a longer one
	Ports       []string // those of the old base URLs at this host, "" included
	HTTP, HTTPS Origin   // what takes the place of http://HOST and of https://HOST
	Old, New    string   // for people
}

// Replacements compares the shop's base URLs, "secure" and "unsecure", with the routes. A
// placeholder such as {{base_url}} has no host and is left alone.
func (m *Map) Replacements(base map[string]string) []Replacement {
	unsecure, ok := OriginOf(Find(m.Unsecure, ""))
	secure, alsoOK := OriginOf(Find(m.Secure, ""))
	if !ok || !alsoOK {
		return nil
	}
	var out []Replacement
	for _, kind := range []string{"secure", "unsecure"} {
		old, ok := OriginOf(base[kind])
		if !ok || strings.Contains(base[kind], "{{") {
			continue
		}
		i := slices.IndexFunc(out, func(r Replacement) bool { return r.Host == old.Host })
		if i < 0 {
			i = len(out)
			out = append(out, Replacement{Host: old.Host, HTTP: unsecure, HTTPS: secure})
		}
		r := &out[i]
		r.Ports = append(r.Ports, old.Port)
		if after, _ := OriginOf(r.Apply(old.String())); r.Old == "" && after != old {
			r.Old, r.New = old.Authority(), after.Authority()
			if r.Old == r.New {
				r.Old, r.New = old.String(), after.String()
			}
		}
	}
	return slices.DeleteFunc(out, func(r Replacement) bool { return r.Old == "" })
}

// Apply replaces the host in a text. In a URL its scheme and port follow the routes: all but a
// port that the old base URLs did not have, which is that of something else. An https URL of
// this very host without a port stays when the routes have no TLS: a proxy in front of the
// platform may end it. Part of another name is not the host: shop.test is in www.shop.test,
// but not in myshop.test or shop.test.example.
func (r Replacement) Apply(text string) string {
	var b strings.Builder
	for {
		at := strings.Index(text, r.Host)
		if at < 0 {
			b.WriteString(text)
			return b.String()
		}
		before, after := text[:at], text[at+len(r.Host):]
		if !bounded(before, after) {
			b.WriteString(text[:at+len(r.Host)])
			text = after
			continue
		}
		port := portPattern.FindStringSubmatch(after)
		if port == nil {
			port = []string{"", ""}
		}
		b.WriteString(r.put(before, port[1]))
		text = after[len(port[0]):]
	}
}

var (
	portPattern   = regexp.MustCompile(`^:(\d{1,5})\b`)
	beforePattern = regexp.MustCompile(`(?:(https?)(:\\?/\\?/)|(//))?((?:[\w-]+\.)*)$`) // scheme, slashes and labels of the host
)

// put returns what comes in the place of the text before an occurrence of the host, the
// host and its port.
func (r Replacement) put(before, port string) string {
	m := beforePattern.FindStringSubmatchIndex(before)
	group := func(i int) string {
		if m[2*i] < 0 {
			return ""
		}
		return before[m[2*i]:m[2*i+1]]
	}
	scheme, slashes, domain := group(1), cmp.Or(group(2), group(3)), group(4)
	to := r.HTTP
	if scheme == "https" || scheme == "" {
		to = r.HTTPS
	}
	whole := domain + r.Host
	follows := len(to.Host) > len(r.Host) && (whole == to.Host || strings.HasSuffix(whole, "."+to.Host))
	other := port != "" && !slices.Contains(r.Ports, port)
	bare := slashes == "" && port == ""
	sameHost := to.Host == r.Host && port == "" && (scheme == "" || scheme == "https" && to.Scheme == "http")
	if follows || other || bare || sameHost {
		to.Scheme, to.Port = scheme, port
	}
	if scheme == "" {
		to.Scheme = ""
	}
	if to.Host = domain + to.Host; follows {
		to.Host = whole
	}
	return before[:m[0]] + to.Scheme + slashes + to.Authority()
}

func bounded(before, after string) bool {
	if before != "" && inName(before[len(before)-1]) {
		return false
	}
	return after == "" || !inName(after[0]) && (after[0] != '.' || len(after) == 1 || !inName(after[1]))
}

func inName(c byte) bool {
	return c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
