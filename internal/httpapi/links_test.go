package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"sluice/apiv1"
	"sluice/internal/httpapi/httpapitest"
)

// operations are the requests that clients make of links whose names begin with "#". A link to
// a collection is asked for.
var operations = map[string]string{
	"#edit": "PATCH", "#delete": "DELETE", "#manage-variables": "POST", "#manage-domains": "POST", "#cancel": "POST", "#verify": "POST",
	"#bypass": "POST", "#activate": "POST", "#deactivate": "POST", "#redeploy": "POST", "#rollback": "POST", "#pause": "POST", "#rehearse": "POST", "#resume": "POST",
	"#purge-cache": "POST", "#exec": "POST", "#branch": "POST", "#merge": "POST", "#synchronize": "POST", "#backup": "POST", "#restore": "POST",
	"#activities": "GET", "#routes": "GET", "#releases": "GET", "#disk": "GET", "#domains": "GET", "#source-operations": "GET", "#variables": "GET",
	"#relationships": "GET", "#logs": "GET", "#backups": "GET", "#download": "GET",
}

// linked is one link of one object.
type linked struct{ object, rel, href string }

// request returns what a client asks for, "" for what is not on this server.
func (l linked) request(t *testing.T) string {
	t.Helper()
	switch {
	case !strings.HasPrefix(l.href, "/"):
		return ""
	case l.rel == "log":
		return "GET " + l.href + "?max_delay=0"
	case !strings.HasPrefix(l.rel, "#"):
		return "GET " + l.href
	}
	method, ok := operations[l.rel]
	if !ok {
		t.Fatalf("say in this test how clients use the link %s of %s", l.rel, l.object)
	}
	return method + " " + l.href
}

// fresh is a platform with objects of all kinds.
func fresh(t *testing.T) http.Handler {
	t.Helper()
	p := httpapitest.New()
	seed(p)
	h := newHandler(p, io.Discard)
	p.SetTXT("_sluice-challenge.new.example.com", "nothing")
	for _, request := range []string{
		"POST /projects/shop/domains " + httpapitest.Admin + "\n" + `{"name":"www.example.com"}`,
		"POST /projects/shop/domains " + httpapitest.Owner + "\n" + `{"name":"new.example.com"}`,
	} {
		if got := answer(t, h, request); !strings.HasPrefix(got, "20") {
			t.Fatalf("%s: %s", request, got)
		}
	}
	return h
}

// links reads all objects that a token can list, and the links of each.
func links(t *testing.T, token string) map[linked]bool {
	t.Helper()
	h := fresh(t)
	at := []string{
		"/projects", "/projects/shop/environments", "/projects/shop/activities", "/projects/shop/variables", "/projects/shop/domains",
		"/projects/shop/certificates", "/projects/shop/settings", "/projects/shop/capabilities", "/projects/shop/git/refs",
		"/projects/shop/git/commits/" + strings.Repeat("a", 40), "/projects/shop/git/trees/" + strings.Repeat("b", 40),
	}
	for _, env := range []string{"main", "stage", "feature%2Fx"} {
		for _, below := range []string{"", "/variables", "/settings", "/deployments/current"} {
			at = append(at, "/projects/shop/environments/"+env+below)
		}
	}
	found := map[linked]bool{}
	for _, path := range at {
		status, body := get(t, h, "/api"+path, token)
		if status == http.StatusForbidden || status == http.StatusNotFound {
			continue // what is hidden is the matrix's business
		}
		if status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, status, body)
		}
		var objects []struct {
			Links apiv1.Links `json:"_links"`
		}
		if err := json.Unmarshal([]byte("["+strings.Trim(strings.TrimSpace(string(body)), "[]")+"]"), &objects); err != nil {
			t.Fatalf("%s: %v in %s", path, err, body)
		}
		for _, o := range objects {
			if o.Links == nil {
				t.Errorf("%s has an object without _links: %s", path, body)
			}
			for rel, relation := range o.Links {
				for _, href := range relation.Hrefs {
					found[linked{o.Links.Href("self"), rel, href}] = true
				}
			}
		}
	}
	return found
}

func get(t *testing.T, h http.Handler, path, token string) (int, []byte) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}

// TestLinksSayWhatIsAllowed follows every link of every object with a new platform: it leads to
// something that its owner may do. What an admin is offered and somebody else is not, is
// refused to them.
func TestLinksSayWhatIsAllowed(t *testing.T) {
	all := links(t, httpapitest.Admin)
	for name, token := range map[string]string{
		"admin": httpapitest.Admin, "owner": httpapitest.Owner, "contributor": httpapitest.Contributor, "reader": httpapitest.Reader,
	} {
		own := links(t, token)
		objects := map[string]bool{}
		for l := range own {
			objects[l.object] = true
		}
		t.Run(name, func(t *testing.T) {
			if len(own) < 30 {
				t.Errorf("only %d links were found", len(own))
			}
			for l := range own {
				follow(t, l, token, true)
			}
			for l := range all {
				if !own[l] && objects[l.object] {
					follow(t, l, token, false)
				}
			}
		})
	}
}

// follow makes the request of a link. An allowed one may fail for what this test sends, not
// for who sends it, and a refused one must be forbidden.
func follow(t *testing.T, l linked, token string, allowed bool) {
	t.Helper()
	request := l.request(t)
	if request == "" {
		return
	}
	got := answer(t, fresh(t), request+" "+token+"\n{}")
	status, _, _ := strings.Cut(got, " ")
	switch {
	case !allowed:
		if status != "403" {
			t.Errorf("%s has no link %s, but %s: %s", l.object, l.rel, request, got)
		}
	case strings.HasPrefix(request, "GET "):
		if status != "200" {
			t.Errorf("%s has the link %s, but %s: %s", l.object, l.rel, request, got)
		}
	case slices.Contains([]string{"401", "403", "404", "405", "500"}, status):
		t.Errorf("%s has the link %s, but %s: %s", l.object, l.rel, request, got)
	case status == "409" && l.rel != "#verify" && l.rel != "#rollback" && l.rel != "#delete": // those depend on what is sent, or not shown
		t.Errorf("%s has the link %s, but its state does not allow %s: %s", l.object, l.rel, request, got)
	}
}
