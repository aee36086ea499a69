package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestStraysAreEnded runs the script in a process namespace that looks like a web container:
// an init, a server below runsvdir, and what a cron left behind.
func TestStraysAreEnded(t *testing.T) {
	t.Parallel()
	unshare, err := exec.LookPath("unshare")
	if err != nil || os.Getuid() != 0 {
		t.Skip("needs root and unshare")
	}
	dir := t.TempDir()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"runsvdir", "server", "helper", "consumer", "stubborn"} {
		if err := os.WriteFile(filepath.Join(dir, name), program, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "script"), []byte(endStrays), 0o600); err != nil {
		t.Fatal(err)
	}
	// Process 1 is a shell that reaps. The server is a child of what stands for runsvdir, which
	// a shell that exec's makes out of its own process. Two strays are left by a shell that
	// ends; one of them ignores SIGTERM, and both have a secret among their arguments.
	// The shell waits until processes run under their names, below the parent that they end up
	// with, and before the next ones until a new process gets a later start time.
	const container = `cd "$1"
runs() { for stat in /proc/[0-9]*/stat; do { read -r line <"$stat"; } 2>/dev/null && case $line in *"($1) "?" $2 "*) return 0 ;; esac; done; return 1; }
begun() { set -- $(cat "/proc/$1/stat"); echo "${22}"; }
later() { until [ "$(begun self)" -gt "$(begun "$1")" ]; do :; done; }
(exec ./helper 1000) &
until runs helper 1; do :; done
later $!
(./server 1000 & exec ./runsvdir 1000) &
until runs runsvdir 1 && runs server $!; do :; done
later $!
(setsid ./consumer 1000 & trap '' TERM; ./stubborn 1001 --password=hunter2 2>/dev/null || exec ./stubborn 1001 &)
until runs consumer 1 && runs stubborn 1; do :; done
sh ./script 5; echo "ended with $?"
for stat in /proc/[0-9]*/stat; do { read -r line <"$stat"; } 2>/dev/null && echo "left: ${line%%) *})"; done
kill -KILL -1`
	out, _ := exec.CommandContext(t.Context(), unshare, "--pid", "--fork", "--mount-proc", "/bin/sh", "-c", container, "init", dir).CombinedOutput()
	text := string(out)
	if strings.Contains(text, "unshare failed") || strings.Contains(text, "Operation not permitted") {
		t.Skip("namespaces are not allowed here: " + text)
	}
	for _, want := range []string{"./consumer 1000\n", "./stubborn 1001\n", "ended with 0", "(runsvdir)", "(server)", "(helper)"} {
		if !strings.Contains(text, want) {
			t.Errorf("the output lacks %q:\n%s", want, text)
		}
	}
	for _, unwanted := range []string{"(consumer)", "(stubborn)", "hunter2"} {
		if strings.Contains(text, unwanted) {
			t.Errorf("the output has %q:\n%s", unwanted, text)
		}
	}
}
