package buildkit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestLimitsAreWrittenToTheBuildsOwnGroups: both versions of control groups; a group that
// holds other processes too stays as it is, and so does another build.
func TestLimitsAreWrittenToTheBuildsOwnGroups(t *testing.T) {
	for name, tt := range map[string]struct {
		groups string
		files  []string
		want   map[string]string
	}{
		"version 1": {
			groups: "9:name=systemd:/docker/buildkit/b1\n8:pids:/docker/buildkit/b1\n7:blkio:/docker/buildkit/b1\n4:memory:/docker/buildkit/b1\n1:cpu,cpuacct:/docker/buildkit/b1\n0::/docker/buildkit/b1\n",
			files: []string{
				"pids/docker/buildkit/b1/pids.max", "pids/docker/buildkit/pids.max",
				"memory/docker/buildkit/b1/memory.limit_in_bytes", "memory/docker/buildkit/memory.limit_in_bytes",
				"cpu,cpuacct/docker/buildkit/b1/cpu.shares", "cpu,cpuacct/docker/buildkit/cpu.shares", "cpu,cpuacct/docker/cpu.shares",
				"blkio/docker/buildkit/b1/blkio.weight",
			},
			want: map[string]string{
				"pids/docker/buildkit/b1/pids.max": "64", "memory/docker/buildkit/b1/memory.limit_in_bytes": "1048576",
				"cpu,cpuacct/docker/buildkit/b1/cpu.shares": "128", "cpu,cpuacct/docker/buildkit/cpu.shares": "128",
				"blkio/docker/buildkit/b1/blkio.weight": "10",
			},
		},
		"version 2": {
			groups: "0::/system.slice/docker-b1.scope\n",
			files: []string{
				"system.slice/docker-b1.scope/memory.max", "system.slice/docker-b1.scope/memory.swap.max",
				"system.slice/docker-b1.scope/pids.max", "system.slice/docker-b1.scope/cpu.weight",
				"system.slice/docker-b1.scope/io.weight", "system.slice/cpu.weight", "system.slice/memory.max",
			},
			want: map[string]string{
				"system.slice/docker-b1.scope/memory.max": "1048576", "system.slice/docker-b1.scope/memory.swap.max": "0",
				"system.slice/docker-b1.scope/pids.max": "64", "system.slice/docker-b1.scope/cpu.weight": "5",
				"system.slice/docker-b1.scope/io.weight": "1",
			},
		},
		"no group of its own":          {groups: "8:pids:/\n0::/\n", files: []string{"pids/pids.max", "pids.max", "memory.max"}},
		"a group that cannot be named": {groups: "8:pids:/../../other\n", files: []string{"other/pids.max"}},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			c := confinement{Limits: Limits{Memory: 1 << 20, Processes: 64}, proc: filepath.Join(root, "proc"), cgroups: filepath.Join(root, "cgroup")}
			writeProcess(t, c.proc, "10", "k1", "/bin/sh\x00"+planDir+"/run\x00", tt.groups)
			writeProcess(t, c.proc, "11", "k2", "/bin/sh\x00"+planDir+"/run\x00", tt.groups)
			writeProcess(t, c.proc, "12", "k1", "/bin/sh\x00-c\x00"+planDir+"/run\x00", tt.groups)
			for _, f := range tt.files {
				writeFile(t, filepath.Join(c.cgroups, f), "max")
			}
			if err := c.apply(t.Context(), "k1"); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, written(t, c.cgroups, tt.files), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("written (-want +got):\n%s", diff)
			}
			want := map[string]string{"10/oom_score_adj": killFirst}
			if diff := cmp.Diff(want, written(t, c.proc, []string{"10/oom_score_adj", "11/oom_score_adj", "12/oom_score_adj"})); diff != "" {
				t.Errorf("scores (-want +got):\n%s", diff)
			}
		})
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeProcess makes the files of a process that are looked at.
func writeProcess(t *testing.T, proc, pid, key, command, groups string) {
	t.Helper()
	for name, content := range map[string]string{
		"cmdline": command, "environ": keyVariable + "=" + key + "\x00A=b\x00", "oom_score_adj": "max", "cgroup": groups,
	} {
		writeFile(t, filepath.Join(proc, pid, name), content)
	}
}

// written returns the files that are not as they were.
func written(t *testing.T, root string, files []string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(root, f))
		if err != nil {
			t.Fatal(err)
		}
		if string(content) != "max" {
			out[f] = string(content)
		}
	}
	return out
}

func TestLimitsHaveDefaults(t *testing.T) {
	c := newConfinement(Limits{})
	if c.Memory != defaultMemory || c.Processes != defaultProcesses {
		t.Errorf("limits %+v", c.Limits)
	}
	if c := newConfinement(Limits{Memory: 5, Processes: 6}); c.Memory != 5 || c.Processes != 6 {
		t.Errorf("limits %+v", c.Limits)
	}
}

func TestAnotherReasonForAKilledBuild(t *testing.T) {
	c := newConfinement(Limits{Memory: 64 << 20, Processes: 50})
	b := &Builder{confined: &c}
	for code, want := range map[int]string{137: "64 MB of memory (sluiced --build-memory)", 2: "50 processes"} {
		if got := b.exitReason(code, []string{"W: sh: 1: Cannot fork"}); !strings.Contains(got, want) {
			t.Errorf("status %d: %q, want %q in it", code, got, want)
		}
	}
}
