package store_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/platform"
	"sluice/internal/store"
)

func webhook(t *testing.T, s *store.Store, id string, f platform.EventFilter) platform.Integration {
	t.Helper()
	i, err := s.SaveIntegration(t.Context(), platform.Integration{
		ID: id, Project: "shop", Type: platform.Webhook, URL: "https://hooks.test/hunter2", SharedKey: "correct-horse", Filter: f,
	})
	check(t, err)
	return i
}

// events returns what an integration was told, oldest first.
func events(t *testing.T, s *store.Store, integration string) []string {
	t.Helper()
	list, err := s.Deliveries(t.Context(), integration)
	check(t, err)
	var out []string
	for _, d := range slices.Backward(list) {
		out = append(out, fmt.Sprintf("%s %s %s", d.Activity.ID, d.Activity.Type, d.Activity.State))
	}
	return out
}

func everything() platform.EventFilter {
	return platform.EventFilter{Events: []string{"*"}, States: []string{"*"}, Environments: []string{"*"}}
}

func TestEventsAreStoredWithTheStateThatTheyTell(t *testing.T) {
	s := shop(t)
	ctx := t.Context()
	webhook(t, s, "all", everything())
	webhook(t, s, "some", platform.EventFilter{
		Events: []string{"environment.re*"}, States: []string{"complete"}, Environments: []string{"a", "feature/*"}, Excluded: []string{"feature/x"},
	})
	for _, a := range []platform.Activity{
		{ID: "a1", Type: platform.ActivityPush, Environment: "a"},
		{ID: "a2", Type: platform.ActivityPush, Environment: "a"},
		{ID: "f1", Type: platform.ActivityRedeploy, Environment: "feature/x"},
		{ID: "a3", Type: platform.ActivityRedeploy, Environment: "a"},
	} {
		enqueue(t, s, a)
	}
	for range 2 {
		a, _, err := s.Claim(ctx, 0)
		check(t, err)
		a.Step = platform.StepBuild
		check(t, s.SaveActivity(ctx, a)) // a step is no event
		a.State, a.Result = platform.ActivityComplete, platform.ResultSuccess
		check(t, s.SaveActivity(ctx, a))
	}
	_, _, err := s.CancelPending(ctx, "a3", "by jane")
	check(t, err)
	want := []string{
		"a1 environment.push pending", "a1 environment.push cancelled", "a2 environment.push pending", "f1 environment.redeploy pending",
		"a3 environment.redeploy pending", "a2 environment.push in_progress", "a2 environment.push complete",
		"f1 environment.redeploy in_progress", "f1 environment.redeploy complete", "a3 environment.redeploy cancelled",
	}
	if diff := cmp.Diff(want, events(t, s, "all")); diff != "" {
		t.Error(diff)
	}
	if got := events(t, s, "some"); got != nil {
		t.Errorf("the other one was told %q", got)
	}
	enqueue(t, s, platform.Activity{ID: "a4", Type: platform.ActivityRedeploy, Environment: "a"})
	a, _, err := s.Claim(ctx, 0)
	check(t, err)
	a.State = platform.ActivityComplete
	check(t, s.SaveActivity(ctx, a))
	if diff := cmp.Diff([]string{"a4 environment.redeploy complete"}, events(t, s, "some")); diff != "" {
		t.Error(diff)
	}
}

func TestDeliveriesAreDueOneAtATime(t *testing.T) {
	s := shop(t)
	ctx := t.Context()
	webhook(t, s, "h1", everything())
	webhook(t, s, "h2", everything())
	enqueue(t, s, platform.Activity{ID: "a1", Type: platform.ActivityPush, Environment: "a"})
	enqueue(t, s, platform.Activity{ID: "a2", Type: platform.ActivityRedeploy, Environment: "a"})
	due := func() []string {
		t.Helper()
		list, err := s.DueDeliveries(ctx)
		check(t, err)
		var out []string
		for _, d := range list {
			out = append(out, d.Integration+" "+d.Activity.ID)
		}
		return out
	}
	if diff := cmp.Diff([]string{"h1 a1", "h2 a1"}, due()); diff != "" {
		t.Error(diff)
	}
	list, err := s.DueDeliveries(ctx)
	check(t, err)
	first, second := list[0], list[1]
	first.Attempts = []platform.DeliveryAttempt{{At: noon, Status: 500, Problem: "no", Took: time.Second}}
	first.NextAt = noon.Add(1000 * time.Hour)
	check(t, s.SaveDelivery(ctx, first))
	second.Done, second.Delivered = true, true
	check(t, s.SaveDelivery(ctx, second))
	if diff := cmp.Diff([]string{"h1 a2", "h2 a2"}, due()); diff != "" {
		t.Error(diff)
	}
	got, err := s.Delivery(ctx, first.ID)
	check(t, err)
	if diff := cmp.Diff(first.Attempts, got.Attempts); diff != "" || !got.NextAt.Equal(first.NextAt) {
		t.Errorf("%s, next at %v", diff, got.NextAt)
	}
	check(t, s.DeleteIntegration(ctx, "h1"))
	if diff := cmp.Diff([]string{"h2 a2"}, due()); diff != "" {
		t.Error(diff)
	}
	check(t, s.SaveDelivery(ctx, first)) // it is gone
	if _, err := s.Delivery(ctx, first.ID); platform.ErrorCode(err) != platform.CodeNotFound {
		t.Errorf("the delivery of a deleted integration: %v", err)
	}
}

func TestIntegrationsAndDeliveriesAreLimited(t *testing.T) {
	s := shop(t)
	ctx := t.Context()
	i := webhook(t, s, "h1", everything())
	for n := range 205 {
		enqueue(t, s, platform.Activity{ID: fmt.Sprint("a", n), Type: platform.ActivityRedeploy, Environment: "a"})
	}
	if got := events(t, s, "h1"); len(got) != 200 || got[0] != "a5 environment.redeploy pending" {
		t.Errorf("%d deliveries are kept, from %q", len(got), got[0])
	}
	for n := range 19 {
		webhook(t, s, fmt.Sprint("more", n), everything())
	}
	more := i
	more.ID = "one-more"
	if _, err := s.SaveIntegration(ctx, more); platform.ErrorCode(err) != platform.CodeConflict {
		t.Errorf("the 21st: %v", err)
	}
	i.URL = "https://elsewhere.test/"
	_, err := s.SaveIntegration(ctx, i)
	check(t, err)
	got, err := s.Integration(ctx, "h1")
	check(t, err)
	if got.URL != i.URL || got.SharedKey != "correct-horse" || !got.CreatedAt.Equal(i.CreatedAt) {
		t.Errorf("changed: %+v", got)
	}
	if err := s.DeleteIntegration(ctx, "none"); platform.ErrorCode(err) != platform.CodeNotFound {
		t.Errorf("one that there is not: %v", err)
	}
}

func TestIntegrationsAreSealed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	check(t, s.SaveProject(t.Context(), platform.Project{ID: "shop", DefaultBranch: "main"}))
	webhook(t, s, "h1", everything())
	check(t, s.Close())
	files, err := filepath.Glob(filepath.Join(dir, "sluice.db*"))
	check(t, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		check(t, err)
		if bytes.Contains(data, []byte("hunter2")) || bytes.Contains(data, []byte("correct-horse")) {
			t.Errorf("%s has a secret in the clear", file)
		}
	}
}
