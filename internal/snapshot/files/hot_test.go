package files_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/platform"
	"sluice/internal/snapshot"
	"sluice/internal/snapshot/files"
)

// tool copies a service as a tool of its own would.
type tool struct {
	dir  string
	none bool
	err  error
	name string
}

func (h *tool) Copy(_ context.Context, id platform.EnvironmentID, service, name string, _ io.Writer) (bool, error) {
	h.name = name
	if h.none {
		return false, nil
	}
	to := filepath.Join(h.dir, "services", string(id), service, name)
	if err := os.MkdirAll(to, 0o711); err != nil {
		return false, err
	}
	return h.err == nil, errors.Join(h.err, os.WriteFile(filepath.Join(to, "ibdata1"), []byte("by the tool"), 0o600))
}

func TestServiceIsCopiedByItsOwnTool(t *testing.T) {
	for name, test := range map[string]struct {
		tool tool
		want string
	}{
		"a tool":            {want: "by the tool"},
		"no tool":           {tool: tool{none: true}, want: "as it lies"},
		"a tool that fails": {tool: tool{err: errors.New("no")}, want: "as it lies"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			database := where(dir, env, snapshot.ServicePart("mysql"))
			write(t, filepath.Join(database, "ibdata1"), "as it lies")
			write(t, filepath.Join(database, "large"), "")
			do(t, os.Truncate(filepath.Join(database, "large"), 200<<20))
			do(t, os.Chmod(database, 0o750))
			write(t, filepath.Join(where(dir, env, snapshot.ServicePart("redis")), "dump.rdb"), "small")
			test.tool.dir = dir
			s := open(t, dir, &containers{running: []string{"mysql"}}, func(c *files.Config) { c.Hot, c.Copy = &test.tool, true })
			var log strings.Builder
			taken, err := s.Take(t.Context(), snapshot.Request{Environment: env}, &log)
			do(t, err)
			p, _ := taken.Part(snapshot.ServicePart("mysql"))
			at := filepath.Join(dir, "snapshots", taken.ID, "data", p.Dir)
			if got, err := os.ReadFile(filepath.Join(at, "ibdata1")); err != nil || string(got) != test.want {
				t.Errorf("in the snapshot: got %q and error %v, want %q; log:\n%s", got, err, test.want, log.String())
			}
			if info, err := os.Stat(at); err != nil || info.Mode().Perm() != 0o750 {
				t.Errorf("directory in the snapshot: got %v and error %v", info.Mode(), err)
			}
			if test.tool.name == "" {
				t.Error("the tool was not asked")
			}
			if left, err := filepath.Glob(filepath.Join(database, ".sluice-copy")); err != nil || len(left) > 0 {
				t.Errorf("left in the service's directory: %v", left)
			}
		})
	}
}

// TestInterruptedToolLeavesNothing: what was made when sluiced died is removed at the start.
func TestInterruptedToolLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(where(dir, env, snapshot.ServicePart("mysql")), ".sluice-copy", "abc", "ibdata1")
	write(t, left, "half")
	do(t, open(t, dir, &containers{}, nil).Recover(t.Context()))
	if _, err := os.Stat(filepath.Dir(filepath.Dir(left))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got error %v, want that it is gone", err)
	}
}
