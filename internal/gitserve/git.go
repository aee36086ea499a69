package gitserve

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// stopDelay is how long the pipes of a git process may stay open after its end.
const stopDelay = 5 * time.Second

// config is the whole configuration of the git processes that serve clients; no file of
// the machine or of a user counts.
func config(extra ...[2]string) [][2]string {
	return append([][2]string{
		{"safe.directory", "*"},
		{"core.hooksPath", "/dev/null"},
		{"core.attributesFile", "/dev/null"},
		{"core.fsmonitor", "false"},
		{"gc.auto", "0"},
		{"uploadpack.allowFilter", "true"},
	}, extra...)
}

// receiveConfig is what git receive-pack needs on top.
func receiveConfig(hooks string, maxPush int64) [][2]string {
	extra := [][2]string{
		{"core.hooksPath", hooks},
		{"core.fsync", "all"}, // an accepted push survives a power cut
		{"core.fsyncMethod", "batch"},
		{"receive.advertisePushOptions", "true"},
		{"receive.maxInputSize", strconv.FormatInt(maxPush, 10)},
		{"receive.shallowUpdate", "false"}, // (spec: platform 8.3)
		{"receive.autogc", "false"},        // a push should not wait for it
		{"receive.fsckObjects", "true"},
	}
	// Old histories have these, and they do no harm.
	for _, id := range []string{
		"badDate", "badDateOverflow", "badEmail", "badName", "badTimezone", "missingEmail", "missingNameBeforeEmail",
		"missingSpaceBeforeDate", "missingSpaceBeforeEmail", "multipleAuthors", "missingTaggerEntry", "zeroPaddedDate",
		"zeroPaddedFilemode",
	} {
		extra = append(extra, [2]string{"receive.fsck." + id, "warn"})
	}
	return config(extra...)
}

// command prepares git to run one of its services on a repository. Nothing of our
// environment is inherited.
func (s *Server) command(ctx context.Context, settings [][2]string, env []string, args ...string) (*exec.Cmd, *tail) {
	cmd := exec.CommandContext(ctx, s.git, args...) //nolint:gosec // no shell; a verb, options and the path of a repository
	cmd.Dir = "/"
	cmd.Env = append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LC_ALL=C.UTF-8",
		"HOME=/nonexistent",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_NO_REPLACE_OBJECTS=1",
		"GIT_CONFIG_COUNT=" + strconv.Itoa(len(settings)),
	}, env...)
	for i, kv := range settings {
		cmd.Env = append(cmd.Env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, kv[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, kv[1]))
	}
	cmd.WaitDelay = stopDelay
	errOut := &tail{}
	cmd.Stderr = errOut
	return cmd, errOut
}

var protocolPattern = regexp.MustCompile(`^[a-z0-9=:._-]{1,64}$`)

// protocol returns the variable for a Git-Protocol header; an odd header does not count.
func protocol(header string) (env []string, version2 bool) {
	if !protocolPattern.MatchString(header) {
		return nil, false
	}
	for item := range strings.SplitSeq(header, ":") {
		version2 = version2 || item == "version=2"
	}
	return []string{"GIT_PROTOCOL=" + header}, version2
}

// tail keeps the end of what is written to it.
type tail struct{ buf []byte }

const maxTail = 4 << 10

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if len(t.buf) > maxTail {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-maxTail:]...)
	}
	return len(p), nil
}

// String returns what was kept.
func (t *tail) String() string {
	return strings.TrimSpace(strings.ToValidUTF8(string(t.buf), "\uFFFD"))
}
