package backup_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/backup"
	"sluice/internal/platform"
)

func policy(t *testing.T, text, zone string) backup.Policy {
	t.Helper()
	p, err := backup.ParsePolicy(text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParsePolicyRefuses(t *testing.T) {
	for _, text := range []string{"yearly=1", "daily", "daily=-1", "daily=x", "daily=1;weekly=2", "daily=100000", "="} {
		if _, err := backup.ParsePolicy(text, "UTC"); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
	if _, err := backup.ParsePolicy("", "Middle/Earth"); err == nil {
		t.Error("an unknown time zone is accepted")
	}
}

func TestDue(t *testing.T) {
	at := func(text string) time.Time {
		out, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, tt := range []struct {
		policy, zone, last, now string
		want                    bool
	}{
		{"", "UTC", "", "2026-03-01T04:00:00Z", false},
		{"daily=1", "UTC", "", "2026-03-01T03:59:59Z", true},
		{"daily=1", "UTC", "2026-03-01T04:00:01Z", "2026-03-02T03:59:59Z", false},
		{"daily=1", "UTC", "2026-03-01T04:00:01Z", "2026-03-02T04:00:00Z", true},
		{"daily=1", "Europe/Berlin", "2026-03-01T04:00:01Z", "2026-03-02T02:59:59Z", false},
		{"daily=1", "Europe/Berlin", "2026-03-01T04:00:01Z", "2026-03-02T03:00:00Z", true},
		{"daily=1", "Europe/Berlin", "2026-03-28T03:00:00Z", "2026-03-29T01:59:59Z", false}, // the night of 23 hours
		{"daily=1", "Europe/Berlin", "2026-03-28T03:00:00Z", "2026-03-29T02:00:00Z", true},
		{"hourly=3,daily=1", "UTC", "2026-03-01T05:10:00Z", "2026-03-01T05:59:00Z", false},
		{"hourly=3,daily=1", "UTC", "2026-03-01T05:10:00Z", "2026-03-01T06:00:00Z", true},
		{"weekly=1", "UTC", "2026-03-02T04:00:00Z", "2026-03-09T03:59:00Z", false}, // Mondays
		{"weekly=1", "UTC", "2026-03-02T04:00:00Z", "2026-03-09T04:00:00Z", true},
		{"monthly=1", "UTC", "2026-02-01T04:00:00Z", "2026-03-01T03:59:00Z", false},
		{"monthly=1", "UTC", "2026-02-01T04:00:00Z", "2026-03-01T04:00:00Z", true},
	} {
		var backups []platform.Backup
		if tt.last != "" {
			backups = []platform.Backup{
				{ID: "s", Automated: true, CreatedAt: at(tt.last)},
				{ID: "manual", CreatedAt: at(tt.now)},
				{ID: "before", Automated: true, Reason: "before an upgrade", CreatedAt: at(tt.now)},
			}
		}
		if got := policy(t, tt.policy, tt.zone).Due(at(tt.now), backups); got != tt.want {
			t.Errorf("%s in %s, last %s, at %s: due = %v", tt.policy, tt.zone, tt.last, tt.now, got)
		}
	}
}

// TestRetention makes a backup every day of a year and looks at what is kept at its end.
func TestRetention(t *testing.T) {
	p := policy(t, "daily=3,weekly=2,monthly=3", "UTC")
	var kept []platform.Backup
	start := time.Date(2026, 1, 1, 4, 0, 30, 0, time.UTC)
	for day := range 365 {
		now := start.AddDate(0, 0, day)
		kept = append(kept, platform.Backup{ID: fmt.Sprintf("d%03d", day), Status: platform.BackupCreated, Automated: true, CreatedAt: now})
		gone := p.Expired(now, kept)
		kept = slices.DeleteFunc(kept, func(b platform.Backup) bool {
			return slices.ContainsFunc(gone, func(g platform.Backup) bool { return g.ID == b.ID })
		})
	}
	var got []string
	for _, b := range kept {
		got = append(got, b.CreatedAt.Format("Mon 2006-01-02"))
	}
	want := "Sat 2026-10-31 Mon 2026-11-30 Sun 2026-12-27 Tue 2026-12-29 Wed 2026-12-30 Thu 2026-12-31"
	if strings.Join(got, " ") != want {
		t.Errorf("kept\n%s, want\n%s", strings.Join(got, " "), want)
	}
}

func TestExpiredLeavesOthersAlone(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	backups := []platform.Backup{
		{ID: "manual", Status: platform.BackupCreated, CreatedAt: now.AddDate(-1, 0, 0)},
		{ID: "expired", Status: platform.BackupCreated, CreatedAt: now.AddDate(-1, 0, 0), ExpiresAt: now},
		{ID: "expires", Status: platform.BackupCreated, CreatedAt: now.AddDate(-1, 0, 0), ExpiresAt: now.Add(time.Second)},
		{ID: "only", Status: platform.BackupCreated, Automated: true, CreatedAt: now.AddDate(-1, 0, 0)},
		{ID: "older", Status: platform.BackupCreated, Automated: true, CreatedAt: now.AddDate(-2, 0, 0)},
		{ID: "making", Status: platform.BackupCreating, Automated: true, CreatedAt: now.AddDate(-1, 0, 0)},
		{ID: "deleting", Status: platform.BackupDeleting, CreatedAt: now.AddDate(-1, 0, 0), ExpiresAt: now},
	}
	got := policy(t, "", "UTC").Expired(now, backups) // no schedule: what it made stays
	if len(got) != 1 || got[0].ID != "expired" {
		t.Errorf("expired: %+v", got)
	}
	got = policy(t, "daily=1", "UTC").Expired(now, backups)
	if len(got) != 2 || got[0].ID != "expired" || got[1].ID != "older" {
		t.Errorf("expired with a schedule: %+v", got)
	}
}

// TestSchedule lets five hours pass.
func TestSchedule(t *testing.T) {
	h := newHouse(t)
	h.policy = policy(t, "hourly=2", "UTC")
	if _, err := h.store.SaveEnvironment(t.Context(), platform.Environment{
		Project: "shop", Name: "stage", MachineName: "stage", Type: platform.Staging, Status: platform.EnvironmentActive, Release: "r1",
	}); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s, _ := h.service(nil)
		ctx, stop := context.WithCancelCause(t.Context())
		done := make(chan struct{})
		go func() { s.Run(ctx); close(done) }()
		for range 5 {
			time.Sleep(time.Hour)
			synctest.Wait()
			h.finish(ctx)
		}
		stop(nil)
		<-done
	})
	states := map[platform.BackupStatus]int{}
	list, err := h.store.Backups(t.Context(), "", "")
	for _, b := range list {
		states[b.Status]++
		if b.Environment != "main" || !b.Automated || b.Safe {
			t.Errorf("backup: %+v", b)
		}
	}
	// The one of each hour; the last two of which are kept, and the newest is being made.
	if err != nil || len(list) != 6 || states[platform.BackupCreated] != 3 || states[platform.BackupDeleting] != 3 {
		t.Errorf("after five hours: %v, %v", states, err)
	}
}

// finish makes backups that were queued complete.
func (h *house) finish(ctx context.Context) {
	h.t.Helper()
	list, err := h.store.Backups(ctx, "", "")
	if err != nil {
		h.t.Fatal(err)
	}
	for _, b := range list {
		if b.Status == platform.BackupCreating {
			b.Status = platform.BackupCreated
			if err := h.store.SaveBackup(ctx, b); err != nil {
				h.t.Fatal(err)
			}
		}
	}
}
