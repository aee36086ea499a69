package buildkit

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	gatewayapi "github.com/moby/buildkit/frontend/gateway/pb"

	"sluice/internal/build"
	"sluice/internal/platform"
)

// errLimit is the cause of a build's context when the build took too long.
var errLimit = errors.New("the build took longer than its limit")

var exitCodeText = regexp.MustCompile(`\bexit code: ([0-9]{1,3})$`)

// exitKilled is the status of a process that was killed by SIGKILL.
const exitKilled = 128 + 9

// outcome says whose fault it is that the solve ended with err: the caller's, who gave up
// (their cause is returned), the application's (a *build.Failure), or the platform's.
func (b *Builder) outcome(ctx context.Context, err error, p *progress, limit time.Duration) error {
	failure := &build.Failure{Step: p.stepName(), Tail: slices.Clone(p.tail)}
	if cause := context.Cause(ctx); cause != nil {
		switch {
		case errors.Is(cause, errRoom):
			failure.Reason = cause.Error()
			return failure
		case !errors.Is(cause, errLimit):
			return cause
		}
		failure.Reason = "it ran longer than the limit of " + plainDuration(limit)
		return failure
	}
	if p.stuck != "" {
		failure.Reason = fmt.Sprintf("/app/%s is not a directory of the application (is it below a symbolic link?), so nothing can be mounted there", p.stuck)
		return failure
	}
	if failure.ExitCode = p.exitCode(err); failure.ExitCode != 0 {
		failure.Reason = b.exitReason(failure.ExitCode, failure.Tail)
		return failure
	}
	if diskFull(err.Error()) || slices.ContainsFunc(p.tail, diskFull) {
		return platform.Errorf(platform.CodeUnavailable, "the disk that holds the builds is full; the running site was not touched").
			WithHint("free space below Docker's directory, for example with: docker builder prune")
	}
	return fmt.Errorf("build the slug: %w", err)
}

// exitCode returns the status of the step that failed, or 0 when none did. When BuildKit
// cut the output, the mark with the status is missing; the solve's error has it too.
func (p *progress) exitCode(err error) int {
	if p.step == stepNone || p.done {
		return 0
	}
	if p.ended {
		return p.code
	}
	if exit, ok := errors.AsType[*gatewayapi.ExitError](err); ok {
		return int(exit.ExitCode)
	}
	// Docker's BuildKit before version 23 sends the status as text only.
	if m := exitCodeText.FindStringSubmatch(err.Error()); m != nil {
		code, _ := strconv.Atoi(m[1]) // three digits
		return code
	}
	return 0
}

func (p *progress) stepName() string {
	if p.step == stepNone {
		return "preparation"
	}
	return p.steps[p.step].Name
}

// exitReason names the limit that an exit status stands for, or "" for a plain failure.
func (b *Builder) exitReason(code int, tail []string) string {
	switch {
	case code == exitKilled && b.confined != nil:
		return fmt.Sprintf("it was killed (status code 137), most likely because it needed more than its %d MB of memory (sluiced --build-memory)", b.confined.Memory>>20)
	case code == exitKilled:
		return "it was killed (status code 137), most likely because memory ran out"
	case b.confined != nil && slices.ContainsFunc(tail, outOfProcesses):
		return fmt.Sprintf("it needed more than its %d processes (status code %d)", b.confined.Processes, code)
	case slices.ContainsFunc(tail, diskFull):
		return fmt.Sprintf("the disk is full (status code %d)", code)
	default:
		return ""
	}
}

func outOfProcesses(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "cannot fork") || strings.Contains(text, "resource temporarily unavailable")
}

func diskFull(text string) bool {
	return strings.Contains(strings.ToLower(text), "no space left on device")
}

// plainDuration writes 1h, not 1h0m0s.
func plainDuration(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

// unreachable says what to check when the builder does not respond.
func unreachable(err error) error {
	return &platform.Error{
		Code:    platform.CodeUnavailable,
		Message: "the builder (BuildKit) does not respond",
		Hint:    "is the Docker engine running? check with: docker version",
		Err:     err,
	}
}
