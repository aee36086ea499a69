package cron

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/toolkittest"
)

// recorder is a database that records statements.
type recorder struct {
	statements []string
	err        error
}

func (r *recorder) Rows(context.Context, string, ...any) ([]*phparray.Array, error) {
	return nil, r.err
}

func (r *recorder) Table(name string) string { return "pre_" + name }

func (r *recorder) Exec(_ context.Context, statement string, args ...any) (int64, error) {
	r.statements = append(r.statements, fmt.Sprint(statement, args))
	return 3, r.err
}

func TestSwitch(t *testing.T) {
	w := toolkittest.New(t, "-- app/etc/env.php --\n<?php return ['cron' => ['enabled' => 1], 'x' => 1];\n")
	if err := Disable(t.Context(), w.Kit); err != nil {
		t.Fatal(err)
	}
	if got := w.File(t, "app/etc/env.php"); !strings.Contains(got, "'enabled' => 0") {
		t.Error(got)
	}
	if err := Enable(t.Context(), w.Kit); err != nil {
		t.Fatal(err)
	}
	want := "<?php\nreturn array (\n  'cron' => \n  array (\n  ),\n  'x' => 1,\n);"
	if got := w.File(t, "app/etc/env.php"); got != want {
		t.Errorf("wrote %s", got)
	}
	for _, line := range []string{"INFO: Disable cron", "INFO: Trying to kill running cron jobs and consumers processes", "INFO: Running Magento cron and consumers processes were not found.", "INFO: Enable cron"} {
		if !strings.Contains(w.Log(), line) {
			t.Errorf("no %q in\n%s", line, w.Log())
		}
	}
}

func TestUnlock(t *testing.T) {
	w, db := toolkittest.New(t, ""), &recorder{}
	w.Databases["default"] = db
	if n, err := Unlock(t.Context(), w.Kit, ByUpgrade); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if err := UnlockCommand(t.Context(), w.Kit, "indexer", "mail"); err != nil {
		t.Fatal(err)
	}
	if err := UnlockCommand(t.Context(), w.Kit); err != nil {
		t.Fatal(err)
	}
	want := "UPDATE pre_cron_schedule SET status = 'error', messages = ? WHERE status = 'running'[The job is terminated due to system upgrade]\n" +
		"UPDATE pre_cron_schedule SET status = 'error', messages = ? WHERE status = 'running' AND job_code IN (?, ?)[The job is terminated by cron:unlock command indexer mail]\n" +
		"UPDATE pre_cron_schedule SET status = 'error', messages = ? WHERE status = 'running'[The job is terminated by cron:unlock command]"
	if got := strings.Join(db.statements, "\n"); got != want {
		t.Errorf("ran\n%s\nwant\n%s", got, want)
	}
	wantLog := "INFO: Starting unlocking.\nINFO: Unlocking cron jobs with code #indexer.\nINFO: Unlocking cron jobs with code #mail.\nINFO: Unlocking completed.\nINFO: Starting unlocking.\nINFO: Unlocking all cron jobs.\nINFO: Unlocking completed.\n"
	if w.Log() != wantLog {
		t.Errorf("logged\n%s", w.Log())
	}
	db.err = errors.New("gone")
	if err := UnlockCommand(t.Context(), w.Kit); !errors.Is(err, db.err) {
		t.Error(err)
	}
}

// process is an entry of /proc; words are joined as the kernel does.
func process(uid int, words ...string) fstest.MapFS {
	return fstest.MapFS{
		"cmdline": {Data: []byte(strings.Join(words, "\x00") + "\x00")},
		"status":  {Data: fmt.Appendf(nil, "Name:\tphp\nUid:\t%d\t%d\t%d\t%d\n", uid, uid, uid, uid)},
	}
}

func TestOnlyJobsOfThisApplicationAreEnded(t *testing.T) {
	w, me := toolkittest.New(t, ""), os.Getuid()
	proc, cwd := fstest.MapFS{"meminfo": {}}, map[string]string{}
	for pid, p := range map[string]struct {
		files fstest.MapFS
		cwd   string
	}{
		"11": {process(me, "php", "bin/magento", "cron:run"), w.Dir},
		"12": {process(me, "/usr/bin/php", w.Dir+"/bin/magento", "queue:consumers:start", "async.operations.all"), "/"},
		"13": {process(me, "php", "./bin/magento", "cron:run", "--group=index"), w.Dir + "/pub"},
		"14": {process(me+1, "php", "bin/magento", "cron:run"), w.Dir},
		"15": {process(me, "php", "bin/magento", "indexer:reindex"), w.Dir},
		"16": {process(me, "php", "bin/magento", "cron:run"), "/srv/other"},
		"17": {process(me, "php", "/srv/other/bin/magento", "cron:run"), w.Dir},
	} {
		for name, f := range p.files {
			proc[pid+"/"+name] = f
		}
		cwd["/proc/"+pid+"/cwd"] = p.cwd
	}
	var ended []int
	killer{
		proc:  proc,
		links: func(name string) (string, error) { return cwd[name], nil },
		signal: func(pid int) error {
			ended = append(ended, pid)
			if pid == 12 {
				return errors.New("no such process")
			}
			return nil
		},
	}.run(w.Kit)
	if fmt.Sprint(ended) != "[11 12 13]" {
		t.Errorf("ended %v", ended)
	}
	if want := "INFO: Trying to kill running cron jobs and consumers processes\nINFO: Couldn't kill process #12 it may be already finished\n"; w.Log() != want {
		t.Errorf("logged %s", w.Log())
	}
}

type noProc struct{}

func (noProc) Open(string) (fs.File, error) { return nil, errors.New("no /proc") }

func TestWithoutProcNothingFails(t *testing.T) {
	w := toolkittest.New(t, "")
	killer{proc: noProc{}}.run(w.Kit)
	if !strings.Contains(w.Log(), "WARNING: Error happening during kill cron or consumers processes: no /proc") {
		t.Error(w.Log())
	}
}
