package edge

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/platform"
)

func TestHeldRequestsGoToTheNewRelease(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", nil)
		w.backend("r2", func(rw http.ResponseWriter, req *http.Request) {
			body, _ := io.ReadAll(req.Body)
			_, _ = io.WriteString(rw, "r2 "+req.Method+" "+string(body))
		})
		w.publish("r1")
		w.hold(platform.Hold{})
		gets, posts := w.start(3, http.MethodGet), w.start(2, http.MethodPost)
		if s := w.status(); s.State != Held || s.Waiting != 5 || s.InFlight != 0 {
			t.Fatalf("status %+v", s)
		}
		time.Sleep(7 * time.Second)
		report := w.publish("r2")
		for range 3 {
			a := <-gets
			if a.body != "r2 GET " || a.header.Get(HeldHeader) != "7000" {
				t.Fatalf("got %q held %q", a.body, a.header.Get(HeldHeader))
			}
		}
		w.wantAll(posts, 2, http.StatusOK, "r2 POST payload")
		if report.Held != 5 || report.LongestWait != 7*time.Second || report.Duration() != 7*time.Second {
			t.Errorf("report %+v", report)
		}
		if a := w.get("/"); a.header.Get(HeldHeader) != "" {
			t.Error("a request that did not wait says it did")
		}
	})
}

// TestReportSaysWhenWaitingRequestsWereAnswered: a release is felt until the answer is there.
func TestReportSaysWhenWaitingRequestsWereAnswered(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", nil)
		w.backend("r2", func(rw http.ResponseWriter, req *http.Request) {
			switch req.Method {
			case http.MethodPost:
				time.Sleep(time.Second)
				rw.WriteHeader(http.StatusInternalServerError)
			case http.MethodPut:
				_, _ = io.WriteString(rw, "begun")
				time.Sleep(9 * time.Second)
			default:
				time.Sleep(3 * time.Second)
			}
		})
		w.publish("r1")
		w.hold(platform.Hold{})
		failing := w.start(1, http.MethodPost)
		time.Sleep(2 * time.Second)
		ordinary, slow := w.start(1, http.MethodGet), w.start(1, http.MethodPut)
		time.Sleep(5 * time.Second)
		if report := w.publish("r2"); report.FirstAnswer != 0 || report.SlowestAnswer != 0 {
			t.Errorf("at the release: %+v", report)
		}
		<-failing
		if report := w.status().LastHold; report.FirstAnswer != 0 {
			t.Errorf("a failure counted as an answer: %+v", report)
		}
		<-ordinary
		if report := w.status().LastHold; report.FirstAnswer != 10*time.Second || report.SlowestAnswer != 8*time.Second {
			t.Errorf("after the first answer: %+v", report)
		}
		<-slow
		w.get("/") // it did not wait
		if report := w.status().LastHold; report.FirstAnswer != 10*time.Second || report.SlowestAnswer != 14*time.Second {
			t.Errorf("after all answers: %+v", report)
		}
	})
}

func TestHeldBodyIsNotRead(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", nil)
		w.publish("r1")
		w.hold(platform.Hold{})
		var read atomic.Int64
		body := io.TeeReader(strings.NewReader(strings.Repeat("x", 1<<20)), writerFunc(func(p []byte) (int, error) {
			read.Add(int64(len(p)))
			return len(p), nil
		}))
		answers := make(chan answer, 1)
		req := w.request(t.Context(), http.MethodPost, "/", body)
		go func() { answers <- w.do(req) }()
		time.Sleep(time.Minute)
		if n := read.Load(); n > 64<<10 {
			t.Errorf("%d bytes of a held body left the client", n)
		}
		w.publish("r2")
		w.backend("r2", func(rw http.ResponseWriter, req *http.Request) {
			n, _ := io.Copy(io.Discard, req.Body)
			if n == 1<<20 {
				_, _ = io.WriteString(rw, "all")
			}
		})
		w.wantAll(answers, 1, http.StatusOK, "all")
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestDeadlineBeforeDataWasTouchedReleasesToTheOldBackends(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", nil)
		w.publish("r1")
		w.hold(platform.Hold{MaxWait: 40 * time.Second, OnDeadline: platform.ReleaseOld})
		answers := w.start(4, http.MethodGet)
		time.Sleep(39 * time.Second)
		if s := w.status(); s.Waiting != 4 {
			t.Fatalf("before the deadline: %+v", s)
		}
		time.Sleep(2 * time.Second)
		w.wantAll(answers, 4, http.StatusOK, "r1")
		if s := w.status(); s.State != Open {
			t.Errorf("after the deadline: %+v", s)
		}
		report := w.publish("r1")
		if report.Held != 4 || report.TimedOut != 0 || report.Duration() != 40*time.Second {
			t.Errorf("the hold that ended by itself is reported as %+v", report)
		}
		if again := w.publish("r1"); again != (platform.HoldReport{}) {
			t.Errorf("reported twice: %+v", again)
		}
	})
}

