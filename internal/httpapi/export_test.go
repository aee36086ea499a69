package httpapi

import "net/http"

// Patterns returns all routes of a handler that New made.
func Patterns(h http.Handler) []string {
	a, ok := h.(*api)
	if !ok {
		return nil
	}
	return a.patterns
}
