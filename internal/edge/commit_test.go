package edge

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"sluice/internal/platform"
)

// inLapsedHold runs f where a hold's deadline has opened the gate to the old release, which
// takes 4 s for an answer, while the deployment goes on.
func inLapsedHold(t *testing.T, f func(w *world)) {
	t.Helper()
	inWorld(t, func(w *world) {
		w.backend("r1", func(rw http.ResponseWriter, _ *http.Request) {
			time.Sleep(4 * time.Second)
			_, _ = io.WriteString(rw, "r1")
		})
		w.backend("r2", nil)
		w.publish("r1")
		w.router.state.path = w.t.TempDir() + "/state.json"
		w.hold(platform.Hold{MaxWait: 40 * time.Second, MaxRequests: 3})
		waited := w.start(1, http.MethodGet)
		time.Sleep(50 * time.Second)
		w.wantAll(waited, 1, http.StatusOK, "r1")
		if s := w.status(); s.State != Open {
			t.Fatalf("%+v", s)
		}
		f(w)
	})
}

// TestCommitAfterTheDeadlineHoldsOnceMore: whether the deadline or the first change of data
// comes first, no visitor meets the old release on changed data.
func TestCommitAfterTheDeadlineHoldsOnceMore(t *testing.T) {
	inLapsedHold(t, func(w *world) {
		under := w.start(1, http.MethodGet)
		start := time.Now()
		for range 2 {
			if err := w.router.Commit(w.t.Context(), testEnv); err != nil {
				t.Fatal(err)
			}
		}
		w.wantAll(under, 1, http.StatusOK, "r1")
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("the deploy hook begins after %s, while a visitor is answered for 4 s", took)
		}
		s := w.status()
		if s.State != Held || s.OnDeadline != platform.Maintain || s.Activity != "a1" || s.Deadline.Sub(start) != 40*time.Second {
			t.Errorf("%+v", s)
		}
		waiting, refused := w.start(3, http.MethodPost), w.get("/")
		if refused.status != http.StatusServiceUnavailable {
			t.Errorf("over the limit: %d", refused.status)
		}
		report := w.publish("r2")
		w.wantAll(waiting, 3, http.StatusOK, "r2")
		if report.Held != 4 || report.Refused != 1 || report.TimedOut != 0 {
			t.Errorf("%+v", report)
		}
		if err := w.router.Commit(w.t.Context(), testEnv); err != nil || w.status().State != Open {
			t.Errorf("a commit after the end: %v, %+v", err, w.status())
		}
	})
}

func TestSecondDeadlineEndsInMaintenance(t *testing.T) {
	inLapsedHold(t, func(w *world) {
		if err := w.router.Commit(w.t.Context(), testEnv); err != nil {
			t.Fatal(err)
		}
		waiting := w.start(2, http.MethodGet)
		time.Sleep(41 * time.Second)
		w.wantAll(waiting, 2, http.StatusServiceUnavailable, "")
		if s := w.status(); s.State != Closed {
			t.Errorf("%+v", s)
		}
	})
}

// TestLapsedHoldEnds with its deployment, however that ends, and survives the router.
func TestLapsedHoldEnds(t *testing.T) {
	for name, end := range map[string]func(w *world, r *Router) (State, error){
		"published": func(w *world, r *Router) (State, error) {
			_, err := r.Publish(w.t.Context(), publication("r2"))
			return Open, err
		},
		"resumed": func(w *world, r *Router) (State, error) {
			_, err := r.Resume(w.t.Context(), testEnv)
			return Open, err
		},
		"closed": func(w *world, r *Router) (State, error) {
			_, err := r.Close(w.t.Context(), testEnv, "")
			return Closed, err
		},
		"goes on": func(*world, *Router) (State, error) { return Held, nil },
	} {
		for _, restarts := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				inLapsedHold(t, func(w *world) {
					r := w.router
					if restarts {
						r = w.again()
					}
					want, err := end(w, r)
					if err = errors.Join(err, r.Commit(w.t.Context(), testEnv)); err != nil {
						t.Fatal(err)
					}
					if got := r.known(testEnv).State(); got != want {
						t.Errorf("restarted: %t: %s after a commit, want %s", restarts, got, want)
					}
				})
			})
		}
	}
}

// again returns the router that a new process begins with.
func (w *world) again() *Router {
	w.t.Helper()
	r, err := New(Options{Dial: w.net.dial, StatePath: w.router.state.path})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = r.Forget(context.WithoutCancel(w.t.Context()), testEnv) })
	return r
}
