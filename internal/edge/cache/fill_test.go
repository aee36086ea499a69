package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/platform"
)

// box is what is in a bubble.
type box struct {
	t    *testing.T
	zone *Zone
	rt   *Route
}

// bubble runs f with a cache of an hour inside a synctest bubble.
func bubble(t *testing.T, f func(b box)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Options{MaxObject: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		z := c.NewZone()
		rt, err := z.Route(platform.RouteCache{Enabled: true, DefaultTTL: 3600})
		if err != nil {
			t.Fatal(err)
		}
		f(box{t, z, rt})
	})
}

func get(ctx context.Context, path string) *http.Request {
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	req.Host = "shop.test"
	return req
}

// ask sends a request through the cache.
func ask(rt *Route, req *http.Request, app http.HandlerFunc) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	func() {
		defer func() {
			if r := recover(); r != nil {
				if err, ok := r.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
					panic(r)
				}
			}
		}()
		if !rt.Answer(w, req, false, false) {
			rt.Fill(w, req, false, app)
		}
	}()
	return w
}

// crowd sends n requests at once and returns their answers.
func crowd(rt *Route, n int, app http.HandlerFunc, request func(i int) *http.Request) func() []*httptest.ResponseRecorder {
	answers := make([]*httptest.ResponseRecorder, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { answers[i] = ask(rt, request(i), app) })
	}
	return func() []*httptest.ResponseRecorder { wg.Wait(); return answers }
}

func TestOneAsksForAll(t *testing.T) {
	bubble(t, func(b box) {
		t, rt := b.t, b.rt
		var asked atomic.Int64
		app := func(w http.ResponseWriter, _ *http.Request) {
			n := asked.Add(1)
			time.Sleep(time.Second)
			_, _ = fmt.Fprintf(w, "answer %d", n)
		}
		start := time.Now()
		for _, w := range crowd(rt, 100, app, func(int) *http.Request { return get(t.Context(), "/a") })() {
			if w.Body.String() != "answer 1" {
				t.Errorf("got %q", w.Body)
			}
		}
		if asked.Load() != 1 || time.Since(start) != time.Second {
			t.Errorf("asked %d times in %s", asked.Load(), time.Since(start))
		}
	})
}

// Nobody waits for the body of an answer that is not for him, and after the first one
// nobody waits for its header either.
func TestAnswersForOneVisitorAreAskedSideBySide(t *testing.T) {
	bubble(t, func(b box) {
		t, rt := b.t, b.rt
		app := func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second) // until the header
			w.Header().Set("Cache-Control", "private")
			w.WriteHeader(http.StatusOK)
			time.Sleep(time.Minute)
			_, _ = io.WriteString(w, "mine")
		}
		request := func(int) *http.Request { return get(t.Context(), "/a") }
		start := time.Now()
		crowd(rt, 100, app, request)()
		if took := time.Since(start); took != 2*time.Second+time.Minute {
			t.Errorf("the first crowd took %s", took)
		}
		start = time.Now()
		ask(rt, request(0), app) // makes the mark again, which is older than its life
		crowd(rt, 100, app, request)()
		if took := time.Since(start); took > 2*(time.Second+time.Minute)+time.Second {
			t.Errorf("the second crowd took %s", took)
		}
	})
}

func TestWaitingIsBounded(t *testing.T) {
	bubble(t, func(b box) {
		t, rt := b.t, b.rt
		var asked atomic.Int64
		app := func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) == 1 {
				time.Sleep(time.Hour)
			}
			_, _ = io.WriteString(w, "answer")
		}
		wait := crowd(rt, 1, app, func(int) *http.Request { return get(t.Context(), "/a") })
		synctest.Wait()
		start := time.Now()
		if w := ask(rt, get(t.Context(), "/a"), app); w.Body.String() != "answer" || time.Since(start) != DefaultWait {
			t.Errorf("got %q after %s", w.Body, time.Since(start))
		}
		wait()
	})
}

func TestWhoWaitsGoesOnWhenTheFirstFails(t *testing.T) {
	for name, failure := range map[string]func(w http.ResponseWriter){
		"cut short": func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, "half an ans")
			panic(http.ErrAbortHandler)
		},
		"shorter than said": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half an ans")
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b box) {
				t, rt := b.t, b.rt
				var asked atomic.Int64
				app := func(w http.ResponseWriter, _ *http.Request) {
					time.Sleep(time.Second)
					if asked.Add(1) == 1 {
						failure(w)
						return
					}
					_, _ = io.WriteString(w, "whole")
				}
				wait := crowd(rt, 1, app, func(int) *http.Request { return get(t.Context(), "/a") })
				synctest.Wait()
				for _, w := range crowd(rt, 10, app, func(int) *http.Request { return get(t.Context(), "/a") })() {
					if w.Body.String() != "whole" {
						t.Errorf("got %q", w.Body)
					}
				}
				wait()
				if asked.Load() != 2 {
					t.Errorf("asked %d times", asked.Load())
				}
			})
		})
	}
}

