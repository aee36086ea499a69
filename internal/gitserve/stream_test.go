package gitserve_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/gitserve"
	"sluice/internal/platform"
)

// startPush pushes in the background and returns the lines that the client shows, and
// how to kill it.
func (f *fixture) startPush() (lines *bufio.Scanner, kill func()) {
	f.t.Helper()
	cmd := f.command(f.t.Context(), "push", f.url("write"), "main")
	pr, pw := io.Pipe()
	cmd.Stderr = pw
	check(f.t, cmd.Start())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait()
		_ = pw.Close()
	}()
	return bufio.NewScanner(pr), func() {
		_ = cmd.Cancel()
		_ = pr.Close()
		<-done
	}
}

func waitForLine(t *testing.T, lines *bufio.Scanner, want string) {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), want) {
			return
		}
	}
	t.Fatalf("the client ended before it showed %q", want)
}

func TestOutputIsLive(t *testing.T) {
	f := newFixture(t, settings{})
	next := make(chan string)
	f.post = func(_ context.Context, _ platform.Push, out io.Writer) error {
		for line := range next {
			if _, err := io.WriteString(out, line+"\n"); err != nil {
				return err
			}
		}
		return nil
	}
	f.commit("a", "1")
	lines, kill := f.startPush()
	defer kill()
	for i := range 3 {
		line := fmt.Sprint("line ", i)
		next <- line
		waitForLine(t, lines, line) // while the hook runs on
	}
	close(next)
	waitForLine(t, lines, "main -> main")
}

func TestTheStreamEndsWithTheClient(t *testing.T) {
	f := newFixture(t, settings{})
	ended := make(chan error, 1)
	f.post = func(ctx context.Context, _ platform.Push, out io.Writer) error {
		_, err := io.WriteString(out, "deploying\n")
		check(t, err)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return context.Cause(ctx)
	}
	head := f.commit("a", "1")
	lines, kill := f.startPush()
	waitForLine(t, lines, "deploying")
	kill()
	select {
	case err := <-ended:
		t.Log(err)
	case <-time.After(2 * time.Minute):
		t.Fatal("the stream goes on without its client")
	}
	if got := f.head("main"); got != head || len(f.stored()) != 1 {
		t.Errorf("main is %s, want %s; told %d times", got, head, len(f.stored()))
	}
}

func TestAPushOutlivesItsClient(t *testing.T) {
	f := newFixture(t, settings{})
	checking, goOn, told := make(chan struct{}), make(chan struct{}), make(chan struct{})
	f.pre = func(ctx context.Context, _ platform.Push, out io.Writer) error {
		_, _ = io.WriteString(out, "checking\n")
		close(checking)
		<-goOn
		for range 1000 { // more than any buffer on the way holds
			_, _ = io.WriteString(out, strings.Repeat("x", 1000)+"\n")
		}
		return ctx.Err()
	}
	f.post = func(context.Context, platform.Push, io.Writer) error {
		close(told)
		return nil
	}
	head := f.commit("a", "1")
	_, kill := f.startPush()
	<-checking
	kill()
	close(goOn)
	select {
	case <-told:
	case <-time.After(2 * time.Minute):
		t.Fatal("the push was lost with its client")
	}
	if got := f.head("main"); got != head {
		t.Errorf("main is %q, want %s", got, head)
	}
}

func TestStopEndsStreamsAndRefusesPushes(t *testing.T) {
	f := newFixture(t, settings{})
	f.post = func(ctx context.Context, _ platform.Push, out io.Writer) error {
		_, err := io.WriteString(out, "deploying\n")
		check(t, err)
		<-ctx.Done()
		if !errors.Is(context.Cause(ctx), gitserve.ErrStopping) {
			t.Errorf("the stream ended with %v", context.Cause(ctx))
		}
		return fmt.Errorf("follow: %w", context.Cause(ctx))
	}
	f.commit("a", "1")
	lines, kill := f.startPush()
	defer kill()
	waitForLine(t, lines, "deploying")
	f.serve.Stop()
	waitForLine(t, lines, "the deployment goes on")
	waitForLine(t, lines, "main -> main")
	f.commit("a", "2")
	if out, err := f.git("push", f.url("write"), "main"); err == nil {
		t.Errorf("a push was accepted after Stop: %s", out)
	}
}

func TestConcurrentPushes(t *testing.T) {
	f := newFixture(t, settings{})
	head := f.commit("a", "1")
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			if out, err := f.git("push", f.url("write"), fmt.Sprint("main:b", i)); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, p := range f.stored() {
		seen[p.Updates[0].Ref] = p.Updates[0].New == head
	}
	if len(f.stored()) != 6 || len(seen) != 6 {
		t.Errorf("told of %+v", f.stored())
	}
}

// TestTwoPushesOfOneCommit: the second is let through while the first moves the ref. Git
// refuses it then; it must neither count as a push nor wait for what the first one causes.
func TestTwoPushesOfOneCommit(t *testing.T) {
	f := newFixture(t, settings{})
	f.commit("a", "1")
	var asked atomic.Int32
	both, moved, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	f.pre = func(context.Context, platform.Push, io.Writer) error {
		if asked.Add(1) == 1 {
			<-both
			return nil
		}
		close(both)
		<-moved
		return nil
	}
	f.post = func(context.Context, platform.Push, io.Writer) error {
		if len(f.stored()) == 1 {
			close(moved)
			<-ended
		}
		return nil
	}
	results := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := f.git("push", f.url("write"), "main")
			results <- err
		}()
	}
	if <-results == nil {
		t.Error("the refused push succeeded, or had to wait for the other one")
	}
	close(ended)
	if err := <-results; err != nil {
		t.Error(err)
	}
	if n := len(f.stored()); n != 1 {
		t.Errorf("told of %d pushes, want 1", n)
	}
}

func TestAHookThatDiesLosesNoPush(t *testing.T) {
	script := filepath.Join(t.TempDir(), "hook")
	check(t, os.WriteFile(script, []byte("#!/bin/sh\n[ $2 = pre-receive ] || exit 1\nexec '"+os.Args[0]+"' \"$@\"\n"), 0o700))
	f := newFixture(t, settings{command: []string{script, "hook"}})
	head := f.commit("a", "1")
	f.mustGit("push", f.url("write"), "main")
	if pushes := f.stored(); len(pushes) != 1 || pushes[0].Updates[0].New != head || pushes[0].Quarantine != nil {
		t.Errorf("told of %+v", pushes)
	}
}
