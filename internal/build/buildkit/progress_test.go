package buildkit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client"
	gatewayapi "github.com/moby/buildkit/frontend/gateway/pb"

	"sluice/internal/build"
	"sluice/internal/platform"
)

const testMark = "sluice-MARK"

var testSteps = []build.Step{
	{Name: "dependencies", Title: "Installing build dependencies..."},
	{Name: "hook", Title: "Executing build hook..."},
}

// event is one piece of output: the number of its stream and the text.
type event struct {
	stream int
	text   string
}

// mark returns the two copies of a mark.
func mark(n int, words string) []event {
	line := fmt.Sprintf("%s %d %s\n", testMark, n, words)
	return []event{{1, line}, {2, line}}
}

func play(p *progress, events ...event) {
	for _, e := range events {
		p.update(&client.SolveStatus{Logs: []*client.VertexLog{{Stream: e.stream, Data: []byte(e.text)}}})
	}
}

func TestProgressWritesALog(t *testing.T) {
	begin0, end0 := mark(1, "begin 0"), mark(2, "end 0 0")
	begin1, end1 := mark(3, "begin 1"), mark(4, "end 1 0")
	for name, tc := range map[string]struct {
		events []event
		want   string
	}{
		"both streams": {
			events: []event{begin0[0], begin0[1], {1, "out\n"}, {2, "err\n"}},
			want:   "Installing build dependencies...\n  out\n  W: err\n",
		},
		"pieces of lines": {
			events: []event{begin0[0], begin0[1], {1, "a"}, {2, "x"}, {1, "b\nc"}, {2, "y\n"}},
			want:   "Installing build dependencies...\n  ab\n  W: xy\n  c\n",
		},
		"a stream that is late": {
			events: []event{begin0[0], begin0[1], end0[0], begin1[0], {1, "second\n"}, {2, "late\n"}, end0[1], begin1[1], {2, "x\n"}},
			want:   "Installing build dependencies...\n  W: late\n  (took 0.0s)\nExecuting build hook...\n  second\n  W: x\n",
		},
		"a mark after an unfinished line": {
			events: []event{begin0[0], begin0[1], {1, "no newline" + end0[0].text}, end0[1]},
			want:   "Installing build dependencies...\n  no newline\n  (took 0.0s)\n",
		},
		"a mark that was cut out of one stream": {
			events: []event{begin0[0], begin0[1], end0[1], begin1[0], begin1[1], {1, "second\n"}, end1[0], end1[1]},
			want:   "Installing build dependencies...\n  (took 0.0s)\nExecuting build hook...\n  second\n  (took 0.0s)\n",
		},
		"a line that was overwritten": {
			events: []event{begin0[0], begin0[1], {1, "10%\r50%\r100%\r\n"}},
			want:   "Installing build dependencies...\n  100%\n",
		},
		"bytes that are no text": {
			events: []event{begin0[0], begin0[1], {1, "a\xffb\n"}},
			want:   "Installing build dependencies...\n  a\uFFFDb\n",
		},
		"a step that does not exist": {
			events: []event{{1, testMark + " 1 begin 7\n"}, {2, testMark + " 1 begin 7\n"}, {1, testMark + "\n"}},
			want:   "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				p := newProgress(&log, testMark, testSteps)
				play(p, tc.events...)
				p.close()
				if diff := cmp.Diff(tc.want, log.String()); diff != "" {
					t.Errorf("log (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestProgressTakesTheTimeOfAStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		p := newProgress(&log, testMark, testSteps)
		play(p, mark(1, "begin 1")...)
		time.Sleep(90 * time.Second) // in the test's own time
		play(p, mark(2, "end 1 0")...)
		if want := "Executing build hook...\n  (took 1m30s)\n"; log.String() != want {
			t.Errorf("the log is %q, want %q", log.String(), want)
		}
	})
}

func TestProgressBreaksEndlessLines(t *testing.T) {
	var log strings.Builder
	p := newProgress(&log, testMark, testSteps)
	play(p, event{1, strings.Repeat("x", 3*maxLine+1)})
	p.close()
	for line := range strings.Lines(log.String()) {
		if len(line) > maxLine+len(outputIndent)+1 {
			t.Errorf("a line has %d bytes", len(line))
		}
	}
	if n := strings.Count(log.String(), "x"); n != 3*maxLine+1 {
		t.Errorf("%d bytes arrived, want %d", n, 3*maxLine+1)
	}
}

func TestOutcome(t *testing.T) {
	solve := errors.New("failed to solve")
	begun := mark(1, "begin 1")
	for name, tc := range map[string]struct {
		events []event
		err    error
		want   *build.Failure
	}{
		"a status": {
			events: append(begun, mark(2, "end 1 4")...),
			want:   &build.Failure{Step: "hook", ExitCode: 4},
		},
		"the end was cut out": {
			events: begun, err: &gatewayapi.ExitError{ExitCode: 5, Err: solve},
			want: &build.Failure{Step: "hook", ExitCode: 5},
		},
		"killed": {
			events: append(begun, mark(2, "end 1 137")...),
			want:   &build.Failure{Step: "hook", ExitCode: 137, Reason: "it was killed (status code 137), most likely because memory ran out"},
		},
		"disk full": {
			events: append(append(begun, event{2, "cp: No space left on device\n"}), mark(2, "end 1 1")...),
			want: &build.Failure{
				Step: "hook", ExitCode: 1, Reason: "the disk is full (status code 1)",
				Tail: []string{"W: cp: No space left on device"},
			},
		},
		"platform": {events: append(begun, mark(2, "end 1 0")...), err: solve},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgress(&strings.Builder{}, testMark, testSteps)
			play(p, tc.events...)
			p.close()
			err := tc.err
			if err == nil {
				err = solve
			}
			got, _ := errors.AsType[*build.Failure]((&Builder{}).outcome(t.Context(), err, p, time.Hour))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOutcomeOfAFullDiskBeforeTheSteps(t *testing.T) {
	p := newProgress(&strings.Builder{}, testMark, testSteps)
	err := (&Builder{}).outcome(t.Context(), errors.New("write /x: no space left on device"), p, time.Hour)
	if platform.ErrorCode(err) != platform.CodeUnavailable || platform.ErrorHint(err) == "" {
		t.Errorf("outcome = %v, want an error that says how to make room", err)
	}
}

func TestOutcomeOfAnEndedContext(t *testing.T) {
	p := newProgress(&strings.Builder{}, testMark, testSteps)
	play(p, mark(1, "begin 1")...)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errLimit)
	err := (&Builder{}).outcome(ctx, errors.New("rpc error"), p, time.Hour)
	if want := "the build hook was stopped: it ran longer than the limit of 1h"; err.Error() != want {
		t.Errorf("outcome = %q, want %q", err, want)
	}
}

func TestPlainDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Hour: "1h", 90 * time.Minute: "1h30m", 10 * time.Minute: "10m", 3 * time.Second: "3s", 70 * time.Second: "1m10s",
	} {
		if got := plainDuration(d); got != want {
			t.Errorf("plainDuration(%s) = %q, want %q", d, got, want)
		}
	}
}
