package edge

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/platform"
)

// cachingPublication publishes a release whose answers are kept for a minute.
func (w *world) publishCached(release string) platform.HoldReport {
	w.t.Helper()
	p := publication(release)
	p.Routes[0].Cache = platform.RouteCache{Enabled: true, DefaultTTL: 60, Cookies: []string{"*"}, Headers: []string{"Accept"}}
	report, err := w.router.Publish(w.t.Context(), p)
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

// counted serves a release that counts what it is asked.
func (w *world) counted(release string) *atomic.Int64 {
	var asked atomic.Int64
	w.backend(release, func(rw http.ResponseWriter, req *http.Request) {
		n := asked.Add(1)
		if req.Header.Get("Authorization") != "" {
			n = -1
		}
		_, _ = rw.Write([]byte(release + " " + req.URL.Path + " " + strconv.FormatInt(n, 10)))
	})
	return &asked
}

func (w *world) want(a answer, status int, body, cached string) {
	w.t.Helper()
	if a.err != nil || a.status != status || !strings.HasPrefix(a.body, body) || a.header.Get("X-Cache") != cached {
		w.t.Errorf("got %d %q X-Cache %q %v, want %d %q %q", a.status, a.body, a.header.Get("X-Cache"), a.err, status, body, cached)
	}
}

func TestCacheAnswersUntilTheNextRelease(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.counted("r1")
		w.counted("r2")
		w.publishCached("r1")
		w.want(w.get("/"), http.StatusOK, "r1 / 1", "MISS")
		w.want(w.get("/"), http.StatusOK, "r1 / 1", "HIT")
		w.publishCached("r1") // the same again changes nothing
		w.want(w.get("/"), http.StatusOK, "r1 / 1", "HIT")
		w.publishCached("r2")
		w.want(w.get("/"), http.StatusOK, "r2 / 1", "MISS")
		w.want(w.get("/"), http.StatusOK, "r2 / 1", "HIT")
		if s := w.router.cache.Stats(); s.Entries != 1 {
			t.Errorf("entries of a release that is gone: %+v", s)
		}
	})
}

func TestCacheAnswersWhileHeld(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.counted("r1")
		w.counted("r2")
		w.publishCached("r1")
		w.want(w.get("/"), http.StatusOK, "r1 / 1", "MISS")
		w.hold(platform.Hold{})
		w.want(w.get("/"), http.StatusOK, "r1 / 1", "HIT")
		time.Sleep(2 * time.Minute)
		w.want(w.get("/"), http.StatusOK, "r1 / 1", "HELD-STALE")
		waiting := make(chan answer, 2)
		post := w.request(t.Context(), http.MethodPost, "/", strings.NewReader("x"))
		go func() { waiting <- w.do(post) }()
		go func() { waiting <- w.get("/other") }()
		time.Sleep(time.Second)
		if s := w.status(); s.Waiting != 2 {
			t.Errorf("waiting: %+v", s)
		}
		if report := w.publishCached("r2"); report.Cached != 2 || report.Held != 2 {
			t.Errorf("%+v", report)
		}
		for range 2 {
			if a := <-waiting; !strings.HasPrefix(a.body, "r2 ") || a.header.Get(HeldHeader) == "" {
				t.Errorf("released: %+v", a)
			}
		}
		w.want(w.get("/"), http.StatusOK, "r2 /", "MISS")
	})
}

// Who waited for one thing is answered by one request: a release is no stampede.
func TestReleasedRequestsAskOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.counted("r1")
		asked := w.counted("r2")
		w.publishCached("r1")
		w.hold(platform.Hold{})
		answers := w.start(200, http.MethodGet)
		time.Sleep(time.Second)
		if report := w.publishCached("r2"); report.Held != 200 {
			t.Errorf("report %+v", report)
		}
		w.wantAll(answers, 200, http.StatusOK, "r2 / 1")
		if n := asked.Load(); n != 1 {
			t.Errorf("the new release was asked %d times", n)
		}
	})
}

func TestNothingIsAnsweredFromTheCacheInMaintenance(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.counted("r1")
		w.publishCached("r1")
		w.get("/")
		if _, err := w.router.Close(t.Context(), testEnv, ""); err != nil {
			t.Fatal(err)
		}
		w.want(w.get("/"), http.StatusServiceUnavailable, "", "")
		if _, err := w.router.Resume(t.Context(), testEnv); err != nil {
			t.Fatal(err)
		}
		w.want(w.get("/"), http.StatusOK, "r1 / 2", "MISS") // data may have changed meanwhile
	})
}

func TestAccessControlComesBeforeTheCache(t *testing.T) {
	hash, err := platform.HashPassword("secret")
	if err != nil {
		t.Fatal(err)
	}
	inWorld(t, func(w *world) {
		t := w.t
		w.counted("r1")
		w.publishCached("r1")
		w.get("/")
		err := w.router.Configure(t.Context(), testEnv, platform.EdgeSettings{
			Access: platform.HTTPAccess{Enabled: true, Users: map[string]string{"eve": hash}},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.want(w.get("/"), http.StatusUnauthorized, "", "")
		for _, cached := range []string{"MISS", "HIT"} {
			req := w.request(t.Context(), http.MethodGet, "/", nil)
			req.SetBasicAuth("eve", "secret")
			w.want(w.do(req), http.StatusOK, "r1 / 2", cached) // the password was not passed on
		}
		w.want(w.get("/"), http.StatusUnauthorized, "", "")
	})
}

func TestOperatorsAreNotAnsweredFromTheCache(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.counted("r1")
		w.counted("r2")
		p := publication("r1")
		p.Routes[0].Cache = platform.RouteCache{Enabled: true, DefaultTTL: 60}
		mustPublish(t, w.router, p)
		w.get("/")
		w.hold(platform.Hold{})
		p.Release, p.Backends = "r2", map[string][]string{"app": {"r2:80"}}
		if err := w.router.Offer(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		b, err := w.router.Bypass(t.Context(), testEnv, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		req := w.request(t.Context(), http.MethodGet, "/", nil)
		_, token, _ := strings.Cut(b.Path, "token=")
		req.AddCookie(&http.Cookie{Name: bypassCookie, Value: token})
		w.want(w.do(req), http.StatusOK, "r2 / 1", "")
		w.want(w.get("/"), http.StatusOK, "r1 / 1", "HIT")
		mustPublish(t, w.router, p)
		w.want(w.get("/"), http.StatusOK, "r2 / 2", "MISS") // what the operator saw was not kept
	})
}

func TestPurge(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.counted("r1")
		w.publishCached("r1")
		w.get("/a")
		w.get("/b")
		purge := func(p platform.Purge, want int) {
			t.Helper()
			if report, err := w.router.Purge(t.Context(), testEnv, p); err != nil || report.Removed != want {
				t.Errorf("%+v: %+v %v", p, report, err)
			}
		}
		purge(platform.Purge{URL: siteURL + "a"}, 1)
		w.want(w.get("/b"), http.StatusOK, "r1 /b", "HIT")
		w.want(w.get("/a"), http.StatusOK, "r1 /a", "MISS")
		purge(platform.Purge{URL: siteURL, Prefix: true}, 2)
		purge(platform.Purge{}, 0)
		if _, err := w.router.Purge(t.Context(), testEnv, platform.Purge{URL: "shop"}); platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("got %v", err)
		}
		if _, err := w.router.Purge(t.Context(), "other", platform.Purge{}); platform.ErrorCode(err) != platform.CodeNotFound {
			t.Errorf("got %v", err)
		}
	})
}

func TestARouteThatCannotBeCachedIsRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		p := publication("r1")
		p.Routes[0].Cache = platform.RouteCache{Enabled: true, Cookies: []string{"/(/"}}
		if _, err := w.router.Publish(t.Context(), p); platform.ErrorCode(err) != platform.CodeInvalid {
			t.Errorf("got %v", err)
		}
	})
}
