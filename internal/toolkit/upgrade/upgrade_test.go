package upgrade

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/toolkittest"
)

const shop = `
-- vendor/magento/framework/Setup/Declaration/Schema/OperationsExecutor.php --
SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0
-- app/etc/di.xml --
<config/>
-- app/etc/config.php --
<?php return ['modules' => ['Old' => 1]];
-- app/etc/env.php --
<?php return ['crypt' => ['key' => 'k'], 'cache' => ['x' => 1]];
-- init/app/etc/di.xml --
<config/>
-- init/app/etc/config.php --
<?php return ['modules' => ['Old' => 1, 'New' => 1]];
`

// database has a checksum of the configuration.
type database struct{ saved string }

func (*database) Table(name string) string { return name }

func (d *database) Rows(context.Context, string, ...any) ([]*phparray.Array, error) {
	return []*phparray.Array{phparray.Map("Table", "core_config_data", "Checksum", d.saved)}, nil
}

func (*database) Exec(context.Context, string, ...any) (int64, error) {
	return 0, errors.New("nothing is written here")
}

const command = "php var/tmp/sluice-upgrade/upgrade.php"

// world is a shop whose command waits, then does what then says. The result says whether it
// was let go on.
func world(t *testing.T, then func(w *toolkittest.World) error) (w *toolkittest.World, db *database, wentOn *bool) {
	t.Helper()
	w, db, wentOn = toolkittest.New(t, shop), &database{"1"}, new(bool)
	w.Databases["default"] = db
	w.Shell.On(command, func(c shell.Command) (shell.Result, error) {
		if _, err := io.WriteString(c.Output, "Updating modules:\n\n::sluice-upgrade "); err != nil {
			return shell.Result{}, err
		}
		if _, err := io.WriteString(c.Output, "waits\n"); err != nil {
			return shell.Result{}, err
		}
		line, err := bufio.NewReader(c.Stdin).ReadString('\n')
		if err != nil || line != "go\n" {
			return shell.Result{Code: 75}, &shell.Failure{Code: 75}
		}
		*wentOn = true
		return shell.Result{Stdout: "Schema creation/updates:\n"}, then(w)
	})
	return w, db, wentOn
}

func nothing(*toolkittest.World) error { return nil }