// A client that leaves while the application is asked for it makes nobody else fail.
func TestWhoWaitsGoesOnWhenTheFirstLeaves(t *testing.T) {
	bubble(t, func(b box) {
		t, rt := b.t, b.rt
		app := func(w http.ResponseWriter, req *http.Request) {
			select {
			case <-req.Context().Done():
				w.WriteHeader(499) // as the router does
			case <-time.After(time.Minute):
				_, _ = io.WriteString(w, "answer")
			}
		}
		ctx, leave := context.WithCancelCause(t.Context())
		first := crowd(rt, 1, app, func(int) *http.Request { return get(ctx, "/a") })
		synctest.Wait()
		others := crowd(rt, 3, app, func(int) *http.Request { return get(t.Context(), "/a") })
		synctest.Wait()
		leave(io.EOF)
		first()
		for _, w := range others() {
			if w.Body.String() != "answer" {
				t.Errorf("got %q", w.Body)
			}
		}
	})
}

func TestVariantsAreAskedForSeparately(t *testing.T) {
	bubble(t, func(b box) {
		t, rt := b.t, b.rt
		app := func(w http.ResponseWriter, req *http.Request) {
			time.Sleep(time.Second)
			w.Header().Set("Vary", "X-Currency")
			_, _ = io.WriteString(w, req.Header.Get("X-Currency"))
		}
		currencies := []string{"EUR", "USD", "CHF"}
		answers := crowd(rt, 30, app, func(i int) *http.Request {
			req := get(t.Context(), "/a")
			req.Header.Set("X-Currency", currencies[i%3])
			return req
		})()
		for i, w := range answers {
			if w.Body.String() != currencies[i%3] {
				t.Errorf("%s got %q", currencies[i%3], w.Body)
			}
		}
	})
}

// What was asked for before a purge and arrives after it is not kept.
func TestPurgeCoversWhatIsUnderWay(t *testing.T) {
	for name, purge := range map[string]func(z *Zone, rt *Route){
		"all":  func(z *Zone, _ *Route) { z.Purge() },
		"drop": func(z *Zone, _ *Route) { z.Drop() },
		"url":  func(z *Zone, _ *Route) { _, _ = z.PurgeURL("//shop.test/a", false) },
		"post": func(_ *Zone, rt *Route) {
			req := httptest.NewRequest(http.MethodPost, "/a", strings.NewReader("x")) //nolint:noctx // no server
			req.Host = "shop.test"
			rt.Fill(httptest.NewRecorder(), req, false, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusSeeOther) }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b box) {
				t, z, rt := b.t, b.zone, b.rt
				app := func(w http.ResponseWriter, _ *http.Request) {
					time.Sleep(time.Second)
					_, _ = io.WriteString(w, "old")
				}
				wait := crowd(rt, 5, app, func(int) *http.Request { return get(t.Context(), "/a") })
				synctest.Wait()
				purge(z, rt)
				late := ask(rt, get(t.Context(), "/a"), func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "new") })
				if late.Body.String() != "new" {
					t.Errorf("after the purge: %q", late.Body)
				}
				wait()
				again := ask(rt, get(t.Context(), "/a"), func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "new") })
				if again.Body.String() != "new" {
					t.Errorf("an old answer was kept: %q", again.Body)
				}
			})
		})
	}
}

// TestWritesElsewhereUndoNothing: requests that change other URLs, of this environment and of
// others, change nothing for a page that is being asked for.
func TestWritesElsewhereUndoNothing(t *testing.T) {
	bubble(t, func(b box) {
		t, rt := b.t, b.rt
		other, err := b.zone.cache.NewZone().Route(platform.RouteCache{Enabled: true, DefaultTTL: 3600})
		if err != nil {
			t.Fatal(err)
		}
		var asked atomic.Int64
		app := func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodGet {
				asked.Add(1)
				time.Sleep(time.Second)
			}
			_, _ = io.WriteString(w, "response")
		}
		page := func(int) *http.Request { return get(t.Context(), "/page") }
		early := crowd(rt, 20, app, page)
		synctest.Wait()
		for i := range 1000 { // many more than the store has shards
			for _, to := range []*Route{rt, other} {
				ask(to, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/cart/"+strconv.Itoa(i), nil), app)
			}
		}
		late := crowd(rt, 20, app, page)
		early()
		late()
		if w := ask(rt, page(0), app); asked.Load() != 1 || w.Header().Get(ownHeader) != "HIT" {
			t.Errorf("the application was asked %d times, afterwards it is a %s", asked.Load(), w.Header().Get(ownHeader))
		}
	})
}

