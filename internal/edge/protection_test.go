package edge

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/platform"
)

func (w *world) configure(s platform.EdgeSettings) {
	w.t.Helper()
	if err := w.router.Configure(w.t.Context(), testEnv, s); err != nil {
		w.t.Fatal(err)
	}
}

// handle answers a request without a network, from an address of the caller's choice.
func handle(r *Router, remote string, change func(*http.Request)) *recorded {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, siteURL, nil)
	if err != nil {
		panic(err)
	}
	req.RemoteAddr = remote
	if change != nil {
		change(req)
	}
	rec := &recorded{header: http.Header{}}
	r.ServeHTTP(rec, req)
	return rec
}

type recorded struct {
	header http.Header
	status int
	body   strings.Builder
}

func (r *recorded) Header() http.Header { return r.header }
func (r *recorded) WriteHeader(s int) {
	if r.status == 0 {
		r.status = s
	}
}

func (r *recorded) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

func TestHTTPAccess(t *testing.T) {
	t.Parallel()
	hash, err := platform.HashPassword("secret")
	if err != nil {
		t.Fatal(err)
	}
	users := map[string]string{"ann": hash}
	allow := func(a string) platform.AddressRule {
		return platform.AddressRule{Permission: platform.Allow, Address: a}
	}
	deny := func(a string) platform.AddressRule {
		return platform.AddressRule{Permission: platform.Deny, Address: a}
	}
	const inside, outside = "10.1.2.3:5", "203.0.113.9:5"
	tests := []struct {
		name   string
		access platform.HTTPAccess
		from   string
		user   string
		pass   string
		want   int
	}{
		{"off", platform.HTTPAccess{Addresses: []platform.AddressRule{deny("any")}, Users: users}, outside, "", "", 200},
		{"no rules", platform.HTTPAccess{Enabled: true}, outside, "", "", 200},
		{"denied", platform.HTTPAccess{Enabled: true, Addresses: []platform.AddressRule{deny("any")}}, outside, "", "", 403},
		{"allowed before denied", platform.HTTPAccess{Enabled: true, Addresses: []platform.AddressRule{allow("10.0.0.0/8"), deny("any")}}, inside, "", "", 200},
		{"first match decides", platform.HTTPAccess{Enabled: true, Addresses: []platform.AddressRule{deny("any"), allow("10.0.0.0/8")}}, inside, "", "", 403},
		{"not matched", platform.HTTPAccess{Enabled: true, Addresses: []platform.AddressRule{deny("10.0.0.0/8")}}, outside, "", "", 200},
		{"ipv6", platform.HTTPAccess{Enabled: true, Addresses: []platform.AddressRule{allow("2001:db8::/32"), deny("any")}}, "[2001:db8::7]:5", "", "", 200},
		{"ipv4 in ipv6", platform.HTTPAccess{Enabled: true, Addresses: []platform.AddressRule{allow("10.0.0.0/8"), deny("any")}}, "[::ffff:10.1.1.1]:5", "", "", 200},
		{"zone", platform.HTTPAccess{Enabled: true, Addresses: []platform.AddressRule{deny("any")}}, "[fe80::1%eth0]:5", "", "", 403},
		{"zone of an allowed network", platform.HTTPAccess{Enabled: true, Addresses: []platform.AddressRule{allow("fe80::/10"), deny("any")}}, "[fe80::1%eth0]:5", "", "", 200},
		{"no address", platform.HTTPAccess{Enabled: true, Addresses: []platform.AddressRule{deny("10.0.0.0/8")}}, "@", "", "", 403},
		{"not among the allowed", platform.HTTPAccess{Enabled: true, Addresses: []platform.AddressRule{allow("10.0.0.0/8")}}, outside, "", "", 403},
		{"no credentials", platform.HTTPAccess{Enabled: true, Users: users}, outside, "", "", 401},
		{"wrong password", platform.HTTPAccess{Enabled: true, Users: users}, outside, "ann", "Secret", 401},
		{"unknown user", platform.HTTPAccess{Enabled: true, Users: users}, outside, "bob", "secret", 401},
		{"right password", platform.HTTPAccess{Enabled: true, Users: users}, outside, "ann", "secret", 200},
		{"password instead of address", platform.HTTPAccess{Enabled: true, Addresses: []platform.AddressRule{deny("any")}, Users: users}, outside, "ann", "secret", 200},
		{"address instead of password", platform.HTTPAccess{Enabled: true, Addresses: []platform.AddressRule{allow("10.0.0.0/8")}, Users: users}, inside, "", "", 200},
	}
	inWorld(t, func(w *world) {
		seen := make(chan http.Header, 1)
		w.backend("old", func(_ http.ResponseWriter, req *http.Request) { seen <- req.Header.Clone() })
		w.publish("old")
		for _, tt := range tests {
			w.configure(platform.EdgeSettings{Access: tt.access})
			got := handle(w.router, tt.from, func(req *http.Request) {
				if tt.user != "" {
					req.SetBasicAuth(tt.user, tt.pass)
				}
			})
			if got.status != tt.want {
				t.Errorf("%s: got %d, want %d", tt.name, got.status, tt.want)
			}
			if challenged := got.header.Get("WWW-Authenticate") != ""; challenged != (tt.want == 401) {
				t.Errorf("%s: challenged %v", tt.name, challenged)
			}
			if tt.want == 200 {
				h := <-seen
				if consumed := tt.user != "" && tt.access.Enabled; consumed && h.Get("Authorization") != "" {
					t.Errorf("%s: the application saw the credentials", tt.name)
				}
			}
		}
	})
}

func TestAccessIsAskedForBeforeARequestIsHeld(t *testing.T) {
	inWorld(t, func(w *world) {
		w.backend("old", nil)
		w.publish("old")
		w.configure(platform.EdgeSettings{Access: platform.HTTPAccess{
			Enabled: true, Addresses: []platform.AddressRule{{Permission: platform.Deny, Address: "any"}},
		}})
		w.hold(platform.Hold{Activity: "a1"})
		if got := handle(w.router, "203.0.113.9:5", nil); got.status != http.StatusForbidden || w.status().Waiting != 0 {
			t.Errorf("got %d, %d wait", got.status, w.status().Waiting)
		}
	})
}

func TestRobotsAreKeptAway(t *testing.T) {
	inWorld(t, func(w *world) {
		w.backend("old", func(rw http.ResponseWriter, _ *http.Request) { rw.Header().Set("X-Robots-Tag", "all") })
		w.publish("old")
		if got := w.get("/").header.Values("X-Robots-Tag"); len(got) != 1 || got[0] != "all" {
			t.Errorf("not restricted: %q", got)
		}
		w.configure(platform.EdgeSettings{RestrictRobots: true})
		if got := w.get("/").header.Values("X-Robots-Tag"); len(got) != 1 || got[0] != "noindex, nofollow" {
			t.Errorf("restricted: %q", got)
		}
	})
}

