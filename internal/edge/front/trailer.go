package front

import (
	"net/http"
	"strings"
)

// announce notes the fields that the handler will set after the body (RFC 9110 6.6.2).
func (w *writer) announce(lists []string) {
	w.trailing = true
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ",") {
			if name = http.CanonicalHeaderKey(strings.TrimSpace(name)); mayTrail(name) {
				w.trailers = append(w.trailers, name)
			}
		}
	}
}

// mayTrail refuses fields that would change what was read before them (RFC 9110 6.5.1).
func mayTrail(name string) bool {
	switch name {
	case "", "Authorization", "Cache-Control", "Connection", "Content-Encoding", "Content-Length", "Content-Range",
		"Content-Type", "Expect", "Host", "Keep-Alive", "Max-Forwards", "Pragma", "Proxy-Authenticate",
		"Proxy-Authorization", "Proxy-Connection", "Range", "Realm", "Te", "Trailer", "Transfer-Encoding", "Www-Authenticate":
		return false
	}
	return !strings.HasPrefix(name, "If-")
}

// appendTrailer ends a chunked body: with the fields that were announced, and those that
// the handler set with http.TrailerPrefix.
func (w *writer) appendTrailer(b []byte) []byte {
	for _, name := range w.trailers {
		b = appendField(b, name, w.header[name])
	}
	for name, values := range w.header {
		if trailer, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			b = appendField(b, trailer, values)
		}
	}
	return append(b, "\r\n"...)
}
