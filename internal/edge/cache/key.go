package cache

import (
	"encoding/binary"
	"net/http"
	"strings"
)

// keyRoom is what most keys fit in. They are made on the stack.
const keyRoom = 640

// key says what a request asks for, apart from Vary, which only an answer knows. The bytes
// are unambiguous because every part carries its length.
type key struct {
	url    []byte // zone, scheme, host, path, query
	config []byte // headers and cookies that the route names, guarded headers
	auth   bool   // the request has credentials
}

func appendPart(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendParts(b []byte, values []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(values)))
	for _, v := range values {
		b = appendPart(b, v)
	}
	return b
}

// guards are request headers that reach applications, that some of them build links,
// redirects or routing from, and that the key would not have: each is part of it when it
// is there. Headers of this kind that the router writes itself are not among them.
func guards() []string {
	return []string{
		"Front-End-Https", "X-Forwarded-Path", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Protocol",
		"X-Forwarded-Scheme", "X-Forwarded-Server", "X-Forwarded-Ssl", "X-Forwarded-Uri", "X-Host",
		"X-Http-Host-Override", "X-Original-Host", "X-Original-Uri", "X-Original-Url", "X-Rewrite-Url",
		"X-Requested-With", "X-Script-Name", "X-Url-Scheme", "Origin",
	}
}

// key returns the key of a request, in room as far as that is enough. It returns false
// for a request that bypasses the cache: another method, a body, an upgrade, a method in a
// header, cookies, or fields of the key in a form that applications do not all read alike.
// Whatever an application sees differently than the key says would be stored for visitors
// who did not ask for it.
func (rt *Route) key(room []byte, req *http.Request, secure bool) (key, bool) {
	if rt.rules.off || (req.Method != http.MethodGet && req.Method != http.MethodHead) || req.ContentLength != 0 || len(req.TransferEncoding) > 0 {
		return key{}, false
	}
	guarded, auth, ok := rt.scan(req)
	if !ok {
		return key{}, false
	}
	b := appendURL(rt.zone.prefix(room, secure), req)
	n := len(b)
	for _, h := range rt.rules.headers {
		values := req.Header[h]
		if len(values) > 1 {
			return key{}, false
		}
		b = appendParts(b, values)
	}
	for i := 0; guarded != 0; i, guarded = i+1, guarded>>1 {
		if guarded&1 != 0 {
			values := req.Header[rt.guards[i]]
			if len(values) > 1 {
				return key{}, false
			}
			b = appendParts(append(b, byte(i)), values)
		}
	}
	if b, ok = rt.rules.appendCookies(b, req); !ok {
		return key{}, false
	}
	return key{url: b[:n:n], config: b[n:], auth: auth}, true
}

// appendURL adds what the application sees of the URL: exactly, for whatever it does not
// see it cannot put into an answer. The host is not made lower case for the same reason.
func appendURL(b []byte, req *http.Request) []byte {
	b = appendPart(b, req.Host)
	b = appendPart(b, req.URL.Path)
	b = appendPart(b, req.URL.RawPath)
	if req.URL.RawQuery != "" || req.URL.ForceQuery {
		b = append(append(b, '?'), req.URL.RawQuery...)
	}
	return b
}

// scan looks at the request's headers once. It returns the guarded ones as bits, whether
// there are credentials, and false when a header makes the request bypass the cache.
func (rt *Route) scan(req *http.Request) (guarded uint32, auth, ok bool) {
	for name := range req.Header {
		if name == "" {
			continue
		}
		switch name[0] {
		case 'A':
			auth = auth || name == "Authorization"
		case 'C':
			if name == "Connection" && removesFields(req.Header[name]) {
				return 0, auth, false
			}
		case 'I', 'U':
			if name == "Upgrade" || name == "If-Match" || name == "If-Unmodified-Since" {
				return 0, auth, false
			}
		case 'F', 'O', 'X':
			if name == "X-Http-Method-Override" || name == "X-Http-Method" || name == "X-Method-Override" {
				return 0, auth, false
			}
			for i, g := range rt.guards {
				if g == name {
					guarded |= 1 << i
				}
			}
		}
	}
	return guarded, auth, true
}

// removesFields reports whether Connection names a field that is not of the connection
// anyway: it is taken out on the way to the application.
func removesFields(lists []string) bool {
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ",") {
			switch strings.ToLower(strings.Trim(name, " \t")) {
			case "", "close", "keep-alive", "upgrade", "te", "trailer", "transfer-encoding", "proxy-connection", "http2-settings":
			default:
				return true
			}
		}
	}
	return false
}

// varied is one header that an answer's Vary names, with its value in the request.
type varied struct {
	name  string
	value string // as appendVaried writes it
}

// matches reports whether the request has the same value.
func (v *varied) matches(scratch []byte, req *http.Request) bool {
	return string(appendVaried(scratch, v.name, req)) == v.value
}

// appendVaried writes what a request says about a header. Accept-Encoding is reduced to
// the codings that it allows, so that browsers which write it differently share answers.
func appendVaried(b []byte, name string, req *http.Request) []byte {
	if name == "Accept-Encoding" {
		return append(b, byte(acceptedCodings(req.Header[name])))
	}
	return appendParts(b, req.Header[name])
}

// coding is a set of content codings.
type coding byte

const (
	gzip coding = 1 << iota
	brotli
	zstd
	deflate
	anyCoding
	noIdentity
)

func codingOf(name string) coding {
	switch {
	case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
		return gzip
	case strings.EqualFold(name, "br"):
		return brotli
	case strings.EqualFold(name, "zstd"):
		return zstd
	case strings.EqualFold(name, "deflate"):
		return deflate
	case name == "*":
		return anyCoding
	}
	return 0
}

// acceptedCodings returns the codings that an Accept-Encoding allows.
func acceptedCodings(values []string) coding {
	var set coding
	for _, v := range values {
		for v != "" {
			var item string
			item, v, _ = strings.Cut(v, ",")
			name, weight, _ := strings.Cut(item, ";")
			name = strings.TrimSpace(name)
			switch {
			case !refused(weight):
				set |= codingOf(name)
			case strings.EqualFold(name, "identity") || name == "*":
				set |= noIdentity
			}
		}
	}
	return set
}

// refused reports whether a weight is q=0.
func refused(weight string) bool {
	_, q, ok := strings.Cut(weight, "=")
	return ok && strings.Trim(q, " 0.") == "" && strings.Contains(q, "0")
}
