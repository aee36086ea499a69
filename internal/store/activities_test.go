package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/platform"
	"sluice/internal/store"
)

func ids(activities []platform.Activity) []string {
	var ids []string
	for _, a := range activities {
		ids = append(ids, a.ID)
	}
	return ids
}

func claim(t *testing.T, s *store.Store) string {
	t.Helper()
	a, ok, err := s.Claim(t.Context(), 0)
	check(t, err)
	if !ok {
		return ""
	}
	if a.State != platform.ActivityInProgress || a.StartedAt.IsZero() {
		t.Errorf("claimed %+v", a)
	}
	return a.ID
}

func TestClaimTakesTheOldestOfAFreeEnvironment(t *testing.T) {
	s := shop(t)
	ctx := t.Context()
	enqueue(t, s, platform.Activity{ID: "a1", Type: platform.ActivityPush, Environment: "a"})
	enqueue(t, s, platform.Activity{ID: "a2", Type: platform.ActivityRedeploy, Environment: "a"})
	// Older by its own account, but later in the queue.
	enqueue(t, s, platform.Activity{ID: "b1", Type: platform.ActivityPush, Environment: "b", CreatedAt: noon.Add(-time.Hour)})
	if got := []string{claim(t, s), claim(t, s), claim(t, s)}; !slices.Equal(got, []string{"a1", "b1", ""}) {
		t.Errorf("claimed %q, want a1, b1 and nothing", got)
	}
	unfinished, err := s.Unfinished(ctx)
	check(t, err)
	if diff := cmp.Diff([]string{"a1", "b1"}, ids(unfinished)); diff != "" {
		t.Error(diff)
	}
	check(t, s.SaveActivity(ctx, platform.Activity{ID: "a1", State: platform.ActivityComplete, Result: platform.ResultSuccess}))
	if got := claim(t, s); got != "a2" {
		t.Errorf("claimed %q, want a2", got)
	}
}

func TestAPushSupersedesPendingPushesOfItsEnvironment(t *testing.T) {
	s := shop(t)
	for _, a := range []platform.Activity{
		{ID: "running", Type: platform.ActivityPush, Environment: "a"},
		{ID: "old", Type: platform.ActivityPush, Environment: "a"},
		{ID: "redeploy", Type: platform.ActivityRedeploy, Environment: "a"},
		{ID: "elsewhere", Type: platform.ActivityPush, Environment: "b"},
	} {
		if got := enqueue(t, s, a); got != nil {
			t.Errorf("%s superseded %q", a.ID, ids(got))
		}
		if a.ID == "running" {
			claim(t, s)
		}
	}
	got := enqueue(t, s, platform.Activity{ID: "new", Type: platform.ActivityPush, Environment: "a"})
	if diff := cmp.Diff([]string{"old"}, ids(got)); diff != "" {
		t.Fatal(diff)
	}
	old, err := s.Activity(t.Context(), "old")
	check(t, err)
	if old.State != platform.ActivityCancelled || old.Reason != "superseded by new" || old.CompletedAt.IsZero() {
		t.Errorf("got %+v", old)
	}
	if diff := cmp.Diff(got[0], old); diff != "" {
		t.Error("returned and stored differ", diff)
	}
}

func TestEnqueueIsAllOrNothing(t *testing.T) {
	s := shop(t)
	ctx := t.Context()
	enqueue(t, s, platform.Activity{ID: "a", Type: platform.ActivityPush, Environment: "main"})
	_, err := s.Enqueue(ctx, platform.Activity{ID: "a", Type: platform.ActivityPush, Project: "shop", Environment: "main"})
	wantCode(t, err, platform.CodeConflict)
	a, err := s.Activity(ctx, "a")
	check(t, err)
	if a.State != platform.ActivityPending {
		t.Errorf("a failed Enqueue left the state %s", a.State)
	}
	_, err = s.Enqueue(ctx, platform.Activity{Project: "shop"})
	wantCode(t, err, platform.CodeInvalid)
}

