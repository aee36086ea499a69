package backup_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/backup"
	"sluice/internal/backup/backuptest"
	"sluice/internal/feed"
	"sluice/internal/platform"
	"sluice/internal/snapshot"
	"sluice/internal/snapshot/snapshottest"
	"sluice/internal/store"
	"sluice/internal/work"
)

const (
	part = "service:mysql"
	file = "ibdata1"
)

// house is what outlives a crash of the control plane.
type house struct {
	t          *testing.T
	store      *store.Store
	feed       *feed.Feed
	sealer     *store.Sealer
	snapshots  *snapshottest.Fake
	repository *backuptest.Repository
	env        platform.Environment
	policy     backup.Policy
	tried      int // how often data was tried out
	onStep     func(string)
}

func newHouse(t *testing.T) *house {
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
	h := &house{t: t, store: s, feed: logs, sealer: sealer, snapshots: snapshottest.NewFake(t.TempDir()), repository: &backuptest.Repository{}}
	if err := s.SaveProject(t.Context(), platform.Project{ID: "shop", DefaultBranch: "main", Entropy: "e"}); err != nil {
		t.Fatal(err)
	}
	h.env, err = s.SaveEnvironment(t.Context(), platform.Environment{
		Project: "shop", Name: "main", MachineName: platform.MachineName("shop", "main"), Type: platform.Production,
		Status: platform.EnvironmentActive, Release: "r1",
	})
	if err != nil {
		t.Fatal(err)
	}
	release := platform.Release{ID: "r1", Project: "shop", Env: "main", Commit: strings.Repeat("a", 40), State: platform.ReleaseLive, LiveAt: time.Now(), Spec: json.RawMessage(`{"secret":1}`)}
	if err := s.SaveRelease(t.Context(), release); err != nil {
		t.Fatal(err)
	}
	variable := platform.Variable{Name: "env:KEY", Value: "hunter2", Sensitive: true, Environment: "main"}
	if err := s.SaveVariable(t.Context(), "shop", variable); err != nil {
		t.Fatal(err)
	}
	h.snapshots.Write(h.env.ID(), part, file, "orders")
	return h
}

// ServiceVersions implements backup.Pipeline.
func (h *house) ServiceVersions(platform.Release) (map[string]string, error) {
	return map[string]string{"mysql": "mysql:10.11"}, nil
}

// TryData implements backup.Pipeline.
func (h *house) TryData(ctx context.Context, _ platform.Release, _ platform.EnvironmentID, id string, _ io.Writer) (map[string]int64, error) {
	h.tried++
	_, err := h.snapshots.Snapshot(ctx, id)
	return map[string]int64{"mysql/main.orders": 7}, err
}

// DropTry implements backup.Pipeline.
func (h *house) DropTry(context.Context, platform.EnvironmentID, string) error { return nil }

// service is a control plane.
func (h *house) service(onStep func(platform.Step)) (*backup.Service, *work.Queue) {
	log := slog.New(slog.DiscardHandler)
	q := work.New(h.store, h.feed, log, work.Options{Workers: 2, OnStep: onStep})
	s := backup.New(backup.Dependencies{
		Records: h.store, Queue: q, Snapshots: h.snapshots, Repository: h.repository,
		Pipeline: func() backup.Pipeline { return h }, Sealer: h.sealer, Log: log,
	}, backup.Options{Version: "test", Policy: h.policy, OnStep: h.onStep})
	return s, q
}

