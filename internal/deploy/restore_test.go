package deploy_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/contract"
	"sluice/internal/deploy"
	"sluice/internal/engine"
	"sluice/internal/engine/enginetest"
	"sluice/internal/plan"
	"sluice/internal/platform"
	"sluice/internal/snapshot"
	"sluice/internal/snapshot/snapshottest"
	"sluice/internal/topology"
	"sluice/internal/work"
)

// fakeBackups is one backup, whose file says "saved", and those that deployments make.
type fakeBackups struct {
	snapshots *snapshottest.Fake
	version   string // of the service; empty: the shop's own
	fail      error

	kept []platform.Backup
	data map[string]string // by backup
}

func (b *fakeBackups) Keep(_ context.Context, env platform.Environment, req deploy.KeepRequest, _ *work.Logbook) (platform.Backup, error) {
	if b.fail != nil {
		return platform.Backup{}, b.fail
	}
	one := platform.Backup{
		ID: platform.NewID(), Project: env.Project, Environment: env.Name, Status: platform.BackupCreated, Automated: true,
		Reason: req.Reason, Before: req.Before, Activity: req.Activity, ExpiresAt: req.ExpiresAt, CreatedAt: time.Now().UTC(),
	}
	content, _ := b.snapshots.Read(env.ID(), dataPart, dataFile)
	b.kept, b.data[one.ID] = append(b.kept, one), content
	return one, nil
}

func (b *fakeBackups) Backups(context.Context, string, string) ([]platform.Backup, error) {
	return slices.Clone(b.kept), nil
}

const (
	dataFile = "ibdata1"
	dataPart = "service:mysql"
)

func (b *fakeBackups) Fetch(ctx context.Context, id string, env platform.EnvironmentID, log io.Writer) (string, platform.BackupManifest, error) {
	if b.fail != nil {
		return "", platform.BackupManifest{}, b.fail
	}
	content, ok := b.data[id]
	if !ok {
		content = "saved"
	}
	s, err := b.snapshots.Receive(ctx, snapshot.Request{Environment: env, Reason: deploy.FetchedFor(id)}, func(_ context.Context, dir string) error {
		for file, content := range map[string]string{"services/mysql/" + dataFile: content, "services/gone/x": "of a service that is not declared"} {
			file = filepath.Join(dir, file)
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(content), 0o600)); err != nil {
				return err
			}
		}
		return nil
	}, log)
	services := map[string]string{"mysql": cmp.Or(b.version, "mysql:10.6")}
	return s.ID, platform.BackupManifest{Type: platform.Production, Services: services}, err
}

// restorable is a world whose shop has data that was there before.
func restorable(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	if out, a := w.push(databaseShop); a.Result != platform.ResultSuccess {
		t.Fatalf("push: %s", out)
	}
	w.snapshots.Write(w.env().ID(), dataPart, dataFile, "live")
	return w
}

// failing fails the calls of one method of a fake.
func failing(method string, err error) func(method string) error {
	return func(called string) error {
		if called == method {
			return err
		}
		return nil
	}
}

// failOnce fails the first call.
func failOnce(err error) enginetest.Hook {
	return func(context.Context, enginetest.Call) error {
		defer func() { err = nil }()
		return err
	}
}

func backupOfMain() platform.Backup {
	return platform.Backup{ID: "b1", Project: "shop", Environment: "main", Status: platform.BackupCreated}
}

func (w *world) beginRestore(s *deploy.Service) (platform.Activity, error) {
	return s.Restore(w.t.Context(), backupOfMain(), platform.RestoreRequest{}, platform.Actor{Name: "Jane"})
}

// wantData checks what the environment's data is, and that no snapshot is left.
func (w *world) wantData(content string) {
	w.t.Helper()
	if got := w.dataOf("main"); got != content {
		w.t.Errorf("the data is %q, want %q", got, content)
	}
	w.wantNoSnapshots()
}

func TestRestore(t *testing.T) {
	w := restorable(t)
	hooks := 0
	w.engine.OnExec(func(_ context.Context, req engine.ExecRequest) (int, error) {
		if slices.Contains(req.Command, topology.DeployHook) {
			hooks++
		}
		return 0, nil
	})
	env := w.env().ID()
	w.engine.Before("Prepare", func(context.Context, enginetest.Call) error { // services start on the restored data
		if got, _ := w.snapshots.Read(env, dataPart, dataFile); got != "saved" {
			t.Errorf("services start on %q", got)
		}
		return nil
	})
	w.gate.events = nil
	log := w.queued(w.beginRestore)
	if a := w.last(); a.Result != platform.ResultSuccess || a.Type != platform.ActivityRestore {
		t.Fatalf("restore: %s\n%s", a.Reason, log)
	}
	w.wantData("saved")
	if want := []string{"hold", "commit", "publish r2"}; !slices.Equal(w.gate.events, want) {
		t.Errorf("the router got %v, want %v", w.gate.events, want)
	}
	if !strings.Contains(log, "W: service:gone is left out, because this code does not declare it") {
		t.Errorf("log:\n%s", log)
	}
	w.wantNothingLeft()
}

