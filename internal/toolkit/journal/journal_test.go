package journal_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/tree"
)

func now() time.Time {
	return time.Date(2026, 11, 23, 10, 9, 47, 312568000, time.FixedZone("CET", 3600))
}

func TestLineFormat(t *testing.T) {
	for _, c := range []struct {
		record journal.Record
		want   string
	}{
		{journal.Record{Level: fault.Info, Message: "Enable cron"}, "INFO: Enable cron"},
		{journal.Record{Level: fault.Warning, Message: "text", Code: 2001, Suggestion: "one\ntwo"}, "WARNING: [2001] text\none\ntwo"},
		{journal.Record{Level: fault.Error, Message: "text", Code: 15}, "ERROR: [15] text"},
		{journal.Record{Level: fault.Critical, Message: "text", Code: 109}, "CRITICAL: [109] text"},
		{journal.Record{Level: fault.Notice, Message: "text", Code: 2018}, "NOTICE: text"},
		{journal.Record{Level: fault.Error, Message: "more\nlines", HasCode: true}, "ERROR: more\nlines"},
	} {
		c.record.Time = now()
		if got, want := journal.Line(c.record), "[2026-11-23T09:09:47.312568+00:00] "+c.want; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestSinksGetTheirLevels(t *testing.T) {
	var all, some bytes.Buffer
	log := journal.New(journal.Options{Now: now}, journal.Sink{Handler: journal.Lines(&all), Min: fault.Debug}, journal.Sink{Handler: journal.Lines(&some), Min: fault.Warning})
	log.Debug("d")
	log.Infof("%s", "i")
	log.Notice("n")
	log.Warn(2001, "w")
	log.Errorf("%s", "e")
	log.Fault(&fault.Fault{Code: 109, Level: fault.Critical, Message: "c", Suggestion: "do"})
	if n := strings.Count(all.String(), "\n"); n != 7 {
		t.Errorf("%d lines: %s", n, &all)
	}
	if got := some.String(); strings.Count(got, "\n") != 4 || !strings.Contains(got, "CRITICAL: [109] c\ndo\n") {
		t.Errorf("%s", got)
	}
}

// broken is a handler that fails and counts.
type broken struct{ calls int }

func (b *broken) Handle(journal.Record) error {
	b.calls++
	return errors.New("no answer with sekret-token")
}

func TestAHandlerThatFailsIsToldAndDoesNotStopTheOthers(t *testing.T) {
	var out bytes.Buffer
	var failures []string
	redactor := &journal.Redactor{}
	redactor.Add("sekret-token")
	local, remote := &broken{}, &broken{}
	log := journal.New(journal.Options{Fallback: func(err error) { failures = append(failures, err.Error()) }, Redactor: redactor},
		journal.Sink{Handler: local}, journal.Sink{Handler: remote, Remote: true}, journal.Sink{Handler: journal.Lines(&out)})
	log.Info("one")
	log.Info("two")
	if strings.Count(out.String(), "\n") != 2 {
		t.Errorf("%s", &out)
	}
	if local.calls != 2 || remote.calls != 1 {
		t.Errorf("local was called %d times, remote %d times", local.calls, remote.calls)
	}
	if len(failures) != 3 || failures[0] != "no answer with ******" {
		t.Errorf("%q", failures)
	}
}

func TestRedaction(t *testing.T) {
	var r journal.Redactor
	r.Add("hunter22", "hunter22-longer", "a", "")
	for text, want := range map[string]string{
		"php bin/magento setup:install --db-password='s p' --admin-password=\"x\" --n=1": "php bin/magento setup:install --db-password='******' --admin-password='******' --n=1",
		"setup --amqp-password=plain next":                                               "setup --amqp-password='******' next",
		"setup --remote-storage-secret='abc' --db-name='b'":                              "setup --remote-storage-secret='******' --db-name='b'",
		"timeout 3600 mysqldump -h 'h' -u 'u' -p'pass' 'db' --quick":                     "timeout 3600 mysqldump -h 'h' -u 'u' -p'******' 'db' --quick",
		"mariadb-dump -h h -ppass db":                                                    "mariadb-dump -h h -p'******' db",
		"redis-cli -p 6379 -h redis -a topsecret info":                                   "redis-cli -p 6379 -h redis -a '******' info",
		"split --password=\"p\" --host=\"h\"":                                            "split --password='******' --host=\"h\"",
		"amqp://user:pa55@rabbit:5672/ and https://example.com/":                         "amqp://user:******@rabbit:5672/ and https://example.com/",
		"it is hunter22-longer, hunter22 and a":                                          "it is ******, ****** and a",
		"no secret - at all":                                                             "no secret - at all",
	} {
		if got := r.Redact(text); got != want {
			t.Errorf("%q became\n%q, want\n%q", text, got, want)
		}
	}
}

func openTree(t *testing.T) *tree.Tree {
	t.Helper()
	root, err := tree.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func read(t *testing.T, root *tree.Tree, name string) string {
	t.Helper()
	b, err := root.ReadOrNothing(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestErrorLog(t *testing.T) {
	root := openTree(t)
	log := journal.New(journal.Options{}, journal.Sink{Handler: journal.NewErrorLog(root, "var/log/cloud.error.log"), Min: fault.Warning})
	log.Info("no")
	log.Warning("no code")
	log.Warn(1006, "The configured state is not <ideal>")
	log.Warn(1006, "again")
	log.Fault(&fault.Fault{Code: 109, Level: fault.Critical, Message: "wrong", Suggestion: "fix it"})
	log.Fault(&fault.Fault{Message: "code 0 counts"})
	log.Fault(&fault.Fault{Code: 9999, Message: "unknown"})
	want := `{"errorCode":1006,"stage":"build","step":"validate-config","suggestion":"` + "`ece-tools wizard:ideal-state` lists what to change." + `","title":"The configured state is not <ideal>","type":"warning"}
{"errorCode":109,"stage":"deploy","step":"validate-config","suggestion":"fix it","title":"wrong","type":"critical"}
{"errorCode":0,"title":"code 0 counts"}
{"errorCode":9999,"title":"unknown"}
`
	if diff := cmp.Diff(want, read(t, root, "var/log/cloud.error.log")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLogFileIsOpenedAtTheFirstRecord(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "cloud.log")
	file := journal.NewFile(func() (*os.File, error) {
		return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	})
	log := journal.New(journal.Options{Now: now}, journal.Sink{Handler: file})
	if _, err := os.Stat(name); err == nil {
		t.Error("the file is there before there is a record")
	}
	log.Info("one")
	log.Close()
	if b, err := os.ReadFile(name); err != nil || string(b) != "[2026-11-23T09:09:47.312568+00:00] INFO: one\n" {
		t.Errorf("%s, %v", b, err)
	}
}

func TestALogFileThatCannotBeOpenedIsToldOnce(t *testing.T) {
	failures := 0
	file := journal.NewFile(func() (*os.File, error) { return nil, errors.New("read-only") })
	log := journal.New(journal.Options{Fallback: func(error) { failures++ }}, journal.Sink{Handler: file})
	log.Info("one")
	log.Info("two")
	log.Close()
	if failures != 1 {
		t.Errorf("failures %d times", failures)
	}
}

func TestJoinBringsTheLogsOfTheBuildOnce(t *testing.T) {
	root := openTree(t)
	join := func() {
		t.Helper()
		if err := journal.Join(root, tree.CloudLog, tree.BuildCloudLog, tree.ErrorLog, tree.BuildErrorLog); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := root.Write(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	join()
	if root.Exists("var/log") {
		t.Error("nothing to join made a directory")
	}
	write(tree.BuildCloudLog, "build 1\nmore\n")
	write(tree.BuildErrorLog, "{\"errorCode\":1003}\n")
	join()
	if got := read(t, root, tree.CloudLog); got != "build 1\nmore\n" {
		t.Errorf("%q", got)
	}
	if err := root.Append(tree.CloudLog, []byte("deploy 1\n")); err != nil {
		t.Fatal(err)
	}
	join()
	if got := read(t, root, tree.CloudLog); got != "build 1\nmore\ndeploy 1\n" {
		t.Errorf("%q", got)
	}
	write(tree.BuildCloudLog, "build 2\n")
	write(tree.BuildErrorLog, "{\"errorCode\":1006}\n")
	join()
	if got := read(t, root, tree.CloudLog); got != "build 1\nmore\ndeploy 1\nbuild 2\n" {
		t.Errorf("%q", got)
	}
	if got := read(t, root, tree.ErrorLog); got != "{\"errorCode\":1006}\n" {
		t.Errorf("%q", got)
	}
}
