package front

import (
	"net/http"
	"strings"

	"sluice/internal/edge/wire"
)

// announce notes the fields that the handler will set after the body (RFC 9110 6.6.2).
func (w *writer) announce(lists []string) {
	w.trailing = true
	w.trailers = append(w.trailers, wire.Trailers(lists)...)
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