// run lets a control plane work until an activity is final, and returns that.
func (h *house) run(begin func(*backup.Service) (platform.Activity, error)) platform.Activity {
	h.t.Helper()
	s, q := h.service(nil)
	ctx, stop := context.WithCancelCause(h.t.Context())
	var group sync.WaitGroup
	group.Go(func() { _ = q.Run(ctx) })
	defer group.Wait()
	defer stop(io.EOF)
	a, err := begin(s)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.feed.Follow(ctx, a.ID, io.Discard); err != nil {
		h.t.Fatal(err)
	}
	a, err = h.store.Activity(h.t.Context(), a.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

var jane = platform.Actor{ID: "jane", Name: "Jane"}

func (h *house) create() (platform.Backup, platform.Activity) {
	h.t.Helper()
	var b platform.Backup
	a := h.run(func(s *backup.Service) (a platform.Activity, err error) {
		b, a, err = s.Create(h.t.Context(), "shop", "main", backup.Request{Live: true}, jane)
		return a, err
	})
	if got, err := h.store.Backup(h.t.Context(), b.ID); err == nil {
		b = got
	}
	return b, a
}

// wantClean checks that there are as many backups as given, with as many in the repository,
// and no snapshot.
func (h *house) wantClean(backups int) {
	h.t.Helper()
	records, err := h.store.Backups(h.t.Context(), "", "")
	if err != nil || len(records) != backups {
		h.t.Errorf("records: %+v, %v, want %d", records, err, backups)
	}
	h.repository.Fail = nil
	if stored, err := h.repository.List(h.t.Context()); err != nil || len(stored) != backups {
		h.t.Errorf("in the repository: %+v, %v, want %d", stored, err, backups)
	}
	if left, err := h.snapshots.List(h.t.Context(), ""); err != nil || len(left) != 0 {
		h.t.Errorf("snapshots are left: %+v, %v", left, err)
	}
}

func TestCreate(t *testing.T) {
	h := newHouse(t)
	b, a := h.create()
	if a.Result != platform.ResultSuccess || a.Parameters[platform.ParameterBackup] != b.ID {
		t.Fatalf("activity: %s %s %v", a.Result, a.Reason, a.Parameters)
	}
	if !b.Restorable() || b.Safe || b.Commit != strings.Repeat("a", 40) || b.Release != "r1" || b.Files != 1 || b.Bytes != 6 {
		t.Errorf("backup: %+v", b)
	}
	data, err := h.repository.Manifest(t.Context(), b.Stored)
	if err != nil || strings.Contains(string(data), "hunter2") || strings.Contains(string(data), "secret\"") {
		t.Errorf("manifest: %s, %v", data, err)
	}
	var m platform.BackupManifest
	if err := json.Unmarshal(data, &m); err != nil || m.Format != 1 || m.Services["mysql"] != "mysql:10.11" || len(m.Parts) != 1 || m.Parts[0].Bytes != 6 {
		t.Errorf("manifest: %+v, %v", m, err)
	}
	var sealed []byte
	if err := json.Unmarshal(m.Sealed, &sealed); err != nil {
		t.Fatal(err)
	}
	if plain, err := h.sealer.Unseal(sealed); err != nil || !strings.Contains(string(plain), "hunter2") {
		t.Errorf("sealed: %s, %v", plain, err)
	}
	h.wantClean(1)
}

func TestCreateThatFailsLeavesNothing(t *testing.T) {
	for _, where := range []string{"Take", "Open", "Save", "Remove"} {
		t.Run(where, func(t *testing.T) {
			h := newHouse(t)
			fail := func(method string) error {
				if method == where {
					return errors.New("no room")
				}
				return nil
			}
			h.snapshots.Fail, h.repository.Fail = fail, fail
			_, a := h.create()
			if a.Result != platform.ResultFailure || !strings.Contains(a.Reason, "no room") {
				t.Errorf("activity: %s %q", a.Result, a.Reason)
			}
			h.snapshots.Fail, h.repository.Fail = nil, nil
			if where == "Remove" { // the backup was made; its snapshot is left until the next start
				s, _ := h.service(nil)
				if err := s.Sweep(t.Context()); err != nil {
					t.Error(err)
				}
				h.wantClean(1)
				return
			}
			h.wantClean(0)
		})
	}
}

// TestTheEnvironmentIsFreeWhileABackupIsSaved: another activity of it runs meanwhile.
func TestTheEnvironmentIsFreeWhileABackupIsSaved(t *testing.T) {
	h := newHouse(t)
	saving, enough := make(chan struct{}), make(chan struct{})
	var once sync.Once
	h.repository.Fail = func(method string) error {
		if method == "Save" {
			once.Do(func() { close(saving) })
			<-enough
		}
		return nil
	}
	s, q := h.service(nil)
	ctx, stop := context.WithCancelCause(t.Context())
	var group sync.WaitGroup
	group.Go(func() { _ = q.Run(ctx) })
	_, a, err := s.Create(ctx, "shop", "main", backup.Request{}, jane)
	if err != nil {
		t.Fatal(err)
	}
	<-saving
	if _, err := h.store.Enqueue(ctx, platform.Activity{ID: "another", Type: platform.ActivityRedeploy, Project: "shop", Environment: "main"}); err != nil {
		t.Fatal(err)
	}
	if second, claimed, err := h.store.Claim(ctx, 0); err != nil || !claimed || second.ID != "another" {
		t.Errorf("claimed %q: %v, %v, want the other activity", second.ID, claimed, err)
	}
	close(enough)
	if err := h.feed.Follow(ctx, a.ID, io.Discard); err != nil {
		t.Fatal(err)
	}
	stop(io.EOF)
	group.Wait()
	h.wantClean(1)
}

// TestCrashOfABackup ends the control plane at each step and starts another one.
func TestCrashOfABackup(t *testing.T) {
	for _, step := range []platform.Step{platform.StepSnapshot, platform.StepSave} {
		t.Run(string(step), func(t *testing.T) {
			h := newHouse(t)
			crashed := make(chan struct{})
			s, q := h.service(func(at platform.Step) {
				if at == step {
					close(crashed)
					runtime.Goexit()
				}
			})
			ctx, stop := context.WithCancelCause(t.Context())
			var group sync.WaitGroup
			group.Go(func() { _ = q.Run(ctx) })
			if _, _, err := s.Create(ctx, "shop", "main", backup.Request{}, jane); err != nil {
				t.Fatal(err)
			}
			<-crashed
			stop(io.EOF)
			group.Wait()

			s, q = h.service(nil)
			if _, err := q.Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.wantClean(0)
			if _, a := h.create(); a.Result != platform.ResultSuccess {
				t.Errorf("the next backup: %s", a.Reason)
			}
			h.wantClean(1)
		})
	}
}

// TestCreateWithoutRoom refuses with the numbers, and saves nothing.
func TestCreateWithoutRoom(t *testing.T) {
	h := newHouse(t)
	h.repository.Free = 256<<20 + 3
	_, a := h.create()
	if a.Result != platform.ResultFailure || !strings.Contains(a.Reason, "the backup would not fit") || !strings.Contains(a.Reason, "256.0 MB are free") {
		t.Errorf("%s %s", a.Result, a.Reason)
	}
	h.wantClean(0)
	h.repository.Free = 256<<20 + 6
	if _, a := h.create(); a.Result != platform.ResultSuccess {
		t.Error(a.Reason)
	}
	h.repository.Free = 256<<20 + 3 // enough for what little may have changed
	if _, a := h.create(); a.Result != platform.ResultSuccess {
		t.Error(a.Reason)
	}
	h.wantClean(2)
}

// keep makes a backup as a part of another activity.
func (h *house) keep(s *backup.Service) (platform.Backup, error) {
	return s.Keep(h.t.Context(), h.env, backup.Request{
		Live: true, Automated: true, Reason: "before an upgrade", Before: "r2", Activity: "push", ExpiresAt: time.Now().Add(time.Hour),
	}, work.NewLogbook(io.Discard))
}

func TestKeep(t *testing.T) {
	h := newHouse(t)
	s, _ := h.service(nil)
	b, err := h.keep(s)
	if err != nil || !b.Restorable() || b.Before != "r2" || b.Release != "r1" || b.ExpiresAt.IsZero() {
		t.Errorf("backup: %+v, %v", b, err)
	}
	h.wantClean(1)
	h.repository.Fail = func(method string) error {
		if method == "Save" {
			return errors.New("no room")
		}
		return nil
	}
	if _, err := h.keep(s); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("got %v", err)
	}
	h.repository.Fail = nil
	h.wantClean(1)
}

// TestCrashOfAKeptBackup: what is left of it goes once its activity has ended, and not before.
func TestCrashOfAKeptBackup(t *testing.T) {
	for _, step := range []string{"taken", "saved"} {
		t.Run(step, func(t *testing.T) {
			h := newHouse(t)
			push := platform.Activity{ID: "push", Type: platform.ActivityPush, Project: "shop", Environment: "main"}
			if _, err := h.store.Enqueue(t.Context(), push); err != nil {
				t.Fatal(err)
			}
			h.onStep = func(at string) {
				if at == step {
					runtime.Goexit()
				}
			}
			s, _ := h.service(nil)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = h.keep(s)
			}()
			<-ended
			h.onStep = nil
			s, _ = h.service(nil)
			if err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if left, err := h.snapshots.List(t.Context(), ""); err != nil || len(left) != 1 {
				t.Errorf("snapshots of a backup in the making: %v, %v", left, err)
			}
			if _, ok, err := h.store.CancelPending(t.Context(), "push", "crashed"); err != nil || !ok {
				t.Fatal(err)
			}
			h.age()
			if err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.wantClean(0)
		})
	}
}