func begin(t *testing.T, k *kit.Kit) *Early {
	t.Helper()
	e, err := Begin(t.Context(), k, "-v")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func exists(w *toolkittest.World, name string) bool { return w.Kit.Tree.Exists(name) }

// TestTheCommandGoesOnFromItsFirstChange: it reads the configuration of the build, and what it
// changes of it comes back.
func TestTheCommandGoesOnFromItsFirstChange(t *testing.T) {
	const sorted = "<?php return ['modules' => ['New' => 1, 'Old' => 1]];\n"
	w, _, wentOn := world(t, func(w *toolkittest.World) error {
		w.Write(t, "-- var/tmp/sluice-upgrade/etc/config.php --\n"+sorted)
		w.Write(t, "-- var/tmp/sluice-upgrade/etc/env.php --\n<?php return ['crypt' => ['key' => 'new'], 'cache' => ['x' => 1]];\n")
		return nil
	})
	e := begin(t, w.Kit)
	if got := w.File(t, ownConfig); !strings.Contains(got, "New") {
		t.Errorf("it began with %s", got)
	}
	if got := w.Shell.Lines(); len(got) != 1 || !strings.HasSuffix(got[0], "/var/tmp/sluice-upgrade setup:upgrade --keep-generated --ansi --no-interaction -v") {
		t.Errorf("ran %q", got)
	}
	// What the hold does: the files of the build come into the mount, caches and cron change.
	w.Write(t, "-- app/etc/config.php --\n"+w.File(t, "init/app/etc/config.php"))
	w.Write(t, "-- app/etc/env.php --\n<?php return ['crypt' => ['key' => 'k'], 'cache' => ['x' => 2], 'cron' => ['enabled' => 0]];\n")
	if *wentOn {
		t.Fatal("it did not wait")
	}
	printed, unused, err := e.Finish(t.Context(), w.Kit)
	if err != nil || unused != nil || !*wentOn {
		t.Fatalf("unused %v, error %v, went on %t", unused, err, *wentOn)
	}
	if want := "Updating modules:\nSchema creation/updates:\n"; printed != want {
		t.Errorf("printed %q, want %q", printed, want)
	}
	if got := w.File(t, "app/etc/config.php"); got != sorted {
		t.Errorf("config.php is %s", got)
	}
	env, err := w.Kit.PHPFile("app/etc/env.php").Read()
	if err != nil || env.Text("crypt", "key") != "new" || env.Text("cron", "enabled") != "0" {
		t.Errorf("env.php is %v, %v", env, err)
	}
	if exists(w, dir) {
		t.Error("its directory is left, with secrets in it")
	}
}

// TestWhatChangedMeanwhileIsReadAgain: the command is ended before it changes anything.
func TestWhatChangedMeanwhileIsReadAgain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(w *toolkittest.World, db *database)
		unused string
	}{
		{"modules", func(w *toolkittest.World, _ *database) {
			w.Write(t, "-- app/etc/config.php --\n<?php return ['modules' => []];\n")
		}, "config.php is another one"},
		{"a service", func(w *toolkittest.World, _ *database) {
			w.Write(t, "-- app/etc/env.php --\n<?php return ['crypt' => ['key' => 'k'], 'queue' => ['amqp' => []]];\n")
		}, "env.php has changed"},
		{"configuration", func(_ *toolkittest.World, db *database) { db.saved = "2" }, "configuration in the database has changed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, db, wentOn := world(t, nothing)
			e := begin(t, w.Kit)
			w.Write(t, "-- app/etc/config.php --\n"+w.File(t, "init/app/etc/config.php"))
			tt.change(w, db)
			_, unused, err := e.Finish(t.Context(), w.Kit)
			if err != nil || unused == nil || unused.Error() != tt.unused || *wentOn {
				t.Errorf("unused %v, error %v, went on %t", unused, err, *wentOn)
			}
			if exists(w, dir) {
				t.Error("its directory is left")
			}
		})
	}
}

func TestACommandThatFailsLater(t *testing.T) {
	failed := errors.New("a patch that fails")
	w, _, _ := world(t, func(*toolkittest.World) error { return failed })
	e := begin(t, w.Kit)
	w.Write(t, "-- app/etc/config.php --\n"+w.File(t, "init/app/etc/config.php"))
	printed, unused, err := e.Finish(t.Context(), w.Kit)
	if !errors.Is(err, failed) || unused != nil || !strings.Contains(printed, "Schema creation") {
		t.Errorf("printed %q, unused %v, error %v", printed, unused, err)
	}
}

// TestWhatCannotBeBegun is left to the command as it is.
func TestWhatCannotBeBegun(t *testing.T) {
	for _, tt := range []struct {
		name, files, want string
		ends              error
	}{
		{"another Magento", "-- vendor/magento/framework/Setup/Declaration/Schema/OperationsExecutor.php --\n", "is not known to tell when it begins to write", nil},
		{"primary configuration", "-- init/app/etc/di.xml --\n<config><type/></config>\n", "app/etc/di.xml is not that of the build yet", nil},
		{"a command that does not wait", "", errNothing.Error(), nil},
		{"a command that fails", "", "no database", errors.New("no database")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, _, _ := world(t, nothing)
			w.Write(t, tt.files)
			if tt.want == errNothing.Error() || tt.ends != nil {
				w.Shell.On(command, func(shell.Command) (shell.Result, error) { return shell.Result{}, tt.ends })
			}
			_, err := Begin(t.Context(), w.Kit, "")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if exists(w, dir) {
				t.Error("its directory is left")
			}
		})
	}
}
