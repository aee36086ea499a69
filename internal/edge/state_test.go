package edge

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/platform"
)

// reopen returns a router as it starts after a crash: from what is on disk only.
func reopen(t *testing.T, path string) *Router {
	t.Helper()
	r, err := New(Options{StatePath: path})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func statusAt(t *testing.T, r *Router) Status {
	t.Helper()
	s, err := r.Status(testEnv)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStateSurvivesACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "state.json")
		r := reopen(t, path)
		mustPublish(t, r, publication("r1"))
		if s := statusAt(t, reopen(t, path)); s.State != Open || s.Release != "r1" {
			t.Fatalf("open: %+v", s)
		}
		if _, err := r.Hold(t.Context(), platform.Hold{Environment: testEnv, Activity: "a1", MaxWait: time.Minute, MaxRequests: 7}); err != nil {
			t.Fatal(err)
		}
		before := statusAt(t, r)
		time.Sleep(20 * time.Second)
		again := reopen(t, path)
		after := statusAt(t, again)
		if after.State != Held || !after.Deadline.Equal(before.Deadline) || after.Activity != "a1" || after.OnDeadline != platform.ReleaseOld {
			t.Fatalf("held: %+v, before %+v", after, before)
		}
		if s, _, _ := again.known(testEnv).Record(); s.Hold.Limit != 7 {
			t.Error("the limit is lost")
		}
		if err := again.Commit(t.Context(), testEnv); err != nil {
			t.Fatal(err)
		}
		if s := statusAt(t, reopen(t, path)); s.OnDeadline != platform.Maintain {
			t.Errorf("commit is lost: %+v", s)
		}
		time.Sleep(41 * time.Second) // all of them pass the deadline; the committed one wrote last or not at all
		synctest.Wait()
		if s := statusAt(t, again); s.State != Closed {
			t.Errorf("after the deadline: %+v", s)
		}
	})
}

func TestDeadlineThatPassedWhileTheRouterWasAwayIsActedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "state.json")
		r := reopen(t, path)
		mustPublish(t, r, publication("r1"))
		if _, err := r.Hold(t.Context(), platform.Hold{Environment: testEnv, Activity: "a1", MaxWait: time.Minute, OnDeadline: platform.Maintain}); err != nil {
			t.Fatal(err)
		}
		r.state.pause(true) // it crashed
		time.Sleep(2 * time.Minute)
		again := reopen(t, path)
		synctest.Wait()
		if s := statusAt(t, again); s.State != Closed {
			t.Errorf("state %+v", s)
		}
	})
}

func TestMaintenanceSurvivesACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	r := reopen(t, path)
	mustPublish(t, r, publication("r1"))
	if _, err := r.Close(t.Context(), testEnv, "back at ten"); err != nil {
		t.Fatal(err)
	}
	if s := statusAt(t, reopen(t, path)); s.State != Closed || s.Message != "back at ten" || s.Release != "r1" {
		t.Errorf("status %+v", s)
	}
	if err := r.Forget(t.Context(), testEnv); err != nil {
		t.Fatal(err)
	}
	if all := reopen(t, path).Statuses(); len(all) != 0 {
		t.Errorf("forgotten, and back: %+v", all)
	}
}

func TestUnreadableStateIsSetAside(t *testing.T) {
	for name, content := range map[string]string{
		"half written": `{"version":1,"environments":[{"env`,
		"empty":        "",
		"later format": `{"version":99}`,
		"other type":   `{"version":1,"environments":{"a":1}}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "state.json")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			r := reopen(t, path)
			if len(r.Statuses()) != 0 {
				t.Error("something was read")
			}
			aside, err := filepath.Glob(path + ".corrupt-*")
			if err != nil || len(aside) != 1 {
				t.Fatalf("set aside: %v %v", aside, err)
			}
			if got, err := os.ReadFile(aside[0]); err != nil || string(got) != content {
				t.Errorf("kept %q %v", got, err)
			}
			mustPublish(t, r, publication("r1"))
			if s := statusAt(t, reopen(t, path)); s.Release != "r1" {
				t.Errorf("status %+v", s)
			}
		})
	}
}

func TestOneBadEnvironmentHarmsNoOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	r := reopen(t, path)
	mustPublish(t, r, publication("r1"))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := `{"environment":"bad","state":"open","published":true,"publication":{"Routes":[{"URL":"::"}]}},`
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), `[{"env`, `[`+bad+`{"env`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	again := reopen(t, path)
	if s := statusAt(t, again); s.State != Open || len(again.Statuses()) != 1 {
		t.Errorf("status %+v", again.Statuses())
	}
}

func TestStateThatCannotBeSavedIsReported(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r := reopen(t, filepath.Join(dir, "state.json"))
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	_, err := r.Publish(t.Context(), publication("r1"))
	if platform.ErrorCode(err) != platform.CodeUnavailable || platform.ErrorHint(err) == "" {
		t.Errorf("got %v", err)
	}
	if s := statusAt(t, r); s.State != Open {
		t.Errorf("visitors pay for a full disk: %+v", s)
	}
}

func TestMetrics(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.backend("r1", nil)
		w.publish("r1")
		w.hold(platform.Hold{MaxRequests: 2})
		answers := w.start(3, http.MethodGet)
		var b strings.Builder
		if err := w.router.WriteMetrics(&b); err != nil {
			t.Fatal(err)
		}
		want := []string{
			`sluice_router_waiting_requests{environment="shop-main",state="held"} 2`, "sluice_router_refused_requests_total 1", "sluice_router_held_requests_total 2",
		}
		time.Sleep(700 * time.Millisecond)
		w.publish("r1")
		for range 3 {
			<-answers
		}
		if err := w.router.WriteMetrics(&b); err != nil {
			t.Fatal(err)
		}
		want = append(want, `sluice_router_hold_wait_seconds_bucket{le="0.5"} 0`, `sluice_router_hold_wait_seconds_bucket{le="1"} 2`, "sluice_router_hold_wait_seconds_sum 1.4")
		for _, s := range want {
			if !strings.Contains(b.String(), s+"\n") {
				t.Errorf("no %q in\n%s", s, b.String())
			}
		}
		if err := w.router.WriteMetrics(writerTo{}); err == nil {
			t.Error("a failed write is no error")
		}
	})
}

type writerTo struct{}

func (writerTo) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