// age makes all records older than those of activities that are just being queued.
func (h *house) age() {
	h.t.Helper()
	list, err := h.store.Backups(h.t.Context(), "", "")
	if err != nil {
		h.t.Fatal(err)
	}
	for _, b := range list {
		b.CreatedAt = b.CreatedAt.Add(-time.Hour)
		if err := h.store.SaveBackup(h.t.Context(), b); err != nil {
			h.t.Fatal(err)
		}
	}
}

// TestSweepForgetsPartialBackups: a backup reached the repository, and its record did not
// say so when the process died.
func TestSweepForgetsPartialBackups(t *testing.T) {
	h := newHouse(t)
	b := platform.Backup{ID: "lost", Project: "shop", Environment: "main", Status: platform.BackupCreating, CreatedAt: time.Now().Add(-time.Hour)}
	if err := h.store.SaveBackup(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if _, err := h.repository.Save(t.Context(), backup.SaveRequest{ID: "lost", Environment: h.env.ID(), Dir: t.TempDir()}, io.Discard); err != nil {
		t.Fatal(err)
	}
	s, _ := h.service(nil)
	waiting, _, err := s.Create(t.Context(), "shop", "main", backup.Request{}, jane) // no queue runs yet
	if err != nil {
		t.Fatal(err)
	}
	waiting.CreatedAt = b.CreatedAt
	if err := h.store.SaveBackup(t.Context(), waiting); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list, err := h.store.Backups(t.Context(), "", ""); err != nil || len(list) != 1 || list[0].ID != waiting.ID {
		t.Errorf("after the sweep: %+v, %v, want the one that waits", list, err)
	}
	if stored, err := h.repository.List(t.Context()); err != nil || len(stored) != 0 {
		t.Errorf("in the repository: %+v, %v", stored, err)
	}
}

// TestBackupsOfAnEarlierProjectAreHidden: an identifier that is free again may be another
// customer's.
func TestBackupsOfAnEarlierProjectAreHidden(t *testing.T) {
	h := newHouse(t)
	p, err := h.store.Project(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	b := platform.Backup{ID: "theirs", Project: "shop", Environment: "main", Status: platform.BackupCreated, CreatedAt: p.CreatedAt.Add(-time.Second)}
	if err := h.store.SaveBackup(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	s, _ := h.service(nil)
	if list, err := s.Backups(t.Context(), "shop", "main"); err != nil || len(list) != 0 {
		t.Errorf("Backups: %+v, %v", list, err)
	}
	for what, err := range map[string]error{
		"Restorable": second(s.Restorable(t.Context(), "shop", "main", "theirs")),
		"Archive":    s.Archive(t.Context(), "shop", "main", "theirs", io.Discard),
		"Delete":     second(s.Delete(t.Context(), "shop", "main", "theirs", jane)),
	} {
		if platform.ErrorCode(err) != platform.CodeNotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestFetch(t *testing.T) {
	h := newHouse(t)
	b, _ := h.create()
	h.snapshots.Write(h.env.ID(), part, file, "later")
	s, _ := h.service(nil)
	id, m, err := s.Fetch(t.Context(), b.ID, "shop-other", "a restore", io.Discard)
	if err != nil || m.Services["mysql"] != "mysql:10.11" || m.Type != platform.Production {
		t.Fatalf("Fetch: %+v, %v", m, err)
	}
	if _, err := h.snapshots.Plant(t.Context(), snapshot.PlantRequest{Snapshot: id, Environment: "shop-other"}, io.Discard); err != nil {
		t.Fatal(err)
	}
	if got, _ := h.snapshots.Read("shop-other", part, file); got != "orders" {
		t.Errorf("fetched %q", got)
	}
}

func TestVerifyAndDelete(t *testing.T) {
	h := newHouse(t)
	b, _ := h.create()
	a := h.run(func(s *backup.Service) (platform.Activity, error) {
		return s.Verify(t.Context(), "shop", "main", b.ID[:6], jane)
	})
	b, err := h.store.Backup(t.Context(), b.ID)
	if a.Result != platform.ResultSuccess || err != nil || !strings.Contains(b.Verified, "1 tables have 7 rows") || b.VerifiedAt.IsZero() || h.tried != 1 {
		t.Errorf("verify: %s %s, %+v, %v", a.Result, a.Reason, b, err)
	}
	h.wantClean(1)

	h.repository.Fail = func(string) error { return errors.New("the target is gone") }
	remove := func(s *backup.Service) (platform.Activity, error) {
		return s.Delete(t.Context(), "shop", "main", b.ID, jane)
	}
	if a := h.run(remove); a.Result != platform.ResultFailure {
		t.Errorf("delete without a repository: %s", a.Result)
	}
	if b, err := h.store.Backup(t.Context(), b.ID); err != nil || b.Status != platform.BackupDeleting {
		t.Errorf("after a failed deletion: %+v, %v", b, err)
	}
	h.repository.Fail = nil
	if a := h.run(remove); a.Result != platform.ResultSuccess {
		t.Errorf("delete: %s", a.Reason)
	}
	h.wantClean(0)
}

func TestRefusals(t *testing.T) {
	h := newHouse(t)
	b, _ := h.create()
	s, _ := h.service(nil)
	for what, err := range map[string]error{
		"unknown environment": second(s.Backups(t.Context(), "shop", "none")),
		"unknown backup":      second(s.Backup(t.Context(), "shop", "main", "zzz")),
		"empty identifier":    second(s.Backup(t.Context(), "shop", "main", "")),
		"other environment":   second(s.Backup(t.Context(), "other", "main", b.ID)),
	} {
		if platform.ErrorCode(err) != platform.CodeNotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	b.Status = platform.BackupDeleting
	if err := h.store.SaveBackup(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Restorable(t.Context(), "shop", "main", b.ID); platform.ErrorCode(err) != platform.CodeConflict {
		t.Errorf("a backup that is deleted: %v", err)
	}
	h.env.Status, h.env.Release = platform.EnvironmentInactive, ""
	if _, err := h.store.SaveEnvironment(t.Context(), h.env); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Create(t.Context(), "shop", "main", backup.Request{}, jane); platform.ErrorCode(err) != platform.CodeConflict {
		t.Errorf("an inactive environment: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }
