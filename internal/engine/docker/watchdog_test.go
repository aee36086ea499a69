package docker

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWatch: the watchdog thaws when the process that froze has died or takes too long, and
// not when it has thawed.
func TestWatch(t *testing.T) {
	for name, test := range map[string]struct {
		after func(w *io.PipeWriter)
		limit string
		want  string
	}{
		"the process died":       {after: func(w *io.PipeWriter) { _ = w.Close() }, limit: "1h", want: "0"},
		"the process hangs":      {after: func(*io.PipeWriter) {}, limit: "10ms", want: "0"},
		"the process has thawed": {after: func(w *io.PipeWriter) { _, _ = io.WriteString(w, watchdogDone+"\n") }, limit: "1h", want: "frozen"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			control, other := filepath.Join(dir, freezeV2), filepath.Join(dir, "passwd")
			for _, file := range []string{control, other} {
				if err := os.WriteFile(file, []byte("frozen"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r, w := io.Pipe()
			done := make(chan error)
			go func() { done <- Watch(r, test.limit) }()
			if _, err := io.WriteString(w, control+"\n"+other+"\n"); err != nil {
				t.Fatal(err)
			}
			test.after(w)
			err := <-done
			if thawed := test.want != "frozen"; thawed != (err != nil && strings.Contains(err.Error(), "does not freeze")) {
				t.Errorf("got error %v about a file that is none of the kernel's", err)
			}
			if got, err := os.ReadFile(control); err != nil || !strings.HasPrefix(string(got), test.want) {
				t.Errorf("control file: got %q and error %v, want %q", got, err, test.want)
			}
			if got, err := os.ReadFile(other); err != nil || string(got) != "frozen" {
				t.Errorf("another file: got %q and error %v", got, err)
			}
		})
	}
	if err := Watch(strings.NewReader(""), "soon"); err == nil {
		t.Error("a limit that is none: got no error")
	}
}
