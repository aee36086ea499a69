package gate

import (
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/platform"
)

// TestBriefHold: requests wait without a drain.
func TestBriefHold(t *testing.T) {
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
		g.HoldBriefly("s", time.Minute)
		if got := g.Status().State; got != Closed {
			t.Errorf("a brief hold before the first publication: the gate is %s", got)
		}
		g.Publish(r, func() {})
		admit()
		if err := <-admitted; err != nil {
			t.Fatal(err)
		}
		g.HoldBriefly("s", time.Minute)
		admit()
		admit()
		if s, _, _ := g.Record(); s.State != Open || s.Hold != nil {
			t.Errorf("the next process would begin with %+v", s)
		}
		time.Sleep(time.Second)
		if report := g.EndBriefHold("other"); report.Held != 0 || len(admitted) != 0 {
			t.Errorf("another activity ended the brief hold: %+v", report)
		}
		report := g.EndBriefHold("s")
		synctest.Wait()
		if report.Held != 2 || report.LongestWait != time.Second || len(admitted) != 2 || <-admitted != nil || <-admitted != nil {
			t.Errorf("after the brief hold: %+v", report)
		}

		g.HoldBriefly("s", time.Second)
		admit()
		time.Sleep(time.Second)
		synctest.Wait()
		if got := g.Status().State; got != Open || len(admitted) != 1 || <-admitted != nil {
			t.Errorf("after the limit: the gate is %s", got)
		}
		if again := g.Commit(); again != nil {
			t.Error("a brief hold that its limit ended was taken for a hold whose activity goes on")
		}
	})
}

func TestBriefHoldLeavesHoldsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(&Metrics{}, func() {})
		g.Publish(&rel{name: "r1"}, func() {})
		g.BeginHold(platform.Hold{Activity: "a1"})
		g.HoldBriefly("s", time.Second)
		g.EndBriefHold("s")
		time.Sleep(2 * time.Second)
		if got := g.Status().State; got != Held {
			t.Errorf("a brief hold during a hold: the gate is %s", got)
		}
		g.Close("")
		g.HoldBriefly("s", time.Second)
		g.EndBriefHold("s")
		if got := g.Status().State; got != Closed {
			t.Errorf("a brief hold during maintenance: the gate is %s", got)
		}
	})
}
