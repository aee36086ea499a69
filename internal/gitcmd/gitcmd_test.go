package gitcmd_test

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"sluice/internal/gitcmd"
)

func find(t *testing.T) *gitcmd.Git {
	t.Helper()
	git, err := gitcmd.Find()
	if err != nil {
		t.Fatal(err)
	}
	return git
}

func TestNothingIsInherited(t *testing.T) {
	t.Setenv("GIT_DIR", "/nowhere")
	t.Setenv("GIT_CONFIG_PARAMETERS", "'user.name=evil'")
	out, err := find(t).Command(t.Context(), []gitcmd.Setting{{"pack.threads", "2"}}, nil, "config", "--get-regexp", ".*").Output()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(out, []byte("evil")) || !bytes.HasSuffix(out, []byte("pack.threads 2\n")) {
		t.Errorf("git is configured with\n%s", out)
	}
}

// TestLimitsHoldForAProcess reads them from the kernel while git waits for its input.
func TestLimitsHoldForAProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("limits are set on Linux")
	}
	cmd := find(t).Command(t.Context(), nil, nil, "hash-object", "--stdin")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limits, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Pid()) + "/limits")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int64{
		"Max data size": gitcmd.MaxMemory, "Max cpu time": int64(gitcmd.MaxCPU.Seconds()), "Max core file size": 0,
	} {
		_, line, _ := strings.Cut(string(limits), name)
		value := strconv.FormatInt(want, 10)
		if fields := strings.Fields(line); len(fields) < 2 || fields[0] != value || fields[1] != value {
			t.Errorf("%s: the limits are\n%s", name, limits)
		}
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestALargeCommitIsRefused: git would hold it whole, and more than once.
func TestALargeCommitIsRefused(t *testing.T) {
	git := find(t)
	dir := t.TempDir()
	env := []string{"GIT_DIR=" + dir}
	if err := git.Command(t.Context(), nil, env, "init", "--quiet", "--bare").Run(); err != nil {
		t.Fatal(err)
	}
	cmd := git.Command(t.Context(), nil, env, "hash-object", "-t", "commit", "--literally", "--stdin")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.CopyN(in, zeros{}, gitcmd.MaxAllocation+1<<20) // git ends before it has read all
	_ = in.Close()
	if err := cmd.Wait(); err == nil || !strings.Contains(cmd.Stderr(), "limit") {
		t.Errorf("got %v, and git says %q", err, cmd.Stderr())
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
