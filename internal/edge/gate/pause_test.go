package gate

import (
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/platform"
)

// TestPause: requests wait without a drain.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(&Metrics{}, func() {})
		admitted := make(chan error, 10)
		admit := func() {
			ticket := &Ticket{}
			ticket.Init(g, client{})
			go func() {
				err := g.Admit(t.Context(), ticket)
				if err == nil {
					ticket.Answered(200)
				}
				admitted <- err
			}()
			synctest.Wait()
		}
		r := &rel{name: "r1"}
		g.Pause("s", time.Minute)
		if got := g.Status().State; got != Closed {
			t.Errorf("a pause before the first publication: the gate is %s", got)
		}
		g.Publish(r, func() {})
		admit()
		if err := <-admitted; err != nil {
			t.Fatal(err)
		}
		g.Pause("s", time.Minute)
		admit()
		admit()
		if s, _, _ := g.Record(); s.State != Open || s.Hold != nil {
			t.Errorf("the next process would begin with %+v", s)
		}
		time.Sleep(time.Second)
		if report := g.Continue("other"); report.Held != 0 || len(admitted) != 0 {
			t.Errorf("another activity ended the pause: %+v", report)
		}
		report := g.Continue("s")
		synctest.Wait()
		if report.Held != 2 || report.LongestWait != time.Second || len(admitted) != 2 || <-admitted != nil || <-admitted != nil {
			t.Errorf("after the pause: %+v", report)
		}

		g.Pause("s", time.Second)
		admit()
		time.Sleep(time.Second)
		synctest.Wait()
		if got := g.Status().State; got != Open || len(admitted) != 1 || <-admitted != nil {
			t.Errorf("after the limit: the gate is %s", got)
		}
		if again := g.Commit(); again != nil {
			t.Error("a pause that its limit ended was taken for a hold whose activity goes on")
		}
	})
}

func TestPauseLeavesHoldsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(&Metrics{}, func() {})
		g.Publish(&rel{name: "r1"}, func() {})
		g.BeginHold(platform.Hold{Activity: "a1"})
		g.Pause("s", time.Second)
		g.Continue("s")
		time.Sleep(2 * time.Second)
		if got := g.Status().State; got != Held {
			t.Errorf("a pause during a hold: the gate is %s", got)
		}
		g.Close("")
		g.Pause("s", time.Second)
		g.Continue("s")
		if got := g.Status().State; got != Closed {
			t.Errorf("a pause during maintenance: the gate is %s", got)
		}
	})
}