func TestDeadlineAfterCommitClosesTheSite(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", nil)
		w.backend("r2", nil)
		w.publish("r1")
		w.hold(platform.Hold{OnDeadline: platform.ReleaseOld})
		answers := w.start(3, http.MethodGet)
		if err := w.router.Commit(t.Context(), testEnv); err != nil {
			t.Fatal(err)
		}
		time.Sleep(platform.DefaultHoldWait + time.Second)
		for range 3 {
			a := <-answers
			if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.took != platform.DefaultHoldWait {
				t.Fatalf("got %d after %v", a.status, a.took)
			}
		}
		if a := w.get("/"); a.status != http.StatusServiceUnavailable || a.took != 0 {
			t.Errorf("a later request got %d after %v", a.status, a.took)
		}
		w.hold(platform.Hold{}) // the same activity asks again: the deadline has passed
		if s := w.status(); s.State != Closed {
			t.Errorf("state %q, want closed until somebody publishes", s.State)
		}
		if report := w.publish("r2"); report.TimedOut != 3 || report.Held != 0 {
			t.Errorf("report %+v", report)
		}
		if a := w.get("/"); a.body != "r2" {
			t.Errorf("after publishing: %d %q", a.status, a.body)
		}
	})
}

func TestRequestsOverTheLimitAreRefusedAtOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", nil)
		w.publish("r1")
		w.hold(platform.Hold{MaxRequests: 5})
		waiting := w.start(5, http.MethodGet)
		a := w.get("/")
		if a.status != http.StatusServiceUnavailable || a.took != 0 || a.header.Get("Retry-After") != "10" {
			t.Fatalf("got %d after %v", a.status, a.took)
		}
		if report := w.publish("r1"); report.Refused != 1 || report.Held != 5 {
			t.Errorf("report %+v", report)
		}
		w.wantAll(waiting, 5, http.StatusOK, "r1")
	})
}

func TestClientThatLeavesFreesItsPlace(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", nil)
		w.publish("r1")
		w.hold(platform.Hold{MaxRequests: 1})
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := make(chan answer, 1)
		req := w.request(ctx, http.MethodGet, "/", nil)
		go func() { gone <- w.do(req) }()
		synctest.Wait()
		cancel(errors.New("closed the tab"))
		if a := <-gone; a.err == nil {
			t.Fatal("the client got an answer")
		}
		synctest.Wait()
		if s := w.status(); s.Waiting != 0 || s.LastHold.Left != 1 {
			t.Fatalf("status %+v", s)
		}
		next := w.start(1, http.MethodGet)
		if report := w.publish("r1"); report.Left != 1 || report.Held != 1 || report.Refused != 0 {
			t.Errorf("report %+v", report)
		}
		w.wantAll(next, 1, http.StatusOK, "r1")
	})
}

func TestHoldWaitsForRequestsUnderWay(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", func(rw http.ResponseWriter, _ *http.Request) {
			time.Sleep(4 * time.Second)
			_, _ = io.WriteString(rw, "done")
		})
		w.publish("r1")
		under := w.start(2, http.MethodPost)
		report := w.hold(platform.Hold{})
		if report.Drain != 4*time.Second || report.Cut != 0 {
			t.Errorf("report %+v", report)
		}
		w.wantAll(under, 2, http.StatusOK, "done")
	})
}

