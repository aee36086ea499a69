package deploy_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"sluice/internal/deploy"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// older is the shop with a service in an earlier version.
func older() map[string]string {
	return shop(".magento/services.yaml", "mysql:\n    type: mysql:10.5\n    disk: 1024\n")
}

// TestBackupBefore deploys one change after another on a disk that shares no blocks.
func TestBackupBefore(t *testing.T) {
	const upgrade = "before the upgrade of service mysql from mysql:10.5 to mysql:10.11"
	for _, tt := range []struct {
		name    string
		policy  deploy.BackupPolicy
		then    map[string]string // what is deployed on older()
		options map[string]string
		shared  bool
		want    string // reason of the backup; empty for none
	}{
		{"an upgrade", deploy.BackupUpgrades, shop(), nil, false, upgrade},
		{"never", deploy.BackupNever, shop(), nil, false, ""},
		{"not wanted", deploy.BackupUpgrades, shop(), map[string]string{"deploy.backup": "skip"}, false, ""},
		{"shared blocks", deploy.BackupUpgrades, shop(), nil, true, ""},
		{"no upgrade", deploy.BackupUpgrades, withPage(older(), "2"), nil, false, ""},
		{"a hook", deploy.BackupDeployments, withPage(older(), "2"), nil, false, "before the deployment of release r2"},
		{"no hook", deploy.BackupDeployments, without(older(), "deploy"), nil, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.options.BackupBefore, w.options.SharedSnapshots = tt.policy, tt.shared
			w.push(older())
			var out bytes.Buffer
			s := w.service(nil)
			w.run(s, func() {
				if err := w.receive(s, tt.then, tt.options, &out); err != nil {
					t.Error(err)
				}
			})
			if a := w.last(); a.Result != platform.ResultSuccess {
				t.Fatal(out.String())
			}
			got := ""
			for _, b := range w.backups.kept {
				got = b.Reason
				if !b.Automated || b.Before != "r2" || b.Activity != w.last().ID || b.ExpiresAt.IsZero() {
					t.Errorf("backup: %+v", b)
				}
			}
			if len(w.backups.kept) > 1 || got != tt.want || tt.want != "" && !strings.Contains(out.String(), "Backing up the data "+tt.want) {
				t.Errorf("backed up %q, want %q\n%s", got, tt.want, out.String())
			}
			snapshots, err := w.snapshots.List(t.Context(), "")
			if err != nil || len(snapshots) > 0 != tt.shared {
				t.Errorf("snapshots: %v, %v", snapshots, err)
			}
		})
	}
}

// without takes a hook out.
func without(files map[string]string, hook string) map[string]string {
	files[".magento.app.yaml"] = strings.Replace(files[".magento.app.yaml"], "    "+hook+": |\n        php bin/shop deploy\n", "", 1)
	return files
}

func withPage(files map[string]string, page string) map[string]string {
	files["pub/index.php"] = page
	return files
}

// TestUpgradeIsTakenBack by a rollback with data, from the backup, in the earlier version.
func TestUpgradeIsTakenBack(t *testing.T) {
	for _, hook := range []bool{true, false} {
		from, to := older(), shop()
		if !hook { // the upgrade alone changes the data
			from, to = without(from, "deploy"), without(to, "deploy")
		}
		takeBackUpgrade(t, from, to)
	}
}

func takeBackUpgrade(t *testing.T, from, to map[string]string) {
	t.Helper()
	w := newWorld(t)
	w.push(from)
	w.snapshots.Write(w.env().ID(), dataPart, dataFile, "of 10.5")
	w.push(to)
	w.snapshots.Write(w.env().ID(), dataPart, dataFile, "of 10.11")
	w.backups.version = "mysql:10.5"
	targets, err := w.service(nil).Releases(t.Context(), "shop", "main")
	if err != nil || targets[1].DataOf.IsZero() {
		t.Fatalf("%+v, %v", targets, err)
	}
	out, a := w.rollback(withData())
	if a.Result != platform.ResultSuccess || !strings.Contains(out, "what was written in the last ") {
		t.Fatalf("%s\n%s", a.Reason, out)
	}
	w.wantData("of 10.5")
	now, err := w.store.Release(t.Context(), "shop", "main", "r3")
	if err != nil {
		t.Fatal(err)
	}
	if versions, err := w.service(nil).ServiceVersions(now); err != nil || versions["mysql"] != "mysql:10.5" {
		t.Errorf("runs %v, %v", versions, err)
	}
}

// TestUpgradeThatCannotBeTakenBackIsRefused, and nothing was touched.
func TestUpgradeThatCannotBeTakenBackIsRefused(t *testing.T) {
	for _, shared := range []bool{false, true} {
		w := newWorld(t)
		w.options.SharedSnapshots = shared
		w.push(older())
		w.backups.fail, w.snapshots.Fail = errors.New("no room"), failing("Take", errors.New("no room"))
		out, a := w.push(shop())
		if a.Result != platform.ResultFailure || !strings.Contains(a.Reason, "no room") || !strings.Contains(a.Hint, "deploy.backup=skip") {
			t.Errorf("%s %s, hint %q\n%s", a.Result, a.Reason, a.Hint, out)
		}
		if w.gate.State() != "open r1" {
			t.Errorf("visitors meet %q", w.gate.State())
		}
		w.wantNothingLeft()
		w.backups.fail, w.snapshots.Fail = nil, nil
		w.wantRepairedBy(shop())
	}
}

// TestABackupOfHalfChangedDataIsNotRolledBackTo: a deployment had failed after it had written.
func TestABackupOfHalfChangedDataIsNotRolledBackTo(t *testing.T) {
	w := newWorld(t)
	w.push(older())
	w.failHook(topology.DeployHook, 1)
	w.push(withPage(older(), "2"))
	w.engine.OnExec(nil)
	w.push(shop())
	if len(w.backups.kept) != 1 || w.backups.kept[0].Before != "" {
		t.Errorf("kept %+v", w.backups.kept)
	}
	if _, err := w.service(nil).Rollback(t.Context(), "shop", "main", withData(), jane()); platform.ErrorCode(err) != platform.CodeConflict {
		t.Errorf("got %v", err)
	}
}
