package deploy_test

import (
	"slices"
	"strings"
	"testing"

	"sluice/internal/deploy"
	"sluice/internal/platform"
)

// rollback deploys a stored release through a healthy control plane.
func (w *world) rollback(release string) (string, platform.Activity) {
	w.t.Helper()
	log := w.queued(func(s *deploy.Service) (platform.Activity, error) {
		return s.Rollback(w.t.Context(), "shop", "main", release, platform.Actor{Name: "Jane"})
	})
	return log, w.last()
}

func TestRollbackDeploysAStoredRelease(t *testing.T) {
	w := newWorld(t)
	w.push(shop(".magento/maintenance.html", "one"))
	w.push(shop("pub/index.php", "<?php // 2"))
	builds := len(w.builder.Builds())
	w.gate.events = nil
	out, a := w.rollback("r1")
	if a.Result != platform.ResultSuccess || a.Release != "r3" {
		t.Fatalf("%s as %s: %s\n%s", a.Result, a.Release, a.Reason, out)
	}
	if want := []string{"hold", "commit", "publish r3"}; !slices.Equal(w.gate.events, want) {
		t.Errorf("the router got %v, want %v", w.gate.events, want)
	}
	if len(w.builder.Builds()) != builds || w.gate.page != "one" {
		t.Errorf("%d builds, maintenance page %q", len(w.builder.Builds())-builds, w.gate.page)
	}
	old, err := w.store.Release(t.Context(), "shop", "main", "r1")
	if err != nil {
		t.Fatal(err)
	}
	now, err := w.store.Release(t.Context(), "shop", "main", "r3")
	if err != nil || now.Commit != old.Commit || now.Slugs["mymagento"].Ref != old.Slugs["mymagento"].Ref || len(now.Routes) != len(old.Routes) {
		t.Errorf("r3 is %+v, %v", now, err)
	}
	if got := w.crons.running(); got != "r3" {
		t.Errorf("crons of %q run", got)
	}
	for _, want := range []string{"rolled environment **Main** back to release r1", "(new commit)", "mymagento (type: php:8.2, disk: 1024)"} {
		if !strings.Contains(out, want) {
			t.Errorf("the log lacks %q:\n%s", want, out)
		}
	}
	w.wantNothingLeft()
}

func TestRollbackThatCannotBe(t *testing.T) {
	w := newWorld(t)
	w.push(shop(".magento/services.yaml", "mysql:\n    type: mysql:10.5\n    disk: 1024\n"))
	w.push(shop())
	w.failHook("/etc/sluice/hooks/deploy", 7)
	w.push(shop("pub/index.php", "<?php // 3"))
	w.engine.OnExec(nil)
	for release, want := range map[string]string{
		"r1": "service 'mysql' runs mysql:10.11 now and its data cannot go back to mysql:10.5",
		"r3": "it was never live",
		"r9": "no release",
	} {
		_, err := w.service(nil).Rollback(t.Context(), "shop", "main", release, platform.Actor{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", release, err, want)
		}
	}
}

// A domain that the project lost must not come back with an old release.
func TestRollbackToALostDomain(t *testing.T) {
	w := newWorld(t)
	w.options.Domains = map[string][]string{"shop": {"www.shop.test"}}
	w.push(shop())
	w.options.Domains = nil
	w.push(shop("pub/index.php", "<?php // 2"))
	_, err := w.service(nil).Rollback(t.Context(), "shop", "main", "r1", platform.Actor{})
	if platform.ErrorCode(err) != platform.CodeConflict || !strings.Contains(err.Error(), "www.shop.test") {
		t.Errorf("got %v", err)
	}
}

func TestRollbackIsRecovered(t *testing.T) {
	for _, tt := range []struct {
		step  platform.Step
		state string
	}{{platform.StepPrepare, "open r2"}, {platform.StepQuiesce, "open r2"}, {platform.StepDeployHook, "closed"}, {platform.StepSwitch, "open r3"}} {
		t.Run(string(tt.step), func(t *testing.T) {
			w := newWorld(t)
			w.push(shop())
			w.push(shop("pub/index.php", "<?php // 2"))
			w.crashIn(tt.step, func(s *deploy.Service) error {
				_, err := s.Rollback(t.Context(), "shop", "main", "r1", platform.Actor{Name: "Jane"})
				return err
			})
			w.engine = w.engine.Reopen()
			if err := w.service(nil).Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := w.gate.State(); got != tt.state {
				t.Errorf("visitors meet %q, want %q", got, tt.state)
			}
			w.wantNothingLeft()
			w.wantMendedBy(shop("pub/index.php", "<?php // 3"))
		})
	}
}