func TestDrainCutsWhatIsLeftAtTheLimit(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		ended := make(chan struct{})
		w.backend("r1", func(_ http.ResponseWriter, req *http.Request) {
			<-req.Context().Done()
			close(ended)
		})
		w.publish("r1")
		under := w.start(1, http.MethodGet)
		report := w.hold(platform.Hold{DrainTimeout: 6 * time.Second})
		if report.Cut != 1 || report.Drain < 6*time.Second || report.Drain > 7*time.Second {
			t.Errorf("report %+v", report)
		}
		<-ended // the old backend does not work on it any more
		w.wantAll(under, 1, http.StatusServiceUnavailable, "Please try again")
		if s := w.status(); s.InFlight != 0 || s.State != Held {
			t.Errorf("status %+v", s)
		}
	})
}

func TestEventStreamsAreNotWaitedForAndCutAtTheRelease(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", func(rw http.ResponseWriter, req *http.Request) {
			rw.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			_, _ = io.WriteString(rw, "data: hello\n\n")
			_ = http.NewResponseController(rw).Flush()
			<-req.Context().Done()
		})
		w.backend("r2", nil)
		w.publish("r1")
		stream := w.start(1, http.MethodGet)
		if s := w.status(); s.LongLived != 1 || s.InFlight != 0 {
			t.Fatalf("status %+v", s)
		}
		if report := w.hold(platform.Hold{}); report.Drain != 0 || report.Cut != 0 {
			t.Errorf("report %+v", report)
		}
		time.Sleep(time.Second)
		if len(stream) != 0 {
			t.Fatal("the stream was cut by the hold")
		}
		w.publish("r2")
		if a := <-stream; a.err == nil || a.body != "data: hello\n\n" || a.took != time.Second {
			t.Errorf("stream ended with %+v", a)
		}
	})
}

// TestLongLivedConnectionsAreCutWhenDataMayChange: no drain waits for them, and they must
// not meet the old release on the data of the new one.
func TestLongLivedConnectionsAreCutWhenDataMayChange(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", func(rw http.ResponseWriter, req *http.Request) {
			rw.Header().Set("Content-Type", "text/event-stream")
			_ = http.NewResponseController(rw).Flush()
			<-req.Context().Done()
		})
		w.publish("r1")
		stream := w.start(1, http.MethodGet)
		w.hold(platform.Hold{})
		if len(stream) != 0 {
			t.Fatal("the stream was cut by the hold")
		}
		if err := w.router.Commit(t.Context(), testEnv); err != nil {
			t.Fatal(err)
		}
		if a := <-stream; a.err == nil {
			t.Errorf("the stream ended with %+v", a)
		}
		synctest.Wait()
		if s := w.status(); s.LongLived != 0 || s.LastHold.LongLived != 1 {
			t.Errorf("status %+v", s)
		}
	})
}

func TestAnotherActivityTakesOverTheWaiters(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", nil)
		w.backend("r3", nil)
		w.publish("r1")
		w.hold(platform.Hold{Activity: "a1", MaxWait: 60 * time.Second})
		answers := w.start(2, http.MethodGet)
		time.Sleep(50 * time.Second)
		w.hold(platform.Hold{Activity: "a1", MaxWait: 60 * time.Second}) // keeps the deadline
		if left := time.Until(w.status().Deadline); left != 10*time.Second {
			t.Errorf("the same activity moved the deadline: %v left", left)
		}
		w.hold(platform.Hold{Activity: "a2", MaxWait: 60 * time.Second})
		time.Sleep(55 * time.Second)
		if s := w.status(); s.Waiting != 2 || s.Activity != "a2" {
			t.Fatalf("status %+v", s)
		}
		if report := w.publish("r3"); report.Held != 2 || report.LongestWait != 105*time.Second {
			t.Errorf("report %+v", report)
		}
		w.wantAll(answers, 2, http.StatusOK, "r3")
	})
}

func TestTakeoverKeepsMaintenanceOfACommittedHold(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", nil)
		w.publish("r1")
		w.hold(platform.Hold{Activity: "a1", OnDeadline: platform.Maintain})
		w.hold(platform.Hold{Activity: "a2", OnDeadline: platform.ReleaseOld, MaxWait: time.Second})
		time.Sleep(2 * time.Second)
		if s := w.status(); s.State != Closed {
			t.Errorf("state %q: a site with half migrated data was opened", s.State)
		}
	})
}

