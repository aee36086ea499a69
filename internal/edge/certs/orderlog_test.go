package certs

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRestartLoopAsksNoMoreOftenThanOneProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, start := t.TempDir(), time.Now()
		var at []time.Duration
		for time.Since(start) < 24*time.Hour { // a process that ends after 7 s, again and again
			o := ordersIn(t.Context(), dir, &bytes.Buffer{}, func(context.Context, string) error {
				at = append(at, time.Since(start).Truncate(time.Minute))
				return errRefused
			})
			if done, _ := o.want(t.Context(), "a.test"); done != nil {
				<-done
			}
			time.Sleep(7 * time.Second)
		}
		want := []time.Duration{0, 2 * time.Minute, 10 * time.Minute, 42 * time.Minute, 170 * time.Minute, 530 * time.Minute, 890 * time.Minute, 1250 * time.Minute}
		if fmt.Sprint(at) != fmt.Sprint(want) {
			t.Errorf("asked at %v, want %v", at, want)
		}
	})
}

func TestCrashInTheMiddleOfAnOrderCountsAsFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		life, crash := context.WithCancelCause(t.Context())
		o := ordersIn(life, dir, &bytes.Buffer{}, func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return nil
		})
		o.want(life, "a.test")
		synctest.Wait() // the order is under way
		asked := 0
		next := ordersIn(t.Context(), dir, &bytes.Buffer{}, func(context.Context, string) error { asked++; return nil })
		if done, _ := next.want(t.Context(), "a.test"); done != nil {
			<-done
		}
		if err, _, again := next.state("a.test"); asked != 0 || err == nil || time.Until(again) != firstRetry {
			t.Errorf("%d orders; %v, next in %v", asked, err, time.Until(again))
		}
		time.Sleep(firstRetry)
		if done, again := next.want(t.Context(), "a.test"); done == nil || !again {
			t.Error("not asked when it was time, or a visitor would wait for it")
		} else {
			<-done
		}
		if err, _, _ := next.state("a.test"); asked != 1 || err != nil {
			t.Errorf("%d orders, %v", asked, err)
		}
		crash(nil)
		o.idle.Wait()
		if left := ordersIn(t.Context(), dir, &bytes.Buffer{}, nil).byHost; len(left) != 0 {
			t.Errorf("a certificate that was ordered is remembered as a failure: %v", left)
		}
	})
}

// While one process takes over from another, both may order.
func TestTwoProcessesShareTheLimitAndWhatTheyOrdered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		var placed int
		count := func(context.Context, string) error { placed++; return nil }
		old, next := ordersIn(t.Context(), dir, &bytes.Buffer{}, count), ordersIn(t.Context(), dir, &bytes.Buffer{}, count)
		for i := range 150 {
			for j, o := range []*orders{old, next} {
				if done, _ := o.want(t.Context(), fmt.Sprint(i, "-", j, ".test")); done != nil {
					<-done
				}
			}
		}
		if placed != ordersPerHour {
			t.Errorf("%d orders", placed)
		}
		if _, _, wait := next.state("149-1.test"); wait.IsZero() {
			t.Fatal("not limited")
		}
		reg, ok := next.registry.(*fakeRegistry)
		if !ok {
			t.Fatal("no fake")
		}
		reg.disk.Store("149-1.test", true) // the other process has it by now
		time.Sleep(lookAgain)
		if done, _ := next.want(t.Context(), "149-1.test"); done == nil {
			t.Fatal("nobody looks")
		} else {
			<-done
		}
		if err, _, wait := next.state("149-1.test"); err != nil || !wait.IsZero() || placed != ordersPerHour {
			t.Errorf("after the other process ordered it: %v %v, %d orders", err, wait, placed)
		}
	})
}

func TestAnotherAuthorityIsAskedAtOnce(t *testing.T) {
	dir := t.TempDir()
	o := ordersIn(t.Context(), dir, &bytes.Buffer{}, func(context.Context, string) error { return errRefused })
	done, _ := o.want(t.Context(), "a.test")
	<-done
	if known := ordersIn(t.Context(), dir, &bytes.Buffer{}, nil).byHost; len(known) != 1 {
		t.Fatalf("known: %v", known)
	}
	l := &orderLog{dir: dir, directory: "https://other.test/", log: o.placed.log}
	if e := l.read(t.Context(), time.Now()); len(e.Hosts) != 0 || len(e.Placed) != 0 {
		t.Errorf("what another authority said counts: %+v", e)
	}
}

func TestDamagedOrderLogIsReportedAndReplaced(t *testing.T) {
	now := time.Now().UTC().Format(time.RFC3339)
	for name, text := range map[string]string{
		"torn":  `{"directory":"https://authority.test/","placed":["2020`,
		"empty": "", "null": "null", "list": "[]", "number": `{"hosts":{"a.test":{"fails":"x"}}}`,
		"far": `{"directory":"https://authority.test/","placed":["9999-01-01T00:00:00Z"],"hosts":{"a.test":{"fails":9223372036854775807,"next":"9999-01-01T00:00:00Z"},"b.test":{"fails":-1}}}`,
		"big": `{"directory":"https://authority.test/","placed":["` + strings.Repeat(now+`","`, maxOrderLog/len(now)) + `"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir, log := t.TempDir(), &bytes.Buffer{}
			if err := os.WriteFile(filepath.Join(dir, orderLogFile), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			o := ordersIn(t.Context(), dir, log, func(context.Context, string) error { return errRefused })
			if reported := strings.Contains(log.String(), "could not read the ACME order log"); reported == (name == "far" || name == "null") {
				t.Errorf("log %s", log)
			}
			if _, _, next := o.state("a.test"); next.After(time.Now().Add(lastRetry)) {
				t.Errorf("the next try is at %v", next)
			}
			done, _ := o.want(t.Context(), "c.test")
			<-done
			log.Reset()
			if known := ordersIn(t.Context(), dir, log, nil).byHost; known["c.test"] == nil || log.Len() != 0 {
				t.Errorf("known %v, log %s", known, log)
			}
		})
	}
}

func TestOrderLogIsBounded(t *testing.T) {
	now := time.Now()
	e := entries{Hosts: map[string]failure{}}
	for i := range maxLoggedHosts + 100 {
		e.Hosts[fmt.Sprint(i, ".test")] = failure{Fails: 1, Next: now.Add(time.Duration(i) * time.Millisecond)}
	}
	e.Hosts["old.test"] = failure{Fails: 1, Next: now.Add(-failureLife - time.Second)}
	for range 2 * ordersPerHour {
		e.Placed = append(e.Placed, now)
	}
	e.prune(now)
	if len(e.Hosts) != maxLoggedHosts || len(e.Placed) != ordersPerHour {
		t.Errorf("%d hosts, %d orders", len(e.Hosts), len(e.Placed))
	}
	if _, ok := e.Hosts["99.test"]; ok {
		t.Error("the failure that matters longest was dropped before others")
	}
}

func TestOrderLogThatCannotBeWrittenLimitsThisProcess(t *testing.T) {
	dir, log := filepath.Join(t.TempDir(), "none"), &bytes.Buffer{}
	placed := 0
	o := ordersIn(t.Context(), dir, log, func(context.Context, string) error { placed++; return errRefused })
	for i := range 2 * ordersPerHour {
		done, _ := o.want(t.Context(), fmt.Sprint(i, ".test"))
		<-done
	}
	if placed != ordersPerHour || !strings.Contains(log.String(), "a restart forgets it") {
		t.Errorf("%d orders; log %s", placed, log)
	}
}