func TestRestoreThatFailsPutsTheDataBack(t *testing.T) {
	for _, tt := range []struct {
		name, says string
		prepare    func(w *world)
	}{
		{"the backup is gone", "no such pack; the old release keeps serving", func(w *world) { w.backups.fail = errors.New("no such pack") }},
		{"later version", "is of mysql:11.4, which mysql:10.11 cannot read; nothing was changed", func(w *world) { w.backups.version = "mysql:11.4" }},
		{"other program", "is of postgresql:9, which mysql:10.11 cannot read", func(w *world) { w.backups.version = "postgresql:9" }},
		{"no room", "replace the data: no room", func(w *world) { w.snapshots.Fail = failing("Plant", errors.New("no room")) }},
		{"service does not start", "'mysql' did not start", func(w *world) {
			w.engine.Before("Prepare", failOnce(&engine.Failure{Container: "mysql", Message: "corrupt"}))
		}},
		{"application does not start", "'mymagento' did not start", func(w *world) {
			w.engine.Before("Start", failOnce(&engine.Failure{Container: "mymagento", Message: "exited"}))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := restorable(t)
			tt.prepare(w)
			log := w.queued(w.beginRestore)
			if a := w.last(); a.Result != platform.ResultFailure || !strings.Contains(log, tt.says) {
				t.Errorf("restore: %s, want %q in\n%s", a.Result, tt.says, log)
			}
			w.wantData("live")
			if got := w.gate.State(); got != "open r1" {
				t.Errorf("visitors meet %q", got)
			}
			w.wantNothingLeft()
		})
	}
}

// TestCrashOfARestoreAtEveryStep: before the new data serves, the old data is put back.
func TestCrashOfARestoreAtEveryStep(t *testing.T) {
	for _, row := range plan.DataTable() {
		t.Run(string(row.Name), func(t *testing.T) {
			w := restorable(t)
			w.crashIn(row.Name, func(s *deploy.Service) error {
				_, err := w.beginRestore(s)
				return err
			})
			w.recoverRestore(row.Reach == platform.Live)
		})
	}
}

// TestCrashAfterTheDataWasReplaced: only the snapshots know that it was.
func TestCrashAfterTheDataWasReplaced(t *testing.T) {
	w := restorable(t)
	w.crashIn(platform.StepStart, func(s *deploy.Service) error {
		_, err := w.beginRestore(s)
		return err
	})
	if got := w.dataOf("main"); got != "saved" {
		t.Fatalf("the data is %q before the recovery", got)
	}
	w.recoverRestore(false)
}

func (w *world) recoverRestore(completed bool) {
	w.t.Helper()
	w.engine, w.crons.release = w.engine.Reopen(), ""
	if err := w.service(nil).Recover(w.t.Context()); err != nil {
		w.t.Fatalf("recover: %v", err)
	}
	data, state, result := "live", "open r1", platform.ResultFailure
	if completed {
		data, state, result = "saved", "open r2", platform.ResultSuccess
	}
	w.wantData(data)
	a := w.last()
	if got := w.gate.State(); got != state || a.Result != result {
		w.t.Errorf("visitors meet %q after %q, want %q after %q\n%s", got, a.Result, state, result, w.log(a))
	}
	w.wantNothingLeft()
	w.wantRepairedBy(databaseShop)
}

// TestRestoreOutsideOfProduction restores production's backup to an environment that does not
// exist yet: it is branched, and its data sanitised before any other program works on it.
func TestRestoreOutsideOfProduction(t *testing.T) {
	for _, tt := range []struct {
		name string
		keep bool
		want []string
	}{
		{"sanitised", false, []string{contract.SanitizeCommand + " main sanitized", topology.CloneHook + " main sanitized", topology.DeployHook + "  "}},
		{"kept on request", true, []string{contract.SanitizeConfigCommand + " main kept", topology.CloneHook + " main kept", topology.DeployHook + "  "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := filled(t, shop(".sluice.yaml", "clone:\n  hook: |\n    echo cloned\n"))
			ran := w.ran("try")
			out := w.queued(func(s *deploy.Service) (platform.Activity, error) {
				return s.Restore(t.Context(), backupOfMain(), platform.RestoreRequest{Target: "try", KeepPersonalData: tt.keep}, platform.Actor{Name: "Jane"})
			})
			a := w.last()
			if a.Result != platform.ResultSuccess || len(a.Also) > 0 {
				t.Fatalf("%s, locks %v: %s\n%s", a.Result, a.Also, a.Reason, out)
			}
			if !slices.Equal(*ran, tt.want) {
				t.Errorf("ran %q, want %q", *ran, tt.want)
			}
			env := w.environment("try")
			if env.Parent != "main" || w.repositories.branches["try"] != env.HeadCommit || w.gate.StateOf(env.ID()) != "open r1" {
				t.Errorf("environment %+v, visitors meet %q", env, w.gate.StateOf(env.ID()))
			}
			w.wantNoSnapshots()
		})
	}
}

// TestRestoreToItself is no copy: nothing is sanitised.
func TestRestoreToItself(t *testing.T) {
	w := restorable(t)
	ran := w.ran("main")
	w.queued(w.beginRestore)
	for _, line := range *ran {
		if strings.Contains(line, contract.SanitizeCommand) {
			t.Errorf("ran %q", line)
		}
	}
	if a := w.last(); a.Result != platform.ResultSuccess {
		t.Error(a.Reason)
	}
}