func TestHoldOutlivesItsCaller(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		release := make(chan struct{})
		w.backend("r1", func(http.ResponseWriter, *http.Request) { <-release })
		w.publish("r1")
		under := w.start(1, http.MethodGet)
		ctx, cancel := context.WithCancelCause(t.Context())
		crashed := errors.New("control plane crashed")
		time.AfterFunc(time.Second, func() { cancel(crashed) })
		_, err := w.router.Hold(ctx, platform.Hold{Environment: testEnv, Activity: "a1"})
		if !errors.Is(err, crashed) {
			t.Errorf("got %v", err)
		}
		if s := w.status(); s.State != Held || s.InFlight != 1 {
			t.Errorf("status %+v", s)
		}
		close(release)
		w.wantAll(under, 1, http.StatusOK, "")
	})
}

func TestResumeReleasesToTheOldBackends(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", nil)
		w.publish("r1")
		w.hold(platform.Hold{})
		answers := w.start(2, http.MethodGet)
		report, err := w.router.Resume(t.Context(), testEnv)
		if err != nil || report.Held != 2 {
			t.Errorf("report %+v, %v", report, err)
		}
		w.wantAll(answers, 2, http.StatusOK, "r1")
	})
}

func TestCloseAnswersWaitersWithTheMessage(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", nil)
		w.publish("r1")
		w.hold(platform.Hold{})
		answers := w.start(2, http.MethodGet)
		report, err := w.router.Close(t.Context(), testEnv, "Back <soon>")
		if err != nil || report.TimedOut != 2 {
			t.Errorf("report %+v, %v", report, err)
		}
		w.wantAll(answers, 2, http.StatusServiceUnavailable, "Back &lt;soon&gt;")
		w.hold(platform.Hold{Activity: "a2"})
		if a := w.get("/"); a.status != http.StatusServiceUnavailable {
			t.Errorf("a hold ended maintenance: %d", a.status)
		}
		if _, err := w.router.Resume(t.Context(), testEnv); err != nil {
			t.Fatal(err)
		}
		if a := w.get("/"); a.body != "r1" {
			t.Errorf("after resume: %d", a.status)
		}
	})
}

// raise makes m at least n.
func raise(m *atomic.Int64, n int64) {
	for {
		old := m.Load()
		if n <= old || m.CompareAndSwap(old, n) {
			return
		}
	}
}

func TestReleaseIsPaced(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		var now, most, total atomic.Int64
		w.backend("r1", nil)
		w.backend("r2", func(http.ResponseWriter, *http.Request) {
			n := now.Add(1)
			raise(&most, n)
			time.Sleep(20 * time.Millisecond)
			now.Add(-1)
			total.Add(1)
		})
		w.publish("r1")
		w.hold(platform.Hold{})
		answers := w.start(1000, http.MethodGet)
		start := time.Now()
		w.publish("r2")
		time.Sleep(10 * time.Millisecond)
		if n := now.Load(); n != paceStart {
			t.Errorf("%d requests at once at the start, want %d", n, paceStart)
		}
		w.wantAll(answers, 1000, http.StatusOK, "")
		if most.Load() > paceMax || total.Load() != 1000 {
			t.Errorf("%d at once, %d in all", most.Load(), total.Load())
		}
		if took := time.Since(start); took > 500*time.Millisecond {
			t.Errorf("the last one was answered after %v", took)
		}
	})
}

func TestPacedReleaseGoesOnWhenTheBackendHangs(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		var arrived atomic.Int64
		release := make(chan struct{})
		w.backend("r1", func(http.ResponseWriter, *http.Request) {
			arrived.Add(1)
			<-release
		})
		w.publish("r1")
		w.hold(platform.Hold{})
		answers := w.start(40, http.MethodGet)
		w.publish("r1")
		synctest.Wait()
		if n := arrived.Load(); n != paceStart {
			t.Errorf("%d arrived at once", n)
		}
		time.Sleep(paceStall + time.Millisecond)
		if n := arrived.Load(); n != 2*paceStart {
			t.Errorf("%d arrived after a stall", n)
		}
		close(release)
		w.wantAll(answers, 40, http.StatusOK, "")
	})
}

