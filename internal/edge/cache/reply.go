package cache

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"time"
)

// reply writes an answer whose header is in place and whose body is complete: all of it,
// the part that was asked for, or that the client has it already.
func reply(w http.ResponseWriter, req *http.Request, status int, etag string, changed time.Time, body []byte) {
	h := w.Header()
	if status == http.StatusOK {
		if has(req, etag, changed) {
			notModified(h)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		if ranged(req) && h["Content-Encoding"] == nil {
			// It reads Range and If-Range and refuses what is not sensible; without a name
			// and with a type it guesses nothing.
			delete(h, "Content-Length")
			if h["Content-Type"] == nil {
				h["Content-Type"] = nil
			}
			http.ServeContent(w, req, "", changed, bytes.NewReader(body))
			return
		}
	}
	w.WriteHeader(status)
	if req.Method != http.MethodHead && len(body) > 0 {
		_, _ = io.Writer(w).Write(body) // the client left
	}
}

// ranged reports whether a part is asked for: by GET only, and in the one unit that is
// known; others are ignored (RFC 9110 section 14.2).
func ranged(req *http.Request) bool {
	values := req.Header["Range"]
	return req.Method == http.MethodGet && len(values) == 1 && len(values[0]) > len(rangeUnit) &&
		strings.EqualFold(values[0][:len(rangeUnit)], rangeUnit)
}

const rangeUnit = "bytes="

// notModified removes what describes a body (RFC 9110 15.4.5).
func notModified(h http.Header) {
	for _, name := range []string{"Content-Length", "Content-Type", "Content-Encoding", "Content-Language", "Content-Range"} {
		delete(h, name)
	}
}

// has reports whether the client has the answer already (RFC 9110 13.2.2): If-None-Match
// decides alone when it is there.
func has(req *http.Request, etag string, changed time.Time) bool {
	if tags, ok := req.Header["If-None-Match"]; ok {
		for _, t := range tags {
			if listed(t, etag) {
				return true
			}
		}
		return false
	}
	since := req.Header["If-Modified-Since"]
	if len(since) == 0 || changed.IsZero() {
		return false
	}
	t, err := http.ParseTime(since[0])
	return err == nil && !changed.After(t)
}

// listed reports whether an If-None-Match has the tag, by weak comparison.
func listed(list, etag string) bool {
	if strings.TrimSpace(list) == "*" {
		return true
	}
	if etag == "" {
		return false
	}
	etag = strings.TrimPrefix(etag, "W/")
	for list != "" {
		var tag string
		tag, list = cutItem(list)
		if strings.TrimPrefix(strings.TrimSpace(tag), "W/") == etag {
			return true
		}
	}
	return false
}