func TestOperatorTriesTheNewReleaseDuringAHold(t *testing.T) {
	inWorld(t, func(w *world) {
		cookies := make(chan string, 1)
		w.backend("old", nil)
		w.backend("new", func(rw http.ResponseWriter, req *http.Request) {
			select {
			case cookies <- req.Header.Get("Cookie"):
			default:
			}
			_, _ = rw.Write([]byte("new"))
		})
		w.publish("old")
		link, err := w.router.Bypass(w.t.Context(), testEnv, 0)
		if err != nil {
			t.Fatal(err)
		}
		got := w.get(link.Path)
		cookie, _, _ := strings.Cut(got.header.Get("Set-Cookie"), ";")
		if got.status != http.StatusSeeOther || !strings.HasPrefix(cookie, "sluice_bypass=") {
			t.Fatalf("%d %q", got.status, cookie)
		}
		operator := w.request(w.t.Context(), http.MethodGet, "/", nil)
		operator.Header.Set("Cookie", "a=b; "+cookie+"; c=d")

		w.hold(platform.Hold{Activity: "a1"})
		early := make(chan answer, 1)
		go func() { early <- w.do(operator.Clone(w.t.Context())) }()
		visitors := w.start(3, http.MethodGet)
		if s := w.status(); s.Waiting != 4 {
			t.Fatalf("%d wait: before the new release started operators wait like everybody", s.Waiting)
		}
		if err := w.router.Offer(w.t.Context(), to("new", "new:80")); err != nil {
			t.Fatal(err)
		}
		if got := w.do(operator); got.body != "new" {
			t.Errorf("operator got %d %q", got.status, got.body)
		}
		if got := <-cookies; got != "a=b; c=d" {
			t.Errorf("the application saw %q", got)
		}
		if s := w.status(); s.Waiting != 4 {
			t.Errorf("%d wait", s.Waiting)
		}
		report := w.publish("new")
		w.wantAll(visitors, 3, 200, "new")
		w.wantAll(early, 1, 200, "new")
		if report.Bypassed != 1 || report.Held != 4 || report.Cut != 0 {
			t.Errorf("%+v", report)
		}
	})
}

func TestOperatorGetsInDuringMaintenanceByAddress(t *testing.T) {
	inWorld(t, func(w *world) {
		w.backend("old", nil)
		w.publish("old")
		if _, err := w.router.Close(w.t.Context(), testEnv, "later"); err != nil {
			t.Fatal(err)
		}
		w.configure(platform.EdgeSettings{Bypass: []string{"10.0.0.0/8"}})
		if got := handle(w.router, "203.0.113.9:1", nil); got.status != http.StatusServiceUnavailable {
			t.Errorf("visitor got %d", got.status)
		}
		if got := handle(w.router, "10.1.1.1:1", nil); got.status != http.StatusOK || got.body.String() != "old" {
			t.Errorf("operator got %d %q", got.status, got.body.String())
		}
	})
}

func TestBypassLinksEndAndBelongToOneEnvironment(t *testing.T) {
	inWorld(t, func(w *world) {
		w.backend("old", nil)
		w.publish("old")
		if _, err := w.router.Bypass(w.t.Context(), "nobody", 0); platform.ErrorCode(err) != platform.CodeNotFound {
			t.Errorf("unknown environment: %v", err)
		}
		if _, err := w.router.Bypass(w.t.Context(), testEnv, 8*24*time.Hour); platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("too long: %v", err)
		}
		link, err := w.router.Bypass(w.t.Context(), testEnv, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		foreign := BypassPath + "?token=" + w.router.key.token("shop-other", time.Now().Add(time.Hour))
		for _, path := range []string{foreign, BypassPath + "?token=x", strings.Replace(link.Path, "token=", "token=A", 1)} {
			if got := w.get(path); got.status != http.StatusForbidden || got.header.Get("Set-Cookie") != "" {
				t.Errorf("%s: got %d", path, got.status)
			}
		}
		if got := w.get(BypassPath); got.status != http.StatusSeeOther || !strings.Contains(got.header.Get("Set-Cookie"), "Max-Age=0") {
			t.Errorf("without token: %d %q", got.status, got.header.Get("Set-Cookie"))
		}
		time.Sleep(time.Minute)
		if got := w.get(link.Path); got.status != http.StatusForbidden {
			t.Errorf("after its time: got %d", got.status)
		}
	})
}

func TestOfferEndsWithItsHold(t *testing.T) {
	inWorld(t, func(w *world) {
		w.backend("old", nil)
		hang := make(chan struct{})
		w.backend("new", func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done(); close(hang) })
		w.publish("old")
		if err := w.router.Offer(w.t.Context(), to("r0", "new:80")); err != nil {
			t.Fatal(err)
		}
		if w.router.known(testEnv).offers() {
			t.Fatal("an open environment took an offer")
		}
		w.configure(platform.EdgeSettings{Bypass: []string{"10.0.0.0/8"}})
		w.hold(platform.Hold{Activity: "a1"})
		if err := w.router.Offer(w.t.Context(), to("new", "new:80")); err != nil {
			t.Fatal(err)
		}
		answer := make(chan int, 1)
		go func() { answer <- handle(w.router, "10.1.1.1:1", nil).status }()
		synctest.Wait()
		if _, err := w.router.Resume(w.t.Context(), testEnv); err != nil {
			t.Fatal(err)
		}
		if got := <-answer; got != http.StatusServiceUnavailable {
			t.Errorf("an operator's request to a release that never came: %d", got)
		}
		<-hang
		if got := w.get("/"); got.body != "old" {
			t.Errorf("got %q", got.body)
		}
	})
}

