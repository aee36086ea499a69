package work_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"sluice/internal/feed"
	"sluice/internal/platform"
	"sluice/internal/store"
	"sluice/internal/work"
)

// house is a real store and real logs, and queues over them.
type house struct {
	t     *testing.T
	store *store.Store
	feed  *feed.Feed
}

// merge is a kind that locks another environment.
const merge = platform.ActivityRollback

func newHouse(t *testing.T, projects ...string) *house {
	t.Helper()
	dir := t.TempDir()
	sealer, err := store.LoadSealer(filepath.Join(dir, "seal.key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), filepath.Join(dir, "sluice.db"), sealer)
	if err != nil {
		t.Fatal(err)
	}
	logs, err := feed.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = logs.Close(); _ = s.Close() })
	for _, id := range append(projects, "shop") {
		if err := s.SaveProject(t.Context(), platform.Project{ID: id, DefaultBranch: "main", Entropy: "e"}); err != nil {
			t.Fatal(err)
		}
	}
	return &house{t: t, store: s, feed: logs}
}

// queue returns a queue whose two kinds, one of which locks a second environment, do run.
func (h *house) queue(opts work.Options, run, restart func(context.Context, *work.Job) error) *work.Queue {
	q := work.New(h.store, h.feed, slog.New(slog.DiscardHandler), opts)
	kind := work.Kind{
		Types:  []platform.ActivityType{platform.ActivityRedeploy},
		Steps:  []work.Step{{Name: "one", Phase: platform.PhaseBuild}, {Name: "two", Phase: platform.PhaseDeploy}},
		Phrase: "Job failed", Run: run, Recover: restart,
	}
	q.Register(kind)
	kind.Types = []platform.ActivityType{merge}
	kind.Locks = func(a platform.Activity) []string { return []string{a.Parameters["from"], a.Environment} }
	q.Register(kind)
	return q
}

