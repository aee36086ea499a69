package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/apiv1"
)

// TestBench measures deployments of the storefront and prints medians with their parts;
// docs/benchmarks.md says how to read them. It judges no time: machines differ. It runs
// only when SLUICE_BENCH is set, as `make bench` does. SLUICE_BENCH_RUNS is the number of
// rounds.
func TestBench(t *testing.T) {
	if os.Getenv("SLUICE_BENCH") == "" {
		t.Skip("run `make bench`")
	}
	rounds := 5
	if n, err := strconv.Atoi(os.Getenv("SLUICE_BENCH_RUNS")); err == nil && n > 0 {
		rounds = n
	}
	m := newMachine(t)
	b := &bench{
		// A project of its own: no other run's slug can be found.
		shop:    m.newShop(fmt.Sprintf("bench%d", os.Getpid()), "../examples/storefront"),
		samples: map[string][]timing{},
	}
	facts := machineFacts(m)
	b.progress("first push")
	b.measure(firstCase, func() { b.push() })
	byHand := newPeer(b.shop)
	for n := range rounds {
		b.progress("round %d of %d", n+1, rounds)
		b.round()
		if byHand != nil {
			b.add(peerCase, byHand.deploy(changedFile))
		}
	}
	b.print(os.Stdout, rounds, facts)
}

// bench is a shop that is deployed over and over, and what that took.
type bench struct {
	*shop
	samples map[string][]timing // by case
	failed  int                 // requests of the visitor
	answers int
}

// timing is what the parts of one deployment took, in seconds, by their names.
type timing map[string]float64

// The cases.
const (
	firstCase     = "first push"
	unchangedCase = "push, unchanged tree"
	changedCase   = "push, one changed PHP file"
	redeployCase  = "redeploy"
	peerCase      = "docker build + compose up"
)

// The parts that all cases have.
const (
	partWall     = "wall"         // of the command
	partLive     = "push-to-live" // until the new release answers
	partBuild    = "build"
	partDeploy   = "deploy"
	partPost     = "post-deploy"
	partHooks    = "hooks" // those before the release is live, by themselves
	partHold     = "hold"
	partHoldRest = "hold-hook"
	partOverhead = "overhead" // push-to-live without the hooks
)

// Parts of a push beside the recorded steps.
const (
	partReceive     = "git push until queued"
	partQueue       = "queued until claimed"
	partBuildBefore = "build: until the hook"
	partBuildHook   = "build: the hook"
	partBuildAfter  = "build: after the hook"
	partEnd         = "the log's end until git push ends"
)

// stepPart keeps the platform's steps apart from the other parts.
func stepPart(step string) string { return "step " + step }

func (b *bench) add(name string, t timing) { b.samples[name] = append(b.samples[name], t) }

// progress goes to standard error: the figures on standard output take minutes.
func (b *bench) progress(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

// changedFile is loaded for every page.
const changedFile = "src/View.php"

// round deploys once in every way while one visitor looks on.
func (b *bench) round() {
	b.t.Helper()
	v := b.visit(b.address())
	b.commit("nothing changed")
	b.measure(unchangedCase, func() { b.push() })
	b.change(changedFile)
	b.measure(changedCase, func() { b.push() })
	b.measure(redeployCase, func() { b.sluice("environment:redeploy", "--yes", "-p", b.project, "-e", "main") })
	report := v.leave()
	b.failed += report.Failed()
	b.answers += report.Gets.Answered
}

// change commits a change of one file that no build has seen.
func (b *bench) change(name string) {
	b.t.Helper()
	source, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.t.Fatal(err)
	}
	b.write(name, fmt.Sprintf("%s\n// %d\n", bytes.TrimSpace(source), time.Now().UnixNano()))
	b.commit("one file changed")
}

// measure runs one deployment and takes it apart.
func (b *bench) measure(name string, deploy func()) {
	b.t.Helper()
	begin := time.Now()
	deploy()
	end := time.Now()
	a := b.last()
	if a.Result != apiv1.ResultSuccess {
		b.t.Fatalf("%s: result %q: %s", name, a.Result, a.Reason)
	}
	b.add(name, b.takeApart(a, begin, end))
}

// takeApart says where the time of a deployment went.
func (b *bench) takeApart(a apiv1.Activity, begin, end time.Time) timing {
	b.t.Helper()
	t := timing{
		partWall:    end.Sub(begin).Seconds(),
		partBuild:   a.Timings.Build,
		partDeploy:  a.Timings.Deploy,
		partPost:    a.Timings.PostDeploy,
		partReceive: a.CreatedAt.Sub(begin).Seconds(),
		partQueue:   a.Timings.Wait,
		partEnd:     end.Sub(a.CompletedAt.Time).Seconds(),
	}
	for _, s := range a.Steps {
		t[stepPart(s.Name)] += s.Seconds
	}
	b.buildParts(a.ID, t)
	deployHook := 0.0
	for _, c := range a.Commands {
		if c.Type == "deploy" {
			deployHook += c.Duration
		}
	}
	t[partHooks] = t[partBuildHook] + deployHook
	if a.Hold != nil {
		t[partHold] = a.Hold.Duration
		// A hook that began before the hold: only what visitors waited for is taken off.
		t[partHoldRest] = a.Hold.Duration - min(deployHook, t[stepPart("deploy-hook")])
		t[partLive] = a.Hold.ReleasedAt.Sub(begin).Seconds()
		t[partOverhead] = t[partLive] - t[partHooks]
	}
	return t
}

// buildParts reads from the log when the build hook began and ended; a reused slug has none.
func (b *bench) buildParts(id string, t timing) {
	b.t.Helper()
	var begin, hook, done time.Time
	dec := json.NewDecoder(bytes.NewReader(b.api("/api/activities/" + id + "/log")))
	for dec.More() {
		var item apiv1.LogItem
		if err := dec.Decode(&item); err != nil {
			b.t.Fatalf("log of %s: %v", id, err)
		}
		if item.Data == nil {
			continue
		}
		line, at := strings.TrimSpace(item.Data.Message), item.Data.Timestamp.Time
		switch {
		case strings.HasPrefix(line, "Building application"):
			begin = at
		case strings.HasPrefix(line, "Executing build hook"):
			hook = at
		case strings.HasPrefix(line, "(took ") && !hook.IsZero() && done.IsZero():
			done = at
		}
	}
	if done.IsZero() {
		return
	}
	t[partBuildBefore] = hook.Sub(begin).Seconds()
	t[partBuildHook] = done.Sub(hook).Seconds()
	t[partBuildAfter] = t[partBuild] - t[partBuildBefore] - t[partBuildHook]
}
