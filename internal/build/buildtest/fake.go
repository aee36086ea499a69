// Package buildtest holds what tests of builders and of their users share: Fake, a builder
// in memory, and Run, the conformance suite that every build.Builder passes.
//
// It may be imported by tests only.
package buildtest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/internal/build"
	"sluice/internal/platform"
)

// Fake is a build.Builder in memory, for tests of the pipeline. The zero value is ready.
//
// A step's script is read line by line; the fake understands "echo TEXT", "echo TEXT >&2"
// (both expand variables of the request), "exit STATUS" and "sleep SECONDS", which lasts
// until the build ends. It ignores every other line.
type Fake struct {
	mu     sync.Mutex
	builds []build.Request
	slugs  map[string]platform.Slug // by reference
	fail   []error
	gate   chan struct{}
	down   error
}

var _ build.Builder = (*Fake)(nil)

// Builds returns the requests that were built or tried, oldest first.
func (f *Fake) Builds() []build.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.builds)
}

// FailNext makes the next build that begins return err after its steps have run. Calls
// add up: the second one is for the build after that.
func (f *Fake) FailNext(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = append(f.fail, err)
}

// Hold makes builds that begin from now on wait before their first step, until release is
// called or their context ends. Releasing twice is not an error.
func (f *Fake) Hold() (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	gate := make(chan struct{})
	f.gate = gate
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		close(gate)
		if f.gate == gate {
			f.gate = nil
		}
	})
}

// SetDown makes Ping return err; nil makes it answer again.
func (f *Fake) SetDown(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = err
}

// Lookup implements build.Builder. It forgets all that the port lets it forget.
func (f *Fake) Lookup(_ context.Context, project, app string, key build.Key) (platform.Slug, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	slug, ok := f.slugs[fakeRef(project, app, key)]
	slug.TreeID, slug.Size, slug.BuiltAt = "", 0, time.Time{}
	return slug, ok, nil
}

// Remove implements build.Builder.
func (f *Fake) Remove(_ context.Context, slug platform.Slug) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.slugs, slug.Ref)
	return nil
}

// Ping implements build.Builder.
func (f *Fake) Ping(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.down
}

// Build implements build.Builder.
func (f *Fake) Build(ctx context.Context, req build.Request, log io.Writer) (platform.Slug, error) {
	limit := cmp.Or(req.Timeout, build.DefaultTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errFakeLimit)
	defer cancel()
	gate, failure := f.begin(req)
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
		}
	}
	out := &fakeOutput{w: log}
	for _, step := range req.Steps {
		out.begin(step.Title)
		code := runFakeStep(ctx, step.Script, req.Env, out)
		if err := fakeOutcome(ctx, step, code, out, limit); err != nil {
			return platform.Slug{}, err
		}
	}
	if err := cmp.Or(context.Cause(ctx), failure, out.err); err != nil {
		return platform.Slug{}, err
	}
	return f.keep(req), nil
}

var errFakeLimit = errors.New("the build took longer than its limit")

func (f *Fake) begin(req build.Request) (gate chan struct{}, failure error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.builds = append(f.builds, req)
	if len(f.fail) > 0 {
		failure, f.fail = f.fail[0], f.fail[1:]
	}
	return f.gate, failure
}

func (f *Fake) keep(req build.Request) platform.Slug {
	f.mu.Lock()
	defer f.mu.Unlock()
	slug := platform.Slug{
		App:     req.App,
		Key:     req.Key.Sum(),
		Ref:     fakeRef(req.Project, req.App, req.Key),
		TreeID:  req.TreeID,
		Size:    1,
		BuiltAt: time.Now().UTC(),
	}
	slug.Digest = fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(slug.Ref)))
	if f.slugs == nil {
		f.slugs = map[string]platform.Slug{}
	}
	f.slugs[slug.Ref] = slug
	return slug
}

func fakeRef(project, app string, key build.Key) string {
	return "fake/" + project + "/" + app + ":" + key.Sum()[:32]
}

// fakeOutcome is the error that ends the build after a step, if any.
func fakeOutcome(ctx context.Context, step build.Step, code int, out *fakeOutput, limit time.Duration) error {
	failure := &build.Failure{Step: step.Name, ExitCode: code, Tail: out.tail}
	if cause := context.Cause(ctx); cause != nil {
		if !errors.Is(cause, errFakeLimit) {
			return cause
		}
		failure.ExitCode, failure.Reason = 0, "it ran longer than the limit of "+limit.String()
		return failure
	}
	if code != 0 {
		return failure
	}
	return nil
}

// runFakeStep runs a script and returns its exit status.
func runFakeStep(ctx context.Context, script string, env map[string]string, out *fakeOutput) int {
	for line := range strings.Lines(script) {
		command, argument, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch command {
		case "echo":
			text, toStderr := strings.CutSuffix(argument, " >&2")
			text = os.Expand(strings.Trim(text, `"`), func(name string) string { return env[name] })
			if toStderr {
				text = "W: " + text
			}
			out.line(text)
		case "exit":
			code, err := strconv.Atoi(argument)
			if err != nil {
				return 2
			}
			return code
		case "sleep":
			<-ctx.Done()
			return 0
		}
	}
	return 0
}

// fakeOutput writes a log as the port says and keeps the tail of a step.
type fakeOutput struct {
	w    io.Writer
	tail []string
	err  error
}

func (o *fakeOutput) begin(title string) {
	o.tail = nil
	o.write(title)
}

func (o *fakeOutput) line(text string) {
	o.tail = append(o.tail, text)
	if len(o.tail) > 20 {
		o.tail = o.tail[1:]
	}
	o.write("  " + text)
}

func (o *fakeOutput) write(line string) {
	_, err := io.WriteString(o.w, line+"\n")
	o.err = cmp.Or(o.err, err)
}

// Slugs returns what is in the fake's store, by reference.
func (f *Fake) Slugs() map[string]platform.Slug {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.slugs)
}
