package edge

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/platform"
)

// offered is an environment that is held, or closed, with a release that operators see.
type offered struct {
	*world
	path string // of the state file
}

const operator = "10.1.1.1:1"

// inOffer runs f where release "old" serves and "new" is offered by activity a1.
func inOffer(t *testing.T, closed bool, f func(o *offered)) {
	t.Helper()
	inWorld(t, func(w *world) {
		o := &offered{world: w, path: w.t.TempDir() + "/state.json"}
		w.router.state.path = o.path
		w.backend("old", nil)
		w.backend("new", nil)
		w.backend("next", nil)
		w.publish("old")
		w.configure(platform.EdgeSettings{Bypass: []string{"10.0.0.0/8"}})
		if closed { // the deadline passed while the deploy hook ran, and the deployment goes on
			w.hold(platform.Hold{Activity: "a1", OnDeadline: platform.Maintain})
			time.Sleep(platform.DefaultHoldWait + time.Second)
		} else {
			w.hold(platform.Hold{Activity: "a1"})
		}
		if err := w.router.Offer(w.t.Context(), publication("new")); err != nil {
			t.Fatal(err)
		}
		if got := o.sees(w.router); got != "new" {
			t.Fatalf("operators see %q", got)
		}
		f(o)
	})
}

// sees returns which release answers an operator; "" when he waits like everybody.
func (o *offered) sees(r *Router) string {
	ctx, leave := context.WithCancelCause(o.t.Context())
	got := make(chan string, 1)
	req := o.request(ctx, http.MethodGet, "/", nil)
	req.RemoteAddr = operator
	rec := &recorded{header: http.Header{}}
	go func() {
		defer func() {
			_ = recover() // of the server's: the client has left
			got <- rec.body.String()
		}()
		r.ServeHTTP(rec, req)
	}()
	synctest.Wait()
	leave(errors.New("he has seen enough"))
	return <-got
}

// restarted is the router that a new process begins with.
func (o *offered) restarted() *Router { return o.again() }

