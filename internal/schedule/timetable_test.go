package schedule

import (
	"testing"
	"time"

	"sluice/internal/platform"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMissedRunsAreMerged(t *testing.T) {
	jobs := []platform.CronJob{{Name: "often", Spec: "* * * * *"}, {Name: "hourly", Spec: "0 * * * *"}}
	table, problems := newTimetable(platform.CronPlan{Project: "shop"}, jobs)
	if len(problems) != 0 {
		t.Fatal(problems)
	}
	now := at(t, "2026-01-01T10:58:30Z")
	job, due, ok := table.next(now)
	if !ok || job.Name != "often" || !due.Equal(at(t, "2026-01-01T10:59:00Z")) {
		t.Fatalf("next = %s at %s", job.Name, due)
	}
	// The job ran for three minutes: one run of each is due at once, not three.
	now = at(t, "2026-01-01T11:02:10Z")
	var names []string
	for range 3 {
		job, due, _ = table.next(now)
		names = append(names, job.Name)
		if due.After(now) {
			break
		}
	}
	if len(names) != 3 || names[0] == names[1] || due.Before(now) {
		t.Errorf("given out: %v, the last at %s", names, due)
	}
}

func TestInvalidSpecsAreLeftOut(t *testing.T) {
	jobs := []platform.CronJob{{Name: "bad", Spec: "61 * * * *"}, {Name: "good", Spec: "5 4 * * 0"}}
	table, problems := newTimetable(platform.CronPlan{Timezone: "Europe/Nowhere"}, jobs)
	if len(problems) != 2 {
		t.Errorf("problems = %v, want one for the time zone and one for the spec", problems)
	}
	if job, _, ok := table.next(at(t, "2026-01-01T00:00:00Z")); !ok || job.Name != "good" {
		t.Errorf("next = %q, %t", job.Name, ok)
	}
}

func TestTimezone(t *testing.T) {
	table, problems := newTimetable(platform.CronPlan{Timezone: "Asia/Tokyo"}, []platform.CronJob{{Name: "n", Spec: "0 3 * * *"}})
	if len(problems) != 0 {
		t.Skipf("no time zone data: %v", problems)
	}
	_, due, _ := table.next(at(t, "2026-01-01T00:00:00Z"))
	if want := at(t, "2026-01-01T18:00:00Z"); !due.Equal(want) {
		t.Errorf("due %s, want %s", due.UTC(), want)
	}
}

func TestSpread(t *testing.T) {
	first := spread("H H(0-5) * * H", "shop/a")
	if first != spread("H H(0-5) * * H", "shop/a") {
		t.Error("the same cron is spread differently")
	}
	seen := map[string]bool{}
	for _, seed := range []string{"shop/a", "shop/b", "other/a", "third/x", "third/y"} {
		s := spread("H/15 * * * *", seed)
		seen[s] = true
		table, problems := newTimetable(platform.CronPlan{}, []platform.CronJob{{Spec: s}})
		if len(problems) != 0 || len(table.entries) != 1 {
			t.Errorf("%q does not parse: %v", s, problems)
		}
	}
	if len(seen) < 2 {
		t.Error("all crons start at the same minute")
	}
}
