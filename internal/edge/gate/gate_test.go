package gate

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/platform"
)

// rel is a release whose connections are a name.
type rel struct {
	name    string
	retired bool
}

func (r *rel) Adopt(before Release) bool {
	other, ok := before.(*rel)
	return ok && other != nil && other.name == r.name
}

func (r *rel) Connections() Connections { return r }

func (r *rel) Retire() { r.retired = true }

// leaver is a client that may be gone.
type leaver struct {
	client
	gone atomic.Bool
}

func (l *leaver) Gone() bool      { return l.gone.Load() }
func (l *leaver) Unwatched() bool { return true }

func TestAdmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &Metrics{}
		g := New(m, func() {})
		admitted := make(chan error, 10)
		admit := func(c Client) *Ticket {
			ticket := &Ticket{}
			ticket.Init(g, c)
			go func() { admitted <- g.Admit(t.Context(), ticket) }()
			synctest.Wait()
			return ticket
		}
		admit(client{})
		if err := <-admitted; !errors.Is(err, ErrMaintenance) {
			t.Fatal("before the first publication: ", err)
		}
		r1, r2 := &rel{name: "r1"}, &rel{name: "r2"}
		g.Publish(r1, func() {})
		first := admit(client{})
		if err := <-admitted; err != nil || first.Release() != Release(r1) {
			t.Fatal("open: ", err, first.Release())
		}
		h := g.BeginHold(platform.Hold{Activity: "a1", MaxRequests: 2})
		waits, leaves := admit(client{}), &leaver{}
		admit(leaves)
		admit(client{})
		if err := <-admitted; !errors.Is(err, ErrFull) {
			t.Fatal("a third that waits: ", err)
		}
		leaves.gone.Store(true)
		time.Sleep(clientCheck)
		if err := <-admitted; !errors.Is(err, ErrLeft) {
			t.Fatal("a client that left: ", err)
		}
		time.AfterFunc(time.Second, first.Done)
		report, err := g.Drain(t.Context(), h, time.Minute)
		if err != nil || report.Drain != time.Second || report.Left != 1 || report.Refused != 1 {
			t.Errorf("drained: %+v %v", report, err)
		}
		report = g.Publish(r2, func() {})
		if err := <-admitted; err != nil || waits.Release() != Release(r2) || waits.Waited() == 0 || report.Held != 1 {
			t.Errorf("released: %v to %v after %v, %+v", err, waits.Release(), waits.Waited(), report)
		}
		waits.Answered(200)
		waits.Done()
		if s := g.Status(); !r1.retired || r2.retired || s.State != Open || s.InFlight+s.Waiting != 0 {
			t.Errorf("%+v, retired %v %v", s, r1.retired, r2.retired)
		}
	})
}
