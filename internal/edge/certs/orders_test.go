package certs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errRefused, errNowhere = errors.New("refused"), errors.New("leads nowhere")

// fakeRegistry is an authority and a disk.
type fakeRegistry struct {
	order func(ctx context.Context, host string) error
	disk  sync.Map // hosts that have a certificate
}

func (f *fakeRegistry) load(_ context.Context, host string) bool {
	_, ok := f.disk.Load(host)
	return ok
}

func (f *fakeRegistry) place(ctx context.Context, host string) error { return f.order(ctx, host) }

// owner is what comes before the first dash: "0-1.test" is of project 0.
func (f *fakeRegistry) owner(host string) string {
	project, _, _ := strings.Cut(host, "-")
	return project
}

func (f *fakeRegistry) resolve(_ context.Context, host string) error {
	if strings.HasPrefix(host, "nowhere-") {
		return errNowhere
	}
	return nil
}

func (f *fakeRegistry) settled(string, error, time.Time) {}

// ordersIn returns the orders of a process that starts with what is in dir.
func ordersIn(ctx context.Context, dir string, log *bytes.Buffer, order func(ctx context.Context, host string) error) *orders {
	return newOrders(ctx, &fakeRegistry{order: order}, &orderLog{dir: dir, directory: "https://authority.test/", log: slog.New(slog.NewTextHandler(log, nil))})
}

func TestFailedOrdersAreRepeatedLaterAndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		o := ordersIn(t.Context(), t.TempDir(), &bytes.Buffer{}, func(context.Context, string) error { at = append(at, time.Since(start)); return errRefused })
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
		o := ordersIn(t.Context(), t.TempDir(), &bytes.Buffer{}, func(context.Context, string) error { placed.Add(1); time.Sleep(time.Second); return nil })
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
		o := ordersIn(t.Context(), t.TempDir(), &bytes.Buffer{}, func(context.Context, string) error {
			placed.Add(1)
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Second)
			running.Add(-1)
			return nil
		})
		for i := range 150 {
			o.want(t.Context(), fmt.Sprint(i, ".test"))
		}
		o.idle.Wait()
		if placed.Load() != ordersPerHour || most.Load() != ordersAtOnce {
			t.Errorf("%d orders, %d at once", placed.Load(), most.Load())
		}
		told := 0
		for i := range 150 {
			if err, _, next := o.state(fmt.Sprint(i, ".test")); err != nil && strings.Contains(err.Error(), "100 orders") && time.Until(next) <= time.Hour {
				told++
			}
		}
		if told != 50 {
			t.Errorf("of 50 hosts past the limit, %d say so", told)
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

// One project with many hosts that lead to no certificate does not use up the orders of
// another one, neither those that run nor those of the hour.
func TestAProjectHasItsShareOfOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		order := func(_ context.Context, host string) error {
			time.Sleep(10 * time.Second)
			if strings.HasPrefix(host, "greedy-") {
				return errRefused
			}
			return nil
		}
		o := ordersIn(t.Context(), dir, &bytes.Buffer{}, order)
		for i := range 120 {
			o.want(t.Context(), fmt.Sprint("greedy-", i, ".test"))
		}
		synctest.Wait()
		begin := time.Now()
		done, _ := o.want(t.Context(), "honest-1.test")
		<-done
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("another project's order took %v", took)
		}
		o.idle.Wait()
		refused := 0
		for i := range 120 {
			if err, _, _ := o.state(fmt.Sprint("greedy-", i, ".test")); err != nil && strings.Contains(err.Error(), "project greedy had its share") {
				refused++
			}
		}
		if refused != 120-(ordersPerHour/2-1) {
			t.Errorf("%d of 120 hosts were refused", refused)
		}
		o = ordersIn(t.Context(), dir, &bytes.Buffer{}, order) // the next process knows it too
		for i := range ordersPerProject {
			done, _ := o.want(t.Context(), fmt.Sprint("honest-", i+2, ".test"))
			<-done
			if err, _, _ := o.state(fmt.Sprint("honest-", i+2, ".test")); (err != nil) != (i == ordersPerProject-1) {
				t.Errorf("order %d of the other project: %v", i+2, err)
			}
		}
	})
}

// A host that DNS does not have costs no order and is looked up again soon.
func TestHostsThatLeadNowhereAreNotOrdered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		placed := 0
		o := ordersIn(t.Context(), t.TempDir(), &bytes.Buffer{}, func(context.Context, string) error { placed++; return nil })
		done, _ := o.want(t.Context(), "nowhere-1.test")
		<-done
		err, _, next := o.state("nowhere-1.test")
		if placed != 0 || !errors.Is(err, errNowhere) || time.Until(next) != firstRetry {
			t.Errorf("%d orders; %v, next in %v", placed, err, time.Until(next))
		}
		if e := o.placed.read(t.Context(), time.Now()); len(e.Placed)+len(e.Shares)+len(e.Hosts) != 0 {
			t.Errorf("written down: %+v", e)
		}
	})
}