func must(o *offered, err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// offerEnd is one way in which the activity that made an offer may go on.
type offerEnd struct {
	name   string
	closed bool
	end    func(o *offered) *Router // the router that goes on; nil for the same one
	sees   string                   // what operators see then
}

// offerEnds happen while the router goes on.
func offerEnds() []offerEnd {
	return []offerEnd{
		{"the deployment fails before data was touched", false, func(o *offered) *Router {
			_, err := o.router.Resume(o.t.Context(), testEnv)
			must(o, err)
			return nil
		}, "old"},
		{"the old release is published again", false, func(o *offered) *Router { o.publish("old"); return nil }, "old"},
		{"the deployment fails after it", false, func(o *offered) *Router {
			_, err := o.router.Close(o.t.Context(), testEnv, "closed")
			must(o, err)
			return nil
		}, "old"}, // maintenance: operators see what served last
		{"the same, after the deadline", true, func(o *offered) *Router {
			_, err := o.router.Close(o.t.Context(), testEnv, "closed")
			must(o, err)
			return nil
		}, "old"},
		{"another release is published", false, func(o *offered) *Router { o.publish("next"); return nil }, "next"},
		{"another release is published in maintenance", true, func(o *offered) *Router { o.publish("next"); return nil }, "next"},
		{"the deadline passes before data was touched", false, func(*offered) *Router {
			time.Sleep(platform.DefaultHoldWait + time.Second)
			return nil
		}, "old"},
		{"the deadline passes after it", false, func(o *offered) *Router {
			must(o, o.router.Commit(o.t.Context(), testEnv))
			time.Sleep(platform.DefaultHoldWait + time.Second)
			return nil
		}, "old"},
		{"another activity takes the hold", false, func(o *offered) *Router { o.hold(platform.Hold{Activity: "a2"}); return nil }, ""},
		{"another activity begins in maintenance", true, func(o *offered) *Router { o.hold(platform.Hold{Activity: "a2"}); return nil }, "old"},
		{"another activity offers its own", true, func(o *offered) *Router {
			o.hold(platform.Hold{Activity: "a2"})
			must(o, o.router.Offer(o.t.Context(), publication("next")))
			return nil
		}, "next"},
		{"the same activity asks again", false, func(o *offered) *Router { o.hold(platform.Hold{Activity: "a1"}); return nil }, "new"},
		{"the same activity asks again in maintenance", true, func(o *offered) *Router { o.hold(platform.Hold{Activity: "a1"}); return nil }, "new"},
	}
}

// offerRestarts happen around a start of the router.
func offerRestarts() []offerEnd {
	return []offerEnd{
		{"the router starts anew", false, (*offered).restarted, "new"},
		{"the router starts anew after the deadline", false, func(o *offered) *Router {
			o.router.state.pause(true) // it is dead
			time.Sleep(platform.DefaultHoldWait + time.Second)
			return o.restarted()
		}, "old"},
		{"the router starts anew in maintenance, then another activity begins", true, func(o *offered) *Router {
			r := o.restarted()
			if got := o.sees(r); got != "new" {
				o.t.Errorf("after the start operators see %q", got)
			}
			_, err := r.Hold(o.t.Context(), platform.Hold{Environment: testEnv, Activity: "a1"})
			must(o, err)
			if got := o.sees(r); got != "new" {
				o.t.Errorf("after the same activity asked again operators see %q", got)
			}
			_, err = r.Hold(o.t.Context(), platform.Hold{Environment: testEnv, Activity: "a2"})
			must(o, err)
			return r
		}, "old"},
		{"the router takes over from another", false, func(o *offered) *Router {
			state, end, err := o.router.HandOver()
			must(o, err)
			next, err := New(Options{Dial: o.net.dial, State: state})
			must(o, err)
			end(true)
			_, err = next.Close(o.t.Context(), testEnv, "closed")
			must(o, err)
			_, err = o.router.Close(Forwarded(o.t.Context()), testEnv, "closed")
			must(o, err)
			if o.router.known(testEnv).offers() {
				o.t.Error("the old process keeps the offer")
			}
			o.t.Cleanup(func() { must(o, next.Forget(o.t.Context(), testEnv)) })
			return next
		}, "old"},
		{"the offered release cannot be read any more", false, func(o *offered) *Router {
			data, err := os.ReadFile(o.path)
			must(o, err)
			i := bytes.LastIndex(data, []byte(`"candidate"`))
			data = append(data[:i:i], bytes.Replace(data[i:], []byte(`http://shop.test/`), []byte(`::`), 1)...)
			must(o, os.WriteFile(o.path, data, 0o600))
			r := o.restarted()
			if g := r.known(testEnv); g == nil || g.State() != Held {
				o.t.Error("the environment is lost with its offer")
			}
			return r
		}, ""},
	}
}

// TestOfferEnds: every way in which the activity that made it can end takes an offer back.
func TestOfferEnds(t *testing.T) {
	t.Parallel()
	for _, tt := range slices.Concat(offerEnds(), offerRestarts()) {
		t.Run(tt.name, func(t *testing.T) {
			inOffer(t, tt.closed, func(o *offered) {
				r := tt.end(o)
				if r == nil {
					r = o.router
				}
				if got := o.sees(r); got != tt.sees {
					t.Errorf("operators see %q, want %q", got, tt.sees)
				}
				if g := r.known(testEnv); g.offers() != (tt.sees == "new" || tt.sees == "next" && g.State() != Open) {
					t.Errorf("offered: %t", g.offers())
				}
			})
		})
	}
}

// TestForgottenEnvironmentOffersNothing, and its operators' requests end.
func TestForgottenEnvironmentOffersNothing(t *testing.T) {
	inOffer(t, false, func(o *offered) {
		g := o.router.known(testEnv)
		if err := o.router.Forget(o.t.Context(), testEnv); err != nil {
			t.Fatal(err)
		}
		if g.offers() {
			t.Error("it is still offered")
		}
		if got := handle(o.router, operator, nil); got.status != http.StatusNotFound {
			t.Errorf("operators get %d", got.status)
		}
	})
}