func TestHoldDuringAPacedReleaseKeepsTheRest(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		release := make(chan struct{})
		w.backend("r1", func(rw http.ResponseWriter, _ *http.Request) { <-release; _, _ = io.WriteString(rw, "r1") })
		w.backend("r2", nil)
		w.publish("r1")
		w.hold(platform.Hold{})
		answers := w.start(30, http.MethodGet)
		w.publish("r1")
		synctest.Wait()
		time.AfterFunc(time.Second/2, func() { close(release) })
		report := w.hold(platform.Hold{Activity: "a2"})
		if s := w.status(); s.Waiting != 30-paceStart || report.Drain != time.Second/2 {
			t.Fatalf("status %+v report %+v", s, report)
		}
		w.wantAll(answers, paceStart, http.StatusOK, "r1")
		w.publish("r2")
		w.wantAll(answers, 30-paceStart, http.StatusOK, "r2")
	})
}

func TestRequestThatCannotConnectMeetsTheReleaseThatServesByThen(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r2", func(rw http.ResponseWriter, req *http.Request) {
			_, _ = io.Copy(rw, req.Body)
		})
		w.publish("gone") // nothing listens there
		time.AfterFunc(10*time.Millisecond, func() { _, _ = w.router.Publish(t.Context(), publication("r2")) })
		answers := w.start(5, http.MethodPost)
		w.wantAll(answers, 5, http.StatusOK, "payload")
		time.Sleep(time.Second)
		w.publish("gone")
		if a := w.get("/"); a.status != http.StatusBadGateway || !strings.Contains(a.body, "does not respond") {
			t.Errorf("got %d %q", a.status, a.body)
		}
	})
}

func TestRequestThatCannotConnectWaitsWhenTheSiteIsHeldByThen(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r2", nil)
		w.publish("gone")
		answers := w.start(1, http.MethodGet) // pauses before its second try
		w.hold(platform.Hold{})
		time.Sleep(20 * time.Second)
		if s := w.status(); s.Waiting != 1 {
			t.Fatalf("status %+v", s)
		}
		w.publish("r2")
		w.wantAll(answers, 1, http.StatusOK, "r2")
	})
}

func TestReleasedRequestsFollowTheNewRoutes(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", nil)
		w.publish("r1")
		w.hold(platform.Hold{})
		answers := w.start(2, http.MethodGet)
		p := publication("r2")
		p.Routes[0] = platform.Route{URL: siteURL, Type: platform.RouteRedirect, To: "https://new.test/"}
		if _, err := w.router.Publish(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		w.wantAll(answers, 2, http.StatusMovedPermanently, "")
	})
}

func TestFirstDeploymentHoldsBeforeThereAreRoutes(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", nil)
		if report := w.hold(platform.Hold{}); report.Drain != 0 {
			t.Errorf("report %+v", report)
		}
		if a := w.get("/"); a.status != http.StatusNotFound || a.took != 0 {
			t.Errorf("an unknown host was held: %d after %v", a.status, a.took)
		}
		w.publish("r1")
		if a := w.get("/"); a.body != "r1" {
			t.Errorf("got %d", a.status)
		}
	})
}

func TestForgottenEnvironmentIsUnknown(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", nil)
		w.publish("r1")
		w.hold(platform.Hold{})
		answers := w.start(1, http.MethodGet)
		for range 2 {
			if err := w.router.Forget(t.Context(), testEnv); err != nil {
				t.Fatal(err)
			}
		}
		w.wantAll(answers, 1, http.StatusServiceUnavailable, "")
		if a := w.get("/"); a.status != http.StatusNotFound {
			t.Errorf("got %d", a.status)
		}
	})
}

func TestRedirectsAreAnsweredWhileHeld(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", nil)
		p := publication("r1")
		p.Routes[0].Redirects = []platform.PartialRedirect{{Path: "/old", To: "/new", Prefix: true, AppendSuffix: true, Code: 308, Expires: "1d"}}
		if _, err := w.router.Publish(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		w.hold(platform.Hold{})
		a := w.get("/old/shoes?size=44")
		if a.status != 308 || a.header.Get("Location") != "/new/shoes?size=44" || a.header.Get("Cache-Control") != "max-age=86400" {
			t.Errorf("got %d %v", a.status, a.header)
		}
	})
}
