package zerohold

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/toolkittest"
)

// store is a database with Magento's table flag.
type store struct {
	installed bool
	data      string // of the record; "": none
	err       error
	ran       []string
}

func (s *store) Table(name string) string { return "pre_" + name }

func (s *store) Rows(_ context.Context, query string, _ ...any) ([]*phparray.Array, error) {
	s.ran = append(s.ran, query)
	switch {
	case s.err != nil:
		return nil, s.err
	case strings.HasPrefix(query, "SELECT table_name"):
		if s.installed {
			return []*phparray.Array{phparray.Map("name", "pre_flag")}, nil
		}
	case s.data != "":
		return []*phparray.Array{phparray.Map("flag_data", s.data, "flag_id", 1)}, nil
	}
	return nil, nil
}

func (s *store) Exec(_ context.Context, statement string, args ...any) (int64, error) {
	s.ran = append(s.ran, statement)
	if s.err != nil {
		return 0, s.err
	}
	if strings.HasPrefix(statement, "DELETE") {
		s.data = ""
	}
	for _, a := range args {
		if text, ok := a.(string); ok && strings.HasPrefix(text, "{") {
			s.data = text
		}
	}
	return 1, nil
}

const project = `-- composer.lock --
{"packages":[{"name":"magento/magento2-base","version":"2.4.7-p3"}]}
-- .static_content_deploy --
-- app/etc/config.php --
<?php return ['modules' => ['Magento_Store' => 1, 'Acme_Off' => 0]];
-- init/app/etc/config.php --
<?php
return array (
  'modules' => array ('Acme_Off' => 0, 'Magento_Store' => 1),
);
-- app/etc/env.php --
<?php return ['db' => ['connection' => ['default' => ['host' => 'db', 'password' => 'x']]], 'queue' => ['amqp' => ['host' => 'mq']]];
-- vendor/magento/module-store/etc/module.xml --
<config/>
-- vendor/magento/module-store/etc/queue_topology.xml --
<config/>
-- vendor/magento/module-store/etc/di.xml --
<config/>
-- vendor/magento/module-store/Setup/Patch/Data/First.php --
<?php
`

// world is an environment after a deployment that upgraded.
func world(t *testing.T) (*toolkittest.World, *store) {
	t.Helper()
	w, db := toolkittest.New(t, project), &store{installed: true}
	w.Variables[Variable], w.Variables["SCD_ON_DEMAND"], w.Variables["SKIP_SCD"] = true, false, false
	w.Databases["default"] = db
	d := &Decision{}
	d.Installing()
	d.Record(t.Context(), w.Kit)
	if db.data == "" {
		t.Fatalf("nothing was recorded\n%s", w.Log())
	}
	return w, db
}

func decide(t *testing.T, w *toolkittest.World) (string, *Decision) {
	t.Helper()
	d := &Decision{}
	reason, err := d.Decide(t.Context(), w.Kit)
	if err != nil {
		t.Fatal(err)
	}
	if d.Open() != (reason == "") {
		t.Errorf("open is %t with the reason %q", d.Open(), reason)
	}
	return reason, d
}

func TestNothingChanged(t *testing.T) {
	w, _ := world(t)
	w.Write(t, "-- vendor/magento/module-store/etc/di.xml --\n<changed/>\n-- vendor/magento/module-store/view/etc/module.xml --\n-- app/code/Acme/Shop/Model/Setup.php --\n")
	if reason, _ := decide(t, w); reason != "" {
		t.Error(reason)
	}
	if got := strings.Join(w.Shell.Lines(), "\n"); got != "php ./bin/magento setup:db:status --ansi --no-interaction\nphp ./bin/magento app:config:status --ansi --no-interaction" {
		t.Error(got)
	}
	for _, c := range w.Shell.Commands() {
		if len(c.Env) != 1 || !strings.HasPrefix(c.Env[0], `MAGENTO_DC__OVERRIDE={"cache":{"frontend":{"default":{"backend":"Cm_Cache_Backend_File"`) {
			t.Errorf("environment %q", c.Env)
		}
	}
}

