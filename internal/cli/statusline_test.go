package cli

import (
	"strings"
	"testing"
	"time"

	"sluice/apiv1"
)

func TestStatusLineFollowsThePhases(t *testing.T) {
	var screen strings.Builder
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	s := newStatusLine(&screen, 80, apiv1.Activity{ID: "act", Phase: "build"}, now)
	drawn := func() string {
		text := screen.String()
		screen.Reset()
		return text
	}

	s.draw(now.Add(1500 * time.Millisecond))
	if got, want := drawn(), "\r\x1b[2KBUILD 1.5s | total 1.5s | activity act"; got != want {
		t.Errorf("first status = %q, want %q", got, want)
	}
	s.draw(now.Add(1540 * time.Millisecond))
	if got := drawn(); got != "" {
		t.Errorf("an unchanged status was drawn again: %q", got)
	}
	s.print("a line\n")
	if got, want := drawn(), "\r\x1b[2Ka line\n"; got != want {
		t.Errorf("line = %q, want %q", got, want)
	}
	s.update(apiv1.Activity{Phase: "deploy"}, now.Add(60*time.Second))
	s.draw(now.Add(65 * time.Second))
	if got, want := drawn(), "\r\x1b[2KDEPLOY 5.0s | total 1m5s | activity act"; got != want {
		t.Errorf("status = %q, want %q", got, want)
	}
	s.clear()
	s.clear()
	if got, want := drawn(), "\r\x1b[2K"; got != want {
		t.Errorf("clear = %q, want %q once", got, want)
	}
}

func TestStatusLineNeverWraps(t *testing.T) {
	now := time.Now()
	s := newStatusLine(&strings.Builder{}, 20, apiv1.Activity{ID: "act", Phase: "post-deploy"}, now)
	if got := s.text(now); len(got) >= 20 {
		t.Errorf("status %q has %d characters on a terminal of 20", got, len(got))
	}
}

func TestRelayFindsTheActivity(t *testing.T) {
	for name, tc := range map[string]struct{ output, want string }{
		"plain":     {"remote: Building\nremote: activity abcdefghijk23 result=success phase=post-deploy\nTo http://x\n", "abcdefghijk23"},
		"padded":    {"remote:   activity abcdefghijk23 result=failure phase=build        \n", "abcdefghijk23"},
		"last":      {"remote: activity aaaaaaaaaaaaa x\nremote: activity bbbbbbbbbbbbb x\n", "bbbbbbbbbbbbb"},
		"not whole": {"remote: activity abcdefghijk2345 result=success\n", ""},
		"not ours":  {"activity abcdefghijk23 result=success\n", ""},
		"progress":  {"Writing objects: 50%\rWriting objects: 100%\rdone", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var shown strings.Builder
			if got := relay(strings.NewReader(tc.output), &shown); got != tc.want {
				t.Errorf("activity = %q, want %q", got, tc.want)
			}
			if shown.String() != tc.output {
				t.Errorf("shown = %q, want all of %q", shown.String(), tc.output)
			}
		})
	}
}

func TestOutcomeDecidesTheExitStatus(t *testing.T) {
	failed := func(phase string) apiv1.Activity {
		return apiv1.Activity{State: apiv1.StateComplete, Result: apiv1.ResultFailure, Phase: phase}
	}
	for name, tc := range map[string]struct {
		activity apiv1.Activity
		want     int
	}{
		"success":   {apiv1.Activity{State: apiv1.StateComplete, Result: apiv1.ResultSuccess, Phase: "post-deploy"}, ExitOK},
		"build":     {failed("build"), ExitBuildFailed},
		"deploy":    {failed("deploy"), ExitDeployFailed},
		"wait":      {failed("wait"), ExitDeployFailed},
		"post":      {failed("post-deploy"), ExitPostDeploy},
		"cancelled": {apiv1.Activity{State: apiv1.StateCancelled, Phase: "build"}, ExitCancelled},
		"hook": {apiv1.Activity{
			State: apiv1.StateComplete, Result: apiv1.ResultSuccess, Commands: []apiv1.Command{{Type: "post_deploy", ExitCode: 1}},
		}, ExitPostDeploy},
	} {
		t.Run(name, func(t *testing.T) {
			if got := exitStatus(outcome(tc.activity)); got != tc.want {
				t.Errorf("exit status = %d, want %d", got, tc.want)
			}
		})
	}
}
