package dbdump

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/toolkittest"
)

type database struct{ ran []string }

func (d *database) Rows(context.Context, string, ...any) ([]*phparray.Array, error) { return nil, nil }
func (d *database) Table(name string) string                                        { return name }
func (d *database) Exec(_ context.Context, statement string, args ...any) (int64, error) {
	text, _ := args[0].(string)
	d.ran = append(d.ran, statement+" "+text)
	return 0, nil
}

const project = "-- composer.lock --\n{\"packages\":[{\"name\":\"magento/magento2-base\",\"version\":\"2.4.6\"}]}\n-- var/ --\n-- app/etc/env.php --\n<?php return [];\n"

// world has a mysqldump that prints its arguments, its password and a line with a definer.
func world(t *testing.T, script string) (*toolkittest.World, *database) {
	t.Helper()
	w, db := toolkittest.New(t, project+"-- bin/mysqldump --\n#!/bin/sh\n"+script), &database{}
	if err := os.Chmod(filepath.Join(w.Dir, "bin/mysqldump"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.Env["PATH"] = filepath.Join(w.Dir, "bin")
	w.Databases["default"] = db
	for _, name := range []string{"CACHE", "SESSION", "QUEUE", "SEARCH", "ELASTICSUITE", "DATABASE", "RESOURCE"} {
		w.Variables[name+"_CONFIGURATION"] = phparray.New()
	}
	maps.Copy(w.Variables, map[string]any{
		"CRON_CONSUMERS_RUNNER": phparray.New(), "REMOTE_STORAGE": phparray.New(), "SPLIT_DB": phparray.New(), "REDIS_BACKEND": "", "VALKEY_BACKEND": "", "LOCK_PROVIDER": "file",
		"REDIS_USE_SLAVE_CONNECTION": false, "VALKEY_USE_SLAVE_CONNECTION": false, "MYSQL_USE_SLAVE_CONNECTION": false, "USE_LUA": false, "LUA_KEY": true, "USE_LUA_ON_GC": true,
		"CONSUMERS_WAIT_FOR_MAX_MESSAGES": false, "UPDATE_URLS": true, "FORCE_UPDATE_URLS": false, "SCD_ON_DEMAND": false, "SKIP_HTML_MINIFICATION": true, "X_FRAME_CONFIGURATION": "", "VERBOSE_COMMANDS": "",
	})
	return w, db
}

func relate(w *toolkittest.World, name, host string, port int) {
	w.Kit.Platform.Relationships.Set(name, phparray.List(phparray.Map("host", host, "port", port, "path", "shop", "username", "u", "password", "it's secret")))
}

const prints = `echo "$@" "$MYSQL_PWD"
echo '/*!50013 DEFINER=` + "`root`@`%`" + ` SQL SECURITY DEFINER */'
`

func TestDump(t *testing.T) {
	w, db := world(t, prints)
	relate(w, "database", "db", 3307)
	relate(w, "database-quote", "db-quote", 3306)
	if err := Run(t.Context(), w.Kit, Options{RemoveDefiners: true}); err != nil {
		t.Fatal(err)
	}
	if got, want := unpack(t, w, "var/dump-main-1795424987.sql.gz"), "-h db -u u -P 3307 shop --single-transaction --no-autocommit --quick it's secret\n/*!50013 SQL SECURITY DEFINER */\n"; got != want {
		t.Errorf("dumped %q", got)
	}
	unpack(t, w, "var/dump-quote-1795424987.sql.gz")
	main, quote := filepath.Join(w.Dir, "var/dump-main-1795424987.sql.gz"), filepath.Join(w.Dir, "var/dump-quote-1795424987.sql.gz")
	want := `INFO: Starting backup.
NOTICE: Enabling Maintenance mode
INFO: Disable cron
INFO: Trying to kill running cron jobs and consumers processes
INFO: Running Magento cron and consumers processes were not found.
INFO: Waiting for lock on db dump.
INFO: Start creation DB dump for main database...
INFO: Finished DB dump for main database, it can be found here: ` + main + `
INFO: Waiting for lock on db dump.
INFO: Start creation DB dump for quote database...
INFO: Finished DB dump for quote database, it can be found here: ` + quote + `
INFO: Enable cron
NOTICE: Maintenance mode is disabled.
INFO: Backup completed.
`
	if got := w.LogAt(fault.Info); got != want {
		t.Errorf("logged\n%s", got)
	}
	if strings.Contains(w.Log(), "secret") {
		t.Error("the password is in the log")
	}
	if got := strings.Join(db.ran, "\n"); !strings.Contains(got, "The job is terminated due to database dump") {
		t.Error(got)
	}
	if got := w.File(t, "var/dbdump.lock"); !strings.Contains(got, "[2026-11-23 09:09:47] Dump was written in "+quote) {
		t.Error(got)
	}
}

func unpack(t *testing.T, w *toolkittest.World, name string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(w.File(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheShopOpensAfterAFailure(t *testing.T) {
	for want, c := range map[string]struct {
		script    string
		databases []string
		relate    bool
	}{
		"Access denied":                         {"echo Access denied >&2; exit 2", nil, true},
		"Database configuration does not exist": {prints, nil, false},
		"Environment does not have connection `checkout` associated with database `quote`": {prints, []string{"quote", "sales"}, true},
	} {
		w, _ := world(t, c.script)
		if c.relate {
			relate(w, "database", "db", 3306)
		}
		err := Run(t.Context(), w.Kit, Options{Databases: c.databases})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
		if !strings.Contains(w.Log(), "NOTICE: Maintenance mode is disabled.") || strings.Contains(w.Log(), "Backup completed") || !strings.Contains(w.Log(), "CRITICAL: ") {
			t.Error(w.Log())
		}
		left, globErr := filepath.Glob(filepath.Join(w.Dir, "var/dump-*"))
		if len(left) > 0 || globErr != nil {
			t.Errorf("left %v, %v", left, globErr)
		}
	}
}

func TestWrongNamesCloseNothing(t *testing.T) {
	w, _ := world(t, prints)
	err := Check(w.Kit, Options{Databases: []string{"incorrectName"}})
	if err == nil || w.Log() != "CRITICAL: Incorrect the database names: [ incorrectName ]. Available database names: [ main quote sales ]\n" {
		t.Errorf("%v\n%s", err, w.Log())
	}
}

func TestWithoutAProgram(t *testing.T) {
	w, _ := world(t, prints)
	relate(w, "database", "db", 3306)
	w.Env["PATH"] = w.Dir
	if err := Run(t.Context(), w.Kit, Options{Directory: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "Required utility mysqldump was not found") {
		t.Error(err)
	}
}

func TestDefinersInPieces(t *testing.T) {
	const in = "INSERT INTO `t` VALUES ('DEFINER=`a`@`b` ');\n/*!50017 DEFINER=`a`@`%`*/ /*!50003 TRIGGER x */\nCREATE DEFINER='a'@'b' VIEW v\n/*! unfinished"
	const want = "INSERT INTO `t` VALUES ('DEFINER=`a`@`b` ');\n/*!50017 */ /*!50003 TRIGGER x */\nCREATE VIEW v\n/*! unfinished"
	for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
		var out strings.Builder
		d := &definers{w: &out}
		if _, err := io.Copy(d, r); err != nil {
			t.Fatal(err)
		}
		if err := d.end(); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("wrote %q", out.String())
		}
	}
	if _, err := (&definers{w: broken{}}).Write([]byte("a\n")); err == nil {
		t.Error("no error")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }
