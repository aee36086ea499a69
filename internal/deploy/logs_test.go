package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestScriptsOfLogs runs them with a real shell, on directories like those of a container.
func TestScriptsOfLogs(t *testing.T) {
	root := t.TempDir()
	for i, f := range []struct{ name, text string }{
		{"log/access.log", "1\n2\n3\n"},
		{"log/app.log", "a\n"},
		{"log/odd name.log", "x"},
		{"log/not-a-log", "x"},
		{"app/var/log/system.log", "s\n"},
		{"app/var/log/report.log", "a log of that name\n"},
		{"app/var/report/100", "old\n"},
		{"app/var/report/99", "new\n"},
		{"empty/x", ""},
	} {
		path := filepath.Join(root, f.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f.text), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	run := func(dir, script string, args ...string) (string, int) {
		cmd := exec.CommandContext(t.Context(), "/bin/sh", append([]string{"-c", script, "logs", root + "/app/var"}, args...)...)
		cmd.Dir = filepath.Join(root, dir)
		out, err := cmd.Output()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	if got, code := run("log", listScript); got != "access\napp\nmagento/report\nmagento/system\nmagento/report\n" || code != 0 {
		t.Errorf("listed %q, status %d", got, code)
	}
	if got, code := run("empty", listScript); got != "magento/report\nmagento/system\nmagento/report\n" || code != 0 {
		t.Errorf("listed %q, status %d", got, code)
	}
	own := root + "/app/var/log"
	for _, test := range []struct {
		dir, name, count string
		want             string
		code             int
	}{
		{".", "access", "2", "2\n3\n", 0},
		{".", "access", "+1", "1\n2\n3\n", 0},
		{".", "nothere", "2", "", 44},
		{".", "report", "2", "", 44},
		{own, "system", "2", "s\n", 0},
		{own, "report", "2", "a log of that name\n", 0},
		{own, "nothere", "2", "", 44},
	} {
		if got, code := run("log", tailScript, test.dir, test.name, test.count); got != test.want || code != test.code {
			t.Errorf("%+v: got %q, status %d", test, got, code)
		}
	}
	if err := os.Remove(own + "/report.log"); err != nil {
		t.Fatal(err)
	}
	if got, code := run("log", tailScript, own, "report", "2"); got != "new\n" || code != 0 {
		t.Errorf("the newest report: %q, status %d", got, code)
	}
	if err := os.RemoveAll(root + "/app"); err != nil {
		t.Fatal(err)
	}
	if got, code := run("log", listScript); got != "access\napp\n" || code != 0 {
		t.Errorf("without an application's own: %q, status %d", got, code)
	}
}

func TestNamesOfLogs(t *testing.T) {
	for name, valid := range map[string]bool{
		"access": true, "post-deploy": true, "magento/system": true, "magento/report": true, "magento/cron2.x_Y": true,
		"": false, "../x": false, "a/b": false, "magento/../x": false, "magento/a/b": false, "-n": false, ".x": false, "a b": false, "a\n": false,
	} {
		if logName.MatchString(name) != valid {
			t.Errorf("%q: valid is not %t", name, valid)
		}
	}
}
