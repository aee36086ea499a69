package deploy_test

import (
	"errors"
	"strings"
	"testing"

	"sluice/internal/deploy"
	"sluice/internal/plan"
	"sluice/internal/platform"
)

// changed is a world whose second release changed the schema: r1 served on other data.
func changed(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.options.SharedSnapshots = true
	toolkit := func(page string) map[string]string {
		return shop(".magento.app.yaml", app("ece-tools run scenario/deploy.xml"), "pub/index.php", page)
	}
	w.toolkitSays("::sluice::touch x\n::sluice::data d1\n")
	w.push(toolkit("1"))
	w.snapshots.Write(w.env().ID(), dataPart, dataFile, "old schema")
	w.toolkitSays("::sluice::touch x\n::sluice::data d2\n")
	if out, a := w.push(toolkit("2")); a.Result != platform.ResultSuccess {
		t.Fatal(out)
	}
	w.snapshots.Write(w.env().ID(), dataPart, dataFile, "new schema")
	w.toolkitSays("::sluice::data d1\n")
	return w
}

func withData() platform.RollbackRequest {
	return platform.RollbackRequest{Release: "r1", WithData: true}
}

func TestRollbackWithData(t *testing.T) {
	w := changed(t)
	targets, err := w.service(nil).Releases(t.Context(), "shop", "main")
	if err != nil || len(targets) != 2 || targets[1].Fits || targets[1].DataOf.IsZero() || !targets[0].DataOf.IsZero() {
		t.Fatalf("%+v, %v", targets, err)
	}
	builds := len(w.builder.Builds())
	out, a := w.rollback(withData())
	if a.Result != platform.ResultSuccess || w.dataOf("main") != "old schema" || len(w.builder.Builds()) != builds {
		t.Errorf("%s %s, data %q\n%s", a.Result, a.Reason, w.dataOf("main"), out)
	}
	if !strings.Contains(out, "what was written in the last ") {
		t.Errorf("the log does not say what is lost:\n%s", out)
	}
	now, err := w.store.Release(t.Context(), "shop", "main", "r3")
	if err != nil || now.Data["mymagento"] != platform.SchemaState("d1") {
		t.Errorf("the data is recorded as %v, %v", now.Data, err)
	}
}

func TestRollbackWithDataThatWasNotKept(t *testing.T) {
	w := newWorld(t)
	w.push(shop())
	w.push(shop("pub/index.php", "2"))
	_, err := w.service(nil).Rollback(t.Context(), "shop", "main", withData(), jane())
	if platform.ErrorCode(err) != platform.CodeConflict || !strings.Contains(err.Error(), "was not kept") {
		t.Errorf("got %v", err)
	}
	if left, _ := w.snapshots.List(t.Context(), ""); len(left) > 0 {
		t.Errorf("snapshots that take long were taken: %v", left)
	}
}

// TestRollbackWithDataThatIsTooOld: the snapshot was removed, its release names it still.
func TestRollbackWithDataThatIsTooOld(t *testing.T) {
	w := changed(t)
	r2, err := w.store.Release(t.Context(), "shop", "main", "r2")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.snapshots.Remove(t.Context(), r2.Before); err != nil {
		t.Fatal(err)
	}
	_, err = w.service(nil).Rollback(t.Context(), "shop", "main", withData(), jane())
	if platform.ErrorCode(err) != platform.CodeConflict || !strings.Contains(err.Error(), "was not kept") || !strings.Contains(platform.ErrorHint(err), "backup:list") {
		t.Errorf("got %v, hint %q", err, platform.ErrorHint(err))
	}
	targets, err := w.service(nil).Releases(t.Context(), "shop", "main")
	if err != nil || !targets[1].DataOf.IsZero() {
		t.Errorf("%+v, %v", targets, err)
	}
}

// TestAFailedRollbackKeepsTheData, and the snapshot for the next try.
func TestAFailedRollbackKeepsTheData(t *testing.T) {
	w := changed(t)
	w.engine.Before("Start", failOnce(errors.New("broken")))
	_, a := w.rollback(withData())
	if a.Result != platform.ResultFailure || w.dataOf("main") != "new schema" || w.gate.State() != "open r2" {
		t.Errorf("%s, data %q, visitors meet %q", a.Result, w.dataOf("main"), w.gate.State())
	}
	w.engine.Before("Start", nil)
	if _, a := w.rollback(withData()); a.Result != platform.ResultSuccess || w.dataOf("main") != "old schema" {
		t.Errorf("again: %s %s, data %q", a.Result, a.Reason, w.dataOf("main"))
	}
}

func TestCrashOfARollbackWithDataAtEveryStep(t *testing.T) {
	for _, row := range plan.DataTable() {
		if row.Name == platform.StepBuild {
			continue
		}
		t.Run(string(row.Name), func(t *testing.T) {
			w := changed(t)
			w.crashIn(row.Name, func(s *deploy.Service) error {
				_, err := s.Rollback(t.Context(), "shop", "main", withData(), jane())
				return err
			})
			w.engine = w.engine.Reopen()
			if err := w.service(nil).Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			data, state := "new schema", "open r2"
			if row.Reach == platform.Live {
				data, state = "old schema", "open r3"
			}
			if w.dataOf("main") != data || w.gate.State() != state {
				t.Errorf("data %q, visitors meet %q: %s", w.dataOf("main"), w.gate.State(), w.last().Reason)
			}
		})
	}
}
