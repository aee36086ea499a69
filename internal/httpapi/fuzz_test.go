package httpapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/internal/httpapi/httpapitest"
)

// FuzzBodies sends a body to every resource that reads one: whatever it holds, the response is
// not an internal error.
func FuzzBodies(f *testing.F) {
	const project, env = "/projects/shop", "/projects/shop/environments/stage"
	requests := []string{
		"POST /projects", "PATCH " + project, "POST " + project + "/variables", "PATCH " + project + "/variables/env:MODE",
		"POST " + project + "/domains", "PATCH " + project + "/domains/www.example.com", "POST " + project + "/certificates",
		"PATCH " + env, "PATCH " + env + "/settings", "POST " + env + "/bypass", "POST " + env + "/cache/purge", "POST " + env + "/redeploy",
		"POST " + env + "/rollback", "POST " + env + "/plan", "POST " + env + "/variables", "POST " + env + "/domains", "POST /tokens",
	}
	for _, body := range []string{
		"", "[]", "null", "{}", `{"title":null}`, `{"http_access":{"addresses":null,"basic_auth":null,"is_enabled":1}}`,
		`{"http_access":{"addresses":[{"permission":"allow","address":"any"}],"basic_auth":{"jo":"correct horse"}}}`, `{"hold_max_wait":1e308}`,
		`{"name":"env:A","value":"x","is_json":true,"application_scope":["app"]}`, `{"enable_manual_deployments":true}`, `{"name":"\u0000"}`,
		`{"id":"a","title":"` + strings.Repeat("x", 300) + `"}`, `{"certificate":"-----BEGIN CERTIFICATE-----"}`, `{"files":{"a":"b"}}`, `{"a":{"b":[]}}`, "{} {}",
	} {
		for i := range requests {
			f.Add(uint8(i), []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		method, path, _ := strings.Cut(requests[int(which)%len(requests)], " ")
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(string(body)))
		r.Header.Set("Authorization", "Bearer "+httpapitest.Admin)
		w := httptest.NewRecorder()
		newHandler(httpapitest.New(), io.Discard).ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError && w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
	})
}

// FuzzQueries asks for lists with any query.
func FuzzQueries(f *testing.F) {
	for _, query := range []string{"", "count=1&starts_at=2026-01-31T12:00:00.5 00:00", "state=%zz", "type=%25&type=*", "count=-1", "count=99999999999999999999", "max_delay=0&start_at=1"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		p := httpapitest.New()
		seed(p)
		h := newHandler(p, io.Discard)
		for _, path := range []string{"/projects/shop/activities", "/activities/act-push-good/log"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			r.URL.RawQuery = query
			r.Header.Set("Authorization", "Bearer "+httpapitest.Admin)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code >= http.StatusInternalServerError {
				t.Errorf("%s?%s: %d %s", path, query, w.Code, w.Body)
			}
		}
	})
}