func (h *house) enqueue(q *work.Queue, project, env string) platform.Activity {
	h.t.Helper()
	a, err := q.Enqueue(h.t.Context(), platform.Activity{Type: platform.ActivityRedeploy, Project: project, Environment: env, Description: env})
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *house) enqueueMerge(q *work.Queue, from, to string) platform.Activity {
	h.t.Helper()
	a, err := q.Enqueue(h.t.Context(), platform.Activity{
		Type: merge, Project: "shop", Environment: to, Description: from + " to " + to, Parameters: map[string]string{"from": from},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// during runs the queue while f does something.
func (h *house) during(q *work.Queue, f func()) {
	h.t.Helper()
	ctx, stop := context.WithCancelCause(h.t.Context())
	var all sync.WaitGroup
	all.Go(func() { _ = q.Run(ctx) })
	f()
	stop(io.EOF)
	all.Wait()
}

// log waits until an activity has ended and returns its log and its record.
func (h *house) log(id string) (string, platform.Activity) {
	h.t.Helper()
	var out bytes.Buffer
	if err := h.feed.Follow(h.t.Context(), id, &out); err != nil {
		h.t.Fatal(err)
	}
	a, err := h.store.Activity(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return out.String(), a
}

func nothing(context.Context, *work.Job) error { return nil }

// Activities that need several environments, in both directions, with others between them:
// never two at once on an environment, none forgotten, no two that wait for each other.
func TestActivitiesOfSeveralEnvironments(t *testing.T) {
	h := newHouse(t)
	var mu sync.Mutex
	busy, order := map[string]string{}, []string{}
	q := h.queue(work.Options{Workers: 8}, func(_ context.Context, j *work.Job) error {
		mine := append([]string{j.Activity.Environment}, j.Activity.Also...)
		mu.Lock()
		for _, env := range mine {
			if other := busy[env]; other != "" {
				t.Errorf("%s and %s work on %s at once", other, j.Activity.Description, env)
			}
			busy[env] = j.Activity.Description
		}
		order = append(order, j.Activity.ID)
		mu.Unlock()
		for range 100 {
			runtime.Gosched()
		}
		mu.Lock()
		defer mu.Unlock()
		for _, env := range mine {
			delete(busy, env)
		}
		return nil
	}, nothing)
	var all []platform.Activity
	for range 5 {
		all = append(all, h.enqueueMerge(q, "a", "b"), h.enqueue(q, "shop", "a"), h.enqueueMerge(q, "b", "a"), h.enqueue(q, "shop", "c"), h.enqueueMerge(q, "c", "b"))
	}
	h.during(q, func() {
		for _, a := range all {
			if _, a := h.log(a.ID); a.Result != platform.ResultSuccess {
				t.Errorf("%s: %s %s", a.Description, a.Result, a.Reason)
			}
		}
	})
	var ofA []string // what touches a runs in the order of the queue
	for _, a := range all {
		if a.Environment == "a" || slices.Contains(a.Also, "a") {
			ofA = append(ofA, a.ID)
		}
	}
	if got := slices.DeleteFunc(order, func(id string) bool { return !slices.Contains(ofA, id) }); !slices.Equal(got, ofA) {
		t.Errorf("order on a: %v, want %v", got, ofA)
	}
}

// One project with more work than there are workers leaves room for the others.
func TestAProjectCannotTakeAllWorkers(t *testing.T) {
	h := newHouse(t, "bakery")
	release := make(chan struct{})
	var mu sync.Mutex
	running := 0
	q := h.queue(work.Options{Workers: 3}, func(_ context.Context, j *work.Job) error {
		if j.Activity.Project == "bakery" {
			return nil
		}
		mu.Lock()
		running++
		most := running
		mu.Unlock()
		if most > 2 {
			t.Errorf("%d activities of one project run", most)
		}
		<-release
		mu.Lock()
		running--
		mu.Unlock()
		return nil
	}, nothing)
	var all []platform.Activity
	for i := range 6 {
		all = append(all, h.enqueue(q, "shop", fmt.Sprint("branch", i)))
	}
	last := h.enqueue(q, "bakery", "main")
	h.during(q, func() {
		h.log(last.ID) // ends although six were queued before it and none of them ends
		close(release)
		for _, a := range all {
			h.log(a.ID)
		}
	})
}

func TestTheRecordFollowsTheSteps(t *testing.T) {
	h := newHouse(t)
	var q *work.Queue
	q = h.queue(work.Options{}, func(ctx context.Context, j *work.Job) error {
		if err := j.Step(ctx, "one", func(context.Context) error {
			a, err := h.store.Activity(ctx, j.Activity.ID)
			if a.Step != "one" || a.Phase != platform.PhaseBuild || a.Completion != 25 || !a.Cancellable {
				t.Errorf("during the first step: %s, %s, %d %%, %t", a.Step, a.Phase, a.Completion, a.Cancellable)
			}
			return err
		}); err != nil {
			return err
		}
		if err := j.NoCancel(ctx); err != nil {
			return err
		}
		return j.Step(ctx, "two", func(ctx context.Context) error {
			if _, err := q.Cancel(ctx, j.Activity.ID, platform.Actor{}); platform.ErrorCode(err) != platform.CodeConflict {
				t.Errorf("cancelled after the point of no return: %v", err)
			}
			return work.Failed("Job broke", "buy another", work.Quoted("it broke", []string{"crack"}))
		})
	}, nothing)
	a := h.enqueue(q, "shop", "main")
	h.during(q, func() {
		log, a := h.log(a.ID)
		if want := "E: Job broke: it broke\n   | crack\n   Next: buy another\n"; !strings.Contains(log, want) {
			t.Errorf("log:\n%s", log)
		}
		if !strings.HasSuffix(log, "activity "+a.ID+" result=failure phase=deploy\n") {
			t.Errorf("last line of:\n%s", log)
		}
		if a.Step != "two" || a.Completion != 100 || a.Hint != "buy another" || len(a.Timings) != 2 || a.Timings[1].Phase != platform.PhaseDeploy {
			t.Errorf("record %+v", a)
		}
	})
}

// other is another queue over the same records, which knows of no running activity.
func other(h *house) *work.Queue { return h.queue(work.Options{}, nothing, nothing) }

func TestAnActivityThatNoKindKnows(t *testing.T) {
	h := newHouse(t)
	a := platform.Activity{ID: "later", Type: "environment.teleport", Project: "shop", Environment: "main", Step: platform.StepQueued}
	if _, err := h.store.Enqueue(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	q := other(h)
	h.during(q, func() {
		log, got := h.log("later")
		if got.Result != platform.ResultFailure || !strings.Contains(log, "does not know activities of type environment.teleport; nothing was changed") {
			t.Errorf("%s, log:\n%s", got.Result, log)
		}
	})
}

func TestRecovery(t *testing.T) {
	broken := errors.New("broken")
	h := newHouse(t)
	left := map[string]platform.Activity{}
	for _, env := range []string{"done", "failed", "waits", "stopped"} {
		left[env] = h.enqueue(other(h), "shop", env)
		if _, ok, err := h.store.Claim(t.Context(), 0); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	ended := make(chan struct{})
	q := h.queue(work.Options{}, nothing, func(_ context.Context, j *work.Job) error {
		switch j.Activity.Environment {
		case "failed":
			return work.Failed("Job failed", "", broken)
		case "waits":
			j.Later(func(context.Context) error {
				<-ended
				j.Log.Line(1, "it has ended")
				return nil
			})
		case "stopped":
			j.Later(func(ctx context.Context) error {
				<-ctx.Done()
				return context.Cause(ctx)
			})
		}
		return nil
	})
	busy, err := q.Recover(t.Context())
	if err != nil || len(busy) != 2 || busy[0].Environment != "waits" || busy[1].Environment != "stopped" {
		t.Fatalf("busy: %v, %v", busy, err)
	}
	for env, want := range map[string]platform.ActivityResult{"done": platform.ResultSuccess, "failed": platform.ResultFailure} {
		if log, a := h.log(left[env].ID); a.Result != want || !strings.Contains(log, "The control plane stopped during step queued and is back.") {
			t.Errorf("%s: %s, log:\n%s", env, a.Result, log)
		}
	}
	next := h.enqueue(q, "shop", "waits") // until then it is locked
	h.during(q, func() {
		close(ended)
		if log, a := h.log(left["waits"].ID); a.Result != platform.ResultSuccess || !strings.Contains(log, "it has ended") {
			t.Errorf("%s, log:\n%s", a.Result, log)
		}
		h.log(next.ID)
	})
	if a, err := h.store.Activity(t.Context(), left["stopped"].ID); err != nil || a.State != platform.ActivityInProgress {
		t.Errorf("an activity whose recovery was stopped is %s, %v; the next start has to find it", a.State, err)
	}
}
