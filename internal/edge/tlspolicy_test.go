package edge

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"

	"sluice/internal/platform"
)

func yes() *bool { v := true; return &v }
func no() *bool  { v := false; return &v }

// served returns a router that serves the routes with an application that answers "app".
func served(t *testing.T, routes ...platform.Route) (*Router, *http.Request) {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		for _, name := range []string{"X-Client-Verify", "X-Client-Dn", "X-Client-Cert", "X-Client-Ssl"} {
			w.Header().Set("Saw-"+name, req.Header.Get(name))
		}
		w.Header().Set("Strict-Transport-Security", "max-age=1")
	}))
	t.Cleanup(backend.Close)
	r, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range routes {
		routes[i].Type, routes[i].Upstream = platform.RouteUpstream, "app"
	}
	_, err = r.Publish(t.Context(), platform.Publication{
		Environment: "shop-main", Release: "r1", Routes: routes,
		Backends: map[string][]string{"app": {backend.Listener.Addr().String()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://shop.test/", nil)
}

func TestTLSPolicyIsTheStrictestOfAHost(t *testing.T) {
	r, _ := served(
		t,
		platform.Route{URL: "https://shop.test/", TLS: platform.RouteTLS{MinVersion: "TLSv1.3", ClientAuth: platform.ClientAuthRequest, ClientCAs: []string{"b"}}},
		platform.Route{URL: "https://shop.test/admin/", TLS: platform.RouteTLS{MinVersion: "TLSv1.0", ClientAuth: platform.ClientAuthRequire, ClientCAs: []string{"a", "b"}}},
		platform.Route{URL: "https://*.shop.test/", TLS: platform.RouteTLS{MinVersion: "TLSv1.1"}},
		platform.Route{URL: "http://plain.test/", TLS: platform.RouteTLS{MinVersion: "TLSv1.3"}},
	)
	tests := []struct {
		name, host string
		want       TLSPolicy
	}{
		{"shop.test", "shop.test", TLSPolicy{tls.VersionTLS13, platform.ClientAuthRequire, "a\nb"}},
		{"SHOP.test.", "shop.test", TLSPolicy{tls.VersionTLS13, platform.ClientAuthRequire, "a\nb"}},
		{"a.shop.test", "*.shop.test", TLSPolicy{MinVersion: tls.VersionTLS11}},
		{"plain.test", "plain.test", TLSPolicy{MinVersion: tls.VersionTLS13}},
		{"other.test", "", TLSPolicy{}},
		{"", "", TLSPolicy{}},
	}
	for _, tt := range tests {
		if got, host := r.TLSPolicy(tt.name); got != tt.want || host != tt.host {
			t.Errorf("%q: %+v of %q, want %+v of %q", tt.name, got, host, tt.want, tt.host)
		}
	}
	if got := r.Hosts(); !slices.Equal(got, []string{"*.shop.test", "plain.test", "shop.test"}) {
		t.Errorf("hosts %q", got)
	}
}

func TestHSTSIsTheStrictestOfAHost(t *testing.T) {
	hsts := func(e, i, p *bool) platform.HSTS {
		return platform.HSTS{Enabled: e, IncludeSubdomains: i, Preload: p}
	}
	tests := []struct {
		name  string
		first platform.HSTS
		other platform.HSTS
		want  string
	}{
		{"nothing said", hsts(nil, nil, nil), hsts(nil, nil, nil), "max-age=1"}, // the application's
		{"off", hsts(no(), nil, nil), hsts(nil, nil, nil), "max-age=0"},
		{"one of two", hsts(no(), nil, nil), hsts(yes(), nil, nil), "max-age=31536000"},
		{"union", hsts(yes(), yes(), nil), hsts(yes(), no(), yes()), "max-age=31536000; includeSubDomains; preload"},
		{"off with flags", hsts(no(), yes(), yes()), hsts(nil, nil, nil), "max-age=0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, req := served(
				t,
				platform.Route{URL: "https://shop.test/", HSTS: tt.first},
				platform.Route{URL: "https://shop.test/b/", HSTS: tt.other},
			)
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			if got := w.Header().Values("Strict-Transport-Security"); !slices.Equal(got, []string{tt.want}) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestClientCertificatesAreRequiredAndTold(t *testing.T) {
	verified := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte("der")}}}
	verified.VerifiedChains = [][]*x509.Certificate{verified.PeerCertificates}
	for _, tt := range []struct {
		name   string
		auth   platform.ClientAuth
		state  *tls.ConnectionState
		status int
		verify string
	}{
		{"not asked", "", verified, http.StatusOK, ""},
		{"asked and shown", platform.ClientAuthRequest, verified, http.StatusOK, "SUCCESS"},
		{"asked and not shown", platform.ClientAuthRequest, &tls.ConnectionState{}, http.StatusOK, "NONE"},
		{"required and shown", platform.ClientAuthRequire, verified, http.StatusOK, "SUCCESS"},
		{"required and not shown", platform.ClientAuthRequire, &tls.ConnectionState{}, http.StatusForbidden, ""},
		{"required over plain HTTP", platform.ClientAuthRequire, nil, http.StatusForbidden, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, req := served(t, platform.Route{URL: "http://shop.test/", TLS: platform.RouteTLS{ClientAuth: tt.auth}})
			req.TLS = tt.state
			req.Header.Set("X-Client-Verify", "forged")
			req.Header.Set("X-Client-Dn", "forged")
			req.Header.Set("X-Client-Cert", "forged")
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			if w.Code != tt.status || w.Header().Get("Saw-X-Client-Verify") != tt.verify {
				t.Errorf("status %d, verify %q", w.Code, w.Header().Get("Saw-X-Client-Verify"))
			}
			if got := w.Header().Get("Saw-X-Client-Cert"); got == "forged" || (got != "") != (tt.verify == "SUCCESS") {
				t.Errorf("certificate %q", got)
			}
		})
	}
}

func TestServesIsByProject(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	publish := func(r *Router, project, env, url string) {
		t.Helper()
		mustPublish(t, r, platform.Publication{
			Environment: platform.EnvironmentID(env), Project: project, Release: "r1",
			Routes:   []platform.Route{{URL: url, Type: platform.RouteUpstream, Upstream: "app"}},
			Backends: map[string][]string{"app": {"127.0.0.1:1"}},
		})
	}
	open := func() *Router {
		t.Helper()
		r, err := New(Options{StatePath: state})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	check := func(r *Router, project string, want ...string) {
		t.Helper()
		got := slices.DeleteFunc(r.Hosts(), func(host string) bool { return !r.Serves(project, host) })
		if !slices.Equal(got, want) {
			t.Errorf("%q serves %q, want %q", project, got, want)
		}
	}
	r := open()
	publish(r, "shop", "shop-main-abcdefg", "https://shop.test/")
	publish(r, "shop", "shop-stage-abcdefg", "http://*.shop.test/")
	publish(r, "shop-b2b", "shop-b2b-main-abcdefg", "https://b2b.test/")
	publish(r, "blog", "blog-main-abcdefg", "https://blog.test/")
	publish(r, "", "shop-old-abcdefg", "https://old.test/") // as in a state file from before
	for range 2 {
		check(r, "shop", "*.shop.test", "old.test", "shop.test")
		check(r, "shop-b2b", "b2b.test")
		check(r, "blog", "blog.test")
		check(r, "")
		for host, want := range map[string]string{"shop.test": "shop", "*.shop.test": "shop", "blog.test": "blog", "old.test": "shop-old-abcdefg", "unknown.test": ""} {
			if got := r.Owner(host); got != want {
				t.Errorf("%s belongs to %q, want %q", host, got, want)
			}
		}
		if r.Serves("shop", "unknown.test") || r.Serves("shop", "") {
			t.Error("serves what is no host")
		}
		r = open() // after a restart
	}
}
