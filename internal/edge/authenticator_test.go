package edge

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"sluice/internal/platform"
)

func TestGuessesAreLimitedByAddress(t *testing.T) {
	t.Parallel()
	hash, err := platform.HashPassword("secret")
	if err != nil {
		t.Fatal(err)
	}
	inWorld(t, func(w *world) {
		w.backend("old", nil)
		w.publish("old")
		w.configure(platform.EdgeSettings{Access: platform.HTTPAccess{Enabled: true, Users: map[string]string{"ann": hash}}})
		try := func(from, password string) *recorded {
			return handle(w.router, from, func(req *http.Request) { req.SetBasicAuth("ann", password) })
		}
		const guesser, other = "203.0.113.9:5", "203.0.113.10:5"
		if got := try(guesser, "secret"); got.status != http.StatusOK {
			t.Fatal(got.status)
		}
		for n := range maxFailures {
			if got := try(guesser, fmt.Sprint("guess", n%2)); got.status != http.StatusUnauthorized { // remembered ones count, too
				t.Fatalf("guess %d: %d", n, got.status)
			}
		}
		got := try(guesser, "another guess")
		if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "60" {
			t.Errorf("after %d guesses: %d %v", maxFailures, got.status, got.header)
		}
		if got := try(guesser, "guess0"); got.status != http.StatusTooManyRequests {
			t.Errorf("a remembered guess: %d", got.status)
		}
		if got := try(guesser, "secret"); got.status != http.StatusOK {
			t.Errorf("a user who is remembered: %d", got.status)
		}
		if got := try(other, "another guess"); got.status != http.StatusUnauthorized {
			t.Errorf("another address: %d", got.status)
		}
		time.Sleep(failureSpan + time.Second)
		if got := try(guesser, "another guess"); got.status != http.StatusUnauthorized {
			t.Errorf("after a minute: %d", got.status)
		}
	})
}

// TestGuessersDoNotKeepOutOthers: whoever fills the queue from one address leaves room.
func TestGuessersDoNotKeepOutOthers(t *testing.T) {
	a := newAuthenticator(nil)
	one, neighbour, other := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("203.0.113.9")
	for range maxFrom {
		if !a.enter(one) {
			t.Fatal("no place")
		}
	}
	if a.enter(neighbour) {
		t.Error("a fifth place for one network")
	}
	if !a.enter(other) {
		t.Error("no place for another address")
	}
	a.leave(one)
	if !a.enter(neighbour) {
		t.Error("the place that became free is not given")
	}
	for n := range 2 * maxGuessers {
		a.count(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), false)
	}
	if len(a.guessers) > maxGuessers {
		t.Errorf("%d addresses are remembered", len(a.guessers))
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(nil)
	a.turn <- struct{}{} // somebody else is being verified
	if v := a.check(ctx, other, "ann", "secret"); v != refused {
		t.Errorf("a client that left: %v", v)
	}
}
