package edge

import (
	"iter"
	"net/http"
)

// layers yields w and what it wraps, down to the server's own, as http.ResponseController
// finds it.
func layers(w http.ResponseWriter) iter.Seq[http.ResponseWriter] {
	return func(yield func(http.ResponseWriter) bool) {
		for yield(w) {
			wrapped, ok := w.(interface{ Unwrap() http.ResponseWriter })
			if !ok {
				return
			}
			w = wrapped.Unwrap()
		}
	}
}