func TestReasons(t *testing.T) {
	status := func(command string, code int) func(*testing.T, *toolkittest.World, *store) {
		return func(_ *testing.T, w *toolkittest.World, _ *store) {
			w.Shell.Fail("php ./bin/magento "+command, code, "no")
		}
	}
	files := func(archive string) func(*testing.T, *toolkittest.World, *store) {
		return func(t *testing.T, w *toolkittest.World, _ *store) { t.Helper(); w.Write(t, archive) }
	}
	variable := func(name string, v any) func(*testing.T, *toolkittest.World, *store) {
		return func(_ *testing.T, w *toolkittest.World, _ *store) { w.Variables[name] = v }
	}
	for want, change := range map[string]func(*testing.T, *toolkittest.World, *store){
		"ZERO_HOLD_DEPLOY is off":                                  variable(Variable, false),
		"app/etc/env.php is missing":                               files("-- var/.env_file_absence --\n"),
		"an earlier deployment left it on":                         files("-- var/.maintenance.flag --\n"),
		"the list of modules changed":                              files("-- init/app/etc/config.php --\n<?php return ['modules' => ['Magento_Store' => 0]];\n"),
		"the topology of the queues changed":                       files("-- app/code/Acme/Shop/etc/queue_consumer.xml --\n"),
		"the schema of modules changed":                            files("-- vendor/acme/shop/src/etc/db_schema.xml --\n"),
		"data or schema patches changed":                           files("-- vendor/magento/module-store/Setup/Patch/Data/Second.php --\n"),
		"the database, queue or search service changed":            files("-- app/etc/env.php --\n<?php return ['db' => ['connection' => ['default' => ['host' => 'db2']]]];\n"),
		"setup:db:status says that schema or data need an upgrade": status("setup:db:status", 2),
		"this could not be checked: The command":                   status("setup:db:status", 1),
		"static content is made in this deployment": func(t *testing.T, w *toolkittest.World, _ *store) {
			t.Helper()
			if err := w.Kit.Tree.Remove(".static_content_deploy"); err != nil {
				t.Fatal(err)
			}
		},
		"Magento is not installed":                                        func(_ *testing.T, _ *toolkittest.World, db *store) { db.installed = false },
		"no earlier deployment recorded what it upgraded":                 func(_ *testing.T, _ *toolkittest.World, db *store) { db.data = "" },
		"this could not be checked: the record of the last upgrade":       func(_ *testing.T, _ *toolkittest.World, db *store) { db.data = "{" },
		"this could not be checked: no route to host":                     func(_ *testing.T, _ *toolkittest.World, db *store) { db.err = errors.New("no route to host") },
		"this could not be checked: connection default is not configured": func(_ *testing.T, w *toolkittest.World, _ *store) { delete(w.Databases, "default") },
	} {
		t.Run(want, func(t *testing.T) {
			w, db := world(t)
			change(t, w, db)
			if reason, _ := decide(t, w); !strings.HasPrefix(reason, want) {
				t.Errorf("got %q", reason)
			}
		})
	}
}

// TestConfigurationNeedsAnImport: neither closes the shop.
func TestConfigurationNeedsAnImport(t *testing.T) {
	for name, change := range map[string]func(*toolkittest.World){
		"config.php": func(w *toolkittest.World) {
			w.Write(t, "-- init/app/etc/config.php --\n<?php return ['modules' => ['Magento_Store' => 1, 'Acme_Off' => 0], 'scopes' => []];\n")
		},
		"status": func(w *toolkittest.World) { w.Shell.Fail("php ./bin/magento app:config:status", 2, "import") },
	} {
		w, _ := world(t)
		if _, d := decide(t, w); d.Importing() {
			t.Errorf("%s: an import without a reason", name)
		}
		change(w)
		if reason, d := decide(t, w); reason != "" || !d.Importing() {
			t.Errorf("%s: reason %q, importing %t", name, reason, d.Importing())
		}
	}
}

// TestTheChecksLeaveNoCache has Magento make its cache where it does: below var.
func TestTheChecksLeaveNoCache(t *testing.T) {
	w, _ := world(t)
	w.Write(t, "-- var/tmp/sluice-check-123/mage--0/x --\n-- var/tmp/other --\n")
	w.Shell.On("php ./bin/magento", func(c shell.Command) (shell.Result, error) {
		var override struct {
			Cache struct {
				Frontend map[string]struct {
					Options struct {
						Dir string `json:"cache_dir"`
					} `json:"backend_options"`
				}
			}
		}
		text, _ := strings.CutPrefix(c.Env[0], "MAGENTO_DC__OVERRIDE=")
		if err := json.Unmarshal([]byte(text), &override); err != nil {
			t.Error(err)
		}
		w.Write(t, "-- var/"+override.Cache.Frontend["default"].Options.Dir+"/mage--0/x --\n")
		return shell.Result{}, nil
	})
	if reason, _ := decide(t, w); reason != "" {
		t.Error(reason)
	}
	entries, err := w.Kit.Tree.Entries("var/tmp")
	if err != nil || len(entries) != 1 || entries[0].Name() != "other" {
		t.Errorf("left %v, %v", entries, err)
	}
}

