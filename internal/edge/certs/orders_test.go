package certs

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errRefused = errors.New("refused")

func nothingSettled(string, error, time.Time) {}

func TestFailedOrdersAreRepeatedLaterAndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		o := newOrders(func(context.Context, string) error { at = append(at, time.Since(start)); return errRefused }, nothingSettled)
		for time.Since(start) < 24*time.Hour { // somebody asks every second
			first := len(at) == 0
			done, again := o.want(t.Context(), "a.test")
			if again == first {
				t.Fatalf("after %v: again is %v", time.Since(start), again)
			}
			if done != nil {
				<-done
			}
			time.Sleep(time.Second)
		}
		want := []time.Duration{0, 2 * time.Minute, 10 * time.Minute, 42 * time.Minute, 170 * time.Minute, 530 * time.Minute, 890 * time.Minute, 1250 * time.Minute}
		if fmt.Sprint(at) != fmt.Sprint(want) {
			t.Errorf("asked at %v, want %v", at, want)
		}
		if err, failed, next := o.state("a.test"); !errors.Is(err, errRefused) || next.Sub(failed) != 6*time.Hour {
			t.Errorf("state %v %v %v", err, failed, next)
		}
	})
}

func TestOrdersOfAHostAreJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var placed atomic.Int32
		o := newOrders(func(context.Context, string) error { placed.Add(1); time.Sleep(time.Second); return nil }, nothingSettled)
		first, again := o.want(t.Context(), "a.test")
		second, _ := o.want(t.Context(), "a.test")
		if first == nil || second != first || again {
			t.Error("two orders for one host")
		}
		<-first
		if placed.Load() != 1 {
			t.Errorf("%d orders", placed.Load())
		}
	})
}

func TestOrdersAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most, placed atomic.Int32
		o := newOrders(func(context.Context, string) error {
			placed.Add(1)
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Second)
			running.Add(-1)
			return nil
		}, nothingSettled)
		for i := range 150 {
			o.want(t.Context(), fmt.Sprint(i, ".test"))
		}
		o.idle.Wait()
		if placed.Load() != ordersPerHour || most.Load() != ordersAtOnce {
			t.Errorf("%d orders, %d at once", placed.Load(), most.Load())
		}
		time.Sleep(time.Hour)
		if done, _ := o.want(t.Context(), "149.test"); done == nil {
			t.Error("still limited after an hour")
		}
		o.idle.Wait()
		if gone := o.forget(func(host string) bool { return host == "0.test" }); len(gone) != 149 || len(o.byHost) != 1 {
			t.Errorf("forgot %d, kept %d", len(gone), len(o.byHost))
		}
	})
}