func TestFinalActivitiesDoNotChange(t *testing.T) {
	s := shop(t)
	ctx := t.Context()
	for _, state := range []platform.ActivityState{platform.ActivityComplete, platform.ActivityCancelled} {
		id := string(state)
		enqueue(t, s, platform.Activity{ID: id, Type: platform.ActivityRedeploy, Environment: "main"})
		check(t, s.SaveActivity(ctx, platform.Activity{ID: id, State: state}))
		wantCode(t, s.SaveActivity(ctx, platform.Activity{ID: id, State: platform.ActivityInProgress}), platform.CodeConflict)
	}
}

func TestOneActivityOfAnEnvironmentAtATime(t *testing.T) {
	s := shop(t)
	enqueue(t, s, platform.Activity{ID: "a", Type: platform.ActivityRedeploy, Environment: "main"})
	enqueue(t, s, platform.Activity{ID: "b", Type: platform.ActivityRedeploy, Environment: "main"})
	claim(t, s)
	err := s.SaveActivity(t.Context(), platform.Activity{ID: "b", State: platform.ActivityInProgress})
	wantCode(t, err, platform.CodeConflict)
}

func TestParallelClaimsNeverShareAnActivityOrAnEnvironment(t *testing.T) {
	s := shop(t)
	const envs, each = 10, 5
	for i := range envs * each {
		enqueue(t, s, platform.Activity{ID: fmt.Sprintf("a%02d", i), Type: platform.ActivityRedeploy, Environment: fmt.Sprint("env", i%envs)})
	}
	var mu sync.Mutex
	running, done := map[string]string{}, []string{}
	work := func() {
		for {
			a, ok, err := s.Claim(t.Context(), 0)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			finished := len(done) == envs*each
			if ok && running[a.Environment] != "" {
				t.Errorf("%s and %s run at once", running[a.Environment], a.ID)
			}
			if ok {
				running[a.Environment] = a.ID
			}
			mu.Unlock()
			switch {
			case ok:
				a.State = platform.ActivityComplete
				mu.Lock()
				delete(running, a.Environment)
				done = append(done, a.ID)
				mu.Unlock()
				if err := s.SaveActivity(t.Context(), a); err != nil {
					t.Error(err)
				}
			case finished:
				return
			}
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(work)
	}
	wg.Wait()
	slices.Sort(done)
	if len(slices.Compact(done)) != envs*each {
		t.Errorf("claimed %d different activities, want %d", len(done), envs*each)
	}
}

func TestActivitiesAreFilteredAndPaged(t *testing.T) {
	s := shop(t)
	for i := range 6 {
		a := platform.Activity{ID: fmt.Sprint("a", i), Type: platform.ActivityRedeploy, Environment: "main", CreatedAt: noon.Add(time.Duration(i) * time.Microsecond)}
		if i%2 == 1 {
			a.Type, a.Environment = platform.ActivityDeactivate, "other"
		}
		enqueue(t, s, a)
	}
	claim(t, s) // a0
	for name, test := range map[string]struct {
		filter platform.ActivityFilter
		want   []string
	}{
		"all":         {platform.ActivityFilter{}, []string{"a5", "a4", "a3", "a2", "a1", "a0"}},
		"project":     {platform.ActivityFilter{Project: "nope"}, nil},
		"environment": {platform.ActivityFilter{Project: "shop", Environment: "other"}, []string{"a5", "a3", "a1"}},
		"types":       {platform.ActivityFilter{Types: []platform.ActivityType{platform.ActivityRedeploy, platform.ActivityPush}}, []string{"a4", "a2", "a0"}},
		"states":      {platform.ActivityFilter{States: []platform.ActivityState{platform.ActivityInProgress}}, []string{"a0"}},
		"result":      {platform.ActivityFilter{Result: platform.ResultFailure}, nil},
		"limit":       {platform.ActivityFilter{Limit: 2}, []string{"a5", "a4"}},
		"page":        {platform.ActivityFilter{Limit: 2, Before: noon.Add(4 * time.Microsecond)}, []string{"a3", "a2"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := s.Activities(t.Context(), test.filter)
			check(t, err)
			if diff := cmp.Diff(test.want, ids(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