// TestWriteToAPageThatIsBeingAskedFor: what was asked for before the page changed is not
// stored, and those who ask later share a newer response.
func TestWriteToAPageThatIsBeingAskedFor(t *testing.T) {
	bubble(t, func(b box) {
		t, rt := b.t, b.rt
		var asked atomic.Int64
		app := func(w http.ResponseWriter, req *http.Request) {
			n := int64(0)
			if req.Method == http.MethodGet {
				n = asked.Add(1)
				time.Sleep(time.Second)
			}
			_, _ = fmt.Fprintf(w, "response %d", n)
		}
		page := func(int) *http.Request { return get(t.Context(), "/page") }
		early := crowd(rt, 20, app, page)
		synctest.Wait()
		change := page(0)
		change.Method = http.MethodPost
		ask(rt, change, app)
		for _, w := range crowd(rt, 20, app, page)() {
			if w.Body.String() != "response 2" {
				t.Errorf("asked after the change: %q", w.Body)
			}
		}
		early()
		if w := ask(rt, page(0), app); asked.Load() != 2 || w.Body.String() != "response 2" {
			t.Errorf("the application was asked %d times; %q is stored", asked.Load(), w.Body)
		}
		for i := range b.zone.cache.store.shards {
			if n := len(b.zone.cache.store.shards[i].inquiries); n > 0 {
				t.Errorf("%d inquiries are left", n)
			}
		}
	})
}

func TestLargeAnswers(t *testing.T) {
	tests := []struct {
		name   string
		size   int
		length bool
		kept   bool
	}{
		{"sent as it comes and kept", 600 << 10, true, true},
		{"of unknown length", 600 << 10, false, true},
		{"too large by its header", 2 << 20, true, false},
		{"turns out too large", 2 << 20, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(b box) {
				t, z, rt := b.t, b.zone, b.rt
				app := func(w http.ResponseWriter, _ *http.Request) {
					if tt.length {
						w.Header().Set("Content-Length", strconv.Itoa(tt.size))
					}
					for range tt.size / 1024 {
						_, _ = w.Write([]byte(strings.Repeat("x", 1024)))
					}
				}
				for i, want := range []string{"MISS", map[bool]string{true: "HIT", false: "MISS"}[tt.kept]} {
					w := ask(rt, get(t.Context(), "/a"), app)
					if w.Body.Len() != tt.size || w.Header().Get("X-Cache") != want {
						t.Errorf("%d: %d bytes, %s, want %s", i, w.Body.Len(), w.Header().Get("X-Cache"), want)
					}
				}
				if n := z.cache.pending.Load(); n != 0 {
					t.Errorf("%d bytes are still counted as being read", n)
				}
			})
		})
	}
}

// A slow client who was first delays nobody: the answer is complete before it is sent.
func TestASlowClientDelaysNobody(t *testing.T) {
	bubble(t, func(b box) {
		t, rt := b.t, b.rt
		app := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "answer") }
		done := make(chan struct{})
		go func() {
			defer close(done)
			rt.Fill(slow{httptest.NewRecorder()}, get(t.Context(), "/a"), false, http.HandlerFunc(app))
		}()
		synctest.Wait()
		start := time.Now()
		if w := ask(rt, get(t.Context(), "/a"), app); w.Body.String() != "answer" || time.Since(start) != 0 {
			t.Errorf("%q after %s", w.Body, time.Since(start))
		}
		<-done
	})
}

type slow struct{ *httptest.ResponseRecorder }

func (s slow) Write(p []byte) (int, error) {
	time.Sleep(time.Hour)
	return s.ResponseRecorder.Write(p)
}

func TestClosedCacheRenewsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := make(chan struct{}, 1)
		c, err := New(Options{Renew: http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
			started <- struct{}{}
			<-req.Context().Done()
		})})
		if err != nil {
			t.Fatal(err)
		}
		rt, err := c.NewZone().Route(platform.RouteCache{Enabled: true})
		if err != nil {
			t.Fatal(err)
		}
		app := func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "max-age=1, stale-while-revalidate=60")
			_, _ = io.WriteString(w, "answer")
		}
		ask(rt, get(t.Context(), "/a"), app)
		time.Sleep(2 * time.Second)
		for range 3 { // one renewal, however many see the stale answer
			if w := ask(rt, get(t.Context(), "/a"), app); w.Header().Get("X-Cache") != "STALE" {
				t.Errorf("got %s", w.Header().Get("X-Cache"))
			}
		}
		<-started
		c.Close() // ends it
		if w := ask(rt, get(t.Context(), "/a"), app); w.Header().Get("X-Cache") != "STALE" {
			t.Errorf("got %s", w.Header().Get("X-Cache"))
		}
		if len(started) > 0 {
			t.Error("a closed cache renews")
		}
	})
}