func TestProjectsOwnMaintenancePage(t *testing.T) {
	inWorld(t, func(w *world) {
		w.backend("old", nil)
		p := to("old", "old:80")
		p.MaintenancePage = "<!doctype html><title>Our shop</title>"
		if _, err := w.router.Publish(w.t.Context(), p); err != nil {
			t.Fatal(err)
		}
		w.hold(platform.Hold{Activity: "a1", MaxRequests: 1})
		waiting := w.start(1, http.MethodGet)
		own := w.get("/")
		if own.status != 503 || own.body != p.MaintenancePage || own.header.Get("Retry-After") == "" || own.took >= 5*time.Millisecond {
			t.Errorf("%d %q after %s", own.status, own.body, own.took)
		}
		req := w.request(w.t.Context(), http.MethodGet, "/", nil)
		req.Header.Set("Accept", "application/json")
		if got := w.do(req); got.status != 503 || !strings.Contains(got.body, `"status":503`) {
			t.Errorf("a program got %d %q", got.status, got.body)
		}
		if _, err := w.router.Close(w.t.Context(), testEnv, ""); err != nil {
			t.Fatal(err)
		}
		w.wantAll(waiting, 1, 503, "Our shop")
		p.MaintenancePage = strings.Repeat("x", platform.MaxMaintenancePage+1)
		if _, err := w.router.Publish(w.t.Context(), p); platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("too large: %v", err)
		}
	})
}

func TestSettingsAndOffersSurviveACrash(t *testing.T) {
	inWorld(t, func(w *world) {
		path := w.t.TempDir() + "/state.json"
		before, err := New(Options{Dial: w.net.dial, StatePath: path})
		if err != nil {
			t.Fatal(err)
		}
		w.backend("old", nil)
		w.backend("new", nil)
		ctx := w.t.Context()
		mustPublish(t, before, to("old", "old:80"))
		deny := platform.HTTPAccess{Enabled: true, Addresses: []platform.AddressRule{
			{Permission: platform.Allow, Address: "10.0.0.0/8"}, {Permission: platform.Deny, Address: "any"},
		}}
		if err := before.Configure(ctx, testEnv, platform.EdgeSettings{Access: deny, Bypass: []string{"10.0.0.7"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := before.Hold(ctx, platform.Hold{Environment: testEnv, Activity: "a1"}); err != nil {
			t.Fatal(err)
		}
		if err := before.Offer(ctx, to("new", "new:80")); err != nil {
			t.Fatal(err)
		}
		link, err := before.Bypass(ctx, testEnv, 0)
		if err != nil {
			t.Fatal(err)
		}
		after, err := New(Options{Dial: w.net.dial, StatePath: path})
		if err != nil {
			t.Fatal(err)
		}
		if got := handle(after, "203.0.113.1:1", nil); got.status != 403 {
			t.Errorf("a stranger got %d", got.status)
		}
		if got := handle(after, "10.0.0.7:1", nil); got.body.String() != "new" {
			t.Errorf("an operator got %d %q", got.status, got.body.String())
		}
		_, token, _ := strings.Cut(link.Path, "token=")
		if _, ok := after.key.valid(testEnv, token); !ok {
			t.Error("a link did not outlive the process")
		}
		for _, r := range []*Router{before, after} {
			if err := r.Forget(ctx, testEnv); err != nil {
				t.Fatal(err)
			}
		}
	})
}