func TestModulesThatChangedByHand(t *testing.T) {
	w, _ := world(t)
	w.Write(t, "-- init/app/etc/config.php --\n<?php return ['modules' => []];\n-- app/etc/config.php --\n<?php return ['modules' => []];\n")
	if reason, _ := decide(t, w); reason != "the list of modules changed" {
		t.Error(reason)
	}
}

func TestTheDecisionIsMadeOnce(t *testing.T) {
	w, _ := world(t)
	_, d := decide(t, w)
	w.Variables[Variable] = false
	if reason, err := d.Decide(t.Context(), w.Kit); reason != "" || err != nil {
		t.Error(reason, err)
	}
	delete(w.Variables, Variable)
	if _, err := (&Decision{}).Decide(t.Context(), w.Kit); err == nil {
		t.Error("an undefined variable is not an error")
	}
}

func TestServicesAreLookedAtAgain(t *testing.T) {
	w, _ := world(t)
	_, d := decide(t, w)
	w.Write(t, "-- app/etc/env.php --\n<?php return ['db' => ['connection' => ['default' => ['host' => 'db', 'password' => 'new']]], 'queue' => ['amqp' => ['host' => 'mq']], 'cron' => []];\n")
	if reason, err := d.Recheck(w.Kit); reason != "" || err != nil || !d.Open() {
		t.Error(reason, err)
	}
	w.Write(t, "-- app/etc/env.php --\n<?php return ['db' => ['connection' => ['default' => ['host' => 'db']]], 'queue' => ['amqp' => ['host' => 'other']]];\n")
	if reason, err := d.Recheck(w.Kit); reason != "the database, queue or search service changed" || err != nil || d.Open() {
		t.Error(reason, err)
	}
}

func TestAFingerprintThatLacksPartsIsMadeAgain(t *testing.T) {
	w, _ := world(t)
	w.Write(t, "-- init/setup-state.json --\n{\"schema\": \"x\", \"patches\": \"y\", \"queues\": \"z\"}\n")
	if reason, _ := decide(t, w); reason != "" {
		t.Errorf("an older toolkit's fingerprint was used: %s", reason)
	}
}

func TestTheFingerprintOfTheBuildIsUsed(t *testing.T) {
	w, _ := world(t)
	if err := WriteCode(w.Kit); err != nil {
		t.Fatal(err)
	}
	w.Write(t, "-- app/code/Acme/Shop/etc/module.xml --\n")
	if reason, _ := decide(t, w); reason != "" {
		t.Errorf("the code was read again: %s", reason)
	}
}

func TestRecord(t *testing.T) {
	w, db := world(t)
	if last := db.ran[len(db.ran)-1]; last != "INSERT INTO pre_flag (flag_code, state, flag_data) VALUES (?, 0, ?)" {
		t.Error(last)
	}
	(&Decision{}).Record(t.Context(), w.Kit)
	n := len(db.ran)
	d := &Decision{}
	d.Installing()
	d.Record(t.Context(), w.Kit)
	if last := db.ran[len(db.ran)-1]; len(db.ran) == n || last != "UPDATE pre_flag SET flag_data = ? WHERE flag_code = ?" {
		t.Error(last)
	}
	db.err = errors.New("gone")
	d.Record(t.Context(), w.Kit)
	if !strings.Contains(w.Log(), "NOTICE: The next deployment will need maintenance mode, because this one could not record what it upgraded: gone") {
		t.Error(w.Log())
	}
}

func TestAnUpgradeThatFailsLeavesNoRecord(t *testing.T) {
	w, db := world(t)
	if err := (&Decision{}).Upgrading(t.Context(), w.Kit); err != nil {
		t.Fatal(err)
	}
	if reason, _ := decide(t, w); reason != "no earlier deployment recorded what it upgraded" {
		t.Error(reason)
	}
	db.err = errors.New("gone")
	if err := (&Decision{}).Upgrading(t.Context(), w.Kit); !errors.Is(err, db.err) {
		t.Error(err)
	}
	delete(w.Databases, "default")
	if err := (&Decision{}).Upgrading(t.Context(), w.Kit); err == nil {
		t.Error("no error without a database")
	}
}

func TestCodeOfAnEmptyProject(t *testing.T) {
	f, err := Code(fstest.MapFS{}, "")
	if err != nil || f.Difference(f) != "the list of modules changed" {
		t.Error(f, err)
	}
}
