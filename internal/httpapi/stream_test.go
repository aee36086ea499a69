package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/apiv1"
	"sluice/internal/httpapi"
	"sluice/internal/httpapi/httpapitest"
	"sluice/internal/platform"
)

// serve runs the API on a port of its own. wrap, when not nil, stands before it.
func serve(t *testing.T, p *httpapitest.Platform, wrap func(http.Handler) http.Handler) *apiv1.Client {
	t.Helper()
	h := httpapi.New(p.Ports(), httpapi.Config{
		RepositoryURL: func(string) string { return "" },
		Log:           slog.New(slog.DiscardHandler),
		Heartbeat:     5 * time.Millisecond,
	})
	if wrap != nil {
		h = wrap(h)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	client, err := apiv1.NewClient(server.URL, httpapitest.Admin, apiv1.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// running adds the activity "act", which is being built.
func running(p *httpapitest.Platform, lines ...string) {
	p.AddActivity(platform.Activity{ID: "act", State: platform.ActivityInProgress, Step: platform.StepBuild}, lines...)
}

func TestLogFollowsUntilTheActivityEnds(t *testing.T) {
	p := httpapitest.New()
	running(p, "one", "", "three")
	client := serve(t, p, nil)
	var got []string
	for item, err := range client.ActivityLog(t.Context(), "act", true) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, item.Message)
		if len(got) == 3 { // the reader has caught up: what follows is live
			p.Log("act", "four")
			p.Finish("act", "success")
		}
	}
	if diff := cmp.Diff([]string{"one\n", "\n", "three\n", "four\n"}, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// TestLogSurvivesBrokenConnections cuts each of the first connections after an item.
func TestLogSurvivesBrokenConnections(t *testing.T) {
	p := httpapitest.New()
	running(p, "one", "two", "three")
	p.Finish("act", "success")
	var cuts atomic.Int32
	client := serve(t, p, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/log") && cuts.Add(1) <= 2 {
				q := r.URL.Query()
				q.Set("max_items", "1")
				r.URL.RawQuery = q.Encode()
				h.ServeHTTP(w, r)
				panic(http.ErrAbortHandler)
			}
			h.ServeHTTP(w, r)
		})
	})
	var got []string
	for item, err := range client.ActivityLog(t.Context(), "act", true) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, item.Message)
	}
	if diff := cmp.Diff([]string{"one\n", "two\n", "three\n"}, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestSilentLogHasHeartbeats(t *testing.T) {
	for accept, beat := range map[string]string{"": `"message":""`, "text/event-stream": ": alive"} {
		t.Run(accept, func(t *testing.T) {
			p := httpapitest.New()
			running(p, "one")
			client := serve(t, p, nil)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, client.Server()+"/api/activities/act/log", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+httpapitest.Admin)
			req.Header.Set("Accept", accept)
			resp, err := new(http.Client).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			var text strings.Builder
			finished := false
			for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
				text.WriteString(lines.Text() + "\n")
				if strings.Contains(lines.Text(), beat) && !finished {
					finished = true
					p.Finish("act", "success")
				}
			}
			if !finished || !strings.Contains(text.String(), `"seal":true`) {
				t.Errorf("stream has no heartbeat or no seal:\n%s", text.String())
			}
		})
	}
}

// unsealed is a journal whose log a crash left without an end: it waits for more.
type unsealed struct{ httpapi.Journal }

func (u unsealed) Entries(ctx context.Context, _ string, from int) iter.Seq2[platform.LogEntry, error] {
	return func(yield func(platform.LogEntry, error) bool) {
		if from <= 1 && !yield(platform.LogEntry{ID: 1, Message: "cut"}, nil) {
			return
		}
		<-ctx.Done()
		yield(platform.LogEntry{}, context.Cause(ctx))
	}
}

// TestLogOfAFinishedActivityIsAlwaysSealed: without the seal clients would ask for ever.
func TestLogOfAFinishedActivityIsAlwaysSealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := httpapitest.New()
		running(p)
		p.Finish("act", "success")
		ports := p.Ports()
		ports.Journal = unsealed{}
		h := httpapi.New(ports, httpapi.Config{
			RepositoryURL: func(string) string { return "" }, Log: slog.New(slog.DiscardHandler),
		})
		began := time.Now()
		got := answer(t, h, "GET /api/activities/act/log "+httpapitest.Admin)
		if !strings.Contains(got, "cut") || !strings.HasSuffix(got, `{"seal":true}`+"\n") {
			t.Errorf("answer = %s, want the line and the seal", got)
		}
		if d := time.Since(began); d > 3*time.Second {
			t.Errorf("the seal came after %s", d)
		}
	})
}

func TestLogWithoutWaitingEndsUnsealed(t *testing.T) {
	p := httpapitest.New()
	running(p, "one")
	client := serve(t, p, nil)
	var got []string
	for item, err := range client.ActivityLog(t.Context(), "act", false) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, item.Message)
	}
	if diff := cmp.Diff([]string{"one\n"}, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// execute runs a command through the API and returns its status and output.
func execute(t *testing.T, client *apiv1.Client, cmd apiv1.ExecCommand, stdin io.Reader) (code int, stdout, stderr string, err error) {
	t.Helper()
	var out, errs strings.Builder
	code, err = client.Exec(t.Context(), "shop", "main", cmd, apiv1.ExecStreams{Stdin: stdin, Stdout: &out, Stderr: &errs})
	return code, out.String(), errs.String(), err
}

func TestExecCarriesStreamsAndStatus(t *testing.T) {
	p := httpapitest.New()
	p.RunFunc = func(_ context.Context, argv []string, _ bool, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
		n, err := io.Copy(stdout, stdin)
		if err != nil {
			return 0, err
		}
		_, err = io.WriteString(stderr, strings.Join(argv, "|"))
		return int(n % 200), err
	}
	client := serve(t, p, nil)
	big := strings.Repeat("0123456789", 50_000) // several frames
	code, stdout, stderr, err := execute(t, client, apiv1.ExecCommand{Argv: []string{"tee", "a b"}}, strings.NewReader(big))
	if err != nil || code != len(big)%200 {
		t.Errorf("status = %d, %v, want %d", code, err, len(big)%200)
	}
	if stdout != big || stderr != "tee|a b" {
		t.Errorf("stdout has %d bytes, stderr %q; want %d and the command", len(stdout), stderr, len(big))
	}
}

// TestExecEndsBeforeItsInput: a command that reads nothing must not hang on input that never
// ends, and its status must arrive.
func TestExecEndsBeforeItsInput(t *testing.T) {
	p := httpapitest.New()
	p.RunFunc = func(_ context.Context, _ []string, _ bool, _ io.Reader, stdout, _ io.Writer) (int, error) {
		_, err := io.WriteString(stdout, "enough")
		return 7, err
	}
	client := serve(t, p, nil)
	code, stdout, _, err := execute(t, client, apiv1.ExecCommand{Argv: []string{"head", "-1"}}, endless{})
	if err != nil || code != 7 || stdout != "enough" {
		t.Errorf("exec = %d, %q, %v; want 7, enough", code, stdout, err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestExecEndsWithTheClient(t *testing.T) {
	p := httpapitest.New()
	started, ended := make(chan struct{}), make(chan error, 1)
	p.RunFunc = func(ctx context.Context, _ []string, _ bool, _ io.Reader, _, _ io.Writer) (int, error) {
		close(started)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return 0, context.Cause(ctx)
	}
	client := serve(t, p, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	left := errors.New("left")
	go func() {
		<-started
		cancel(left)
	}()
	_, err := client.Exec(ctx, "shop", "main", apiv1.ExecCommand{Argv: []string{"sleep", "1000"}},
		apiv1.ExecStreams{Stdout: io.Discard, Stderr: io.Discard})
	if !errors.Is(err, left) {
		t.Errorf("exec error = %v, want the cause", err)
	}
	if cause := <-ended; cause == nil {
		t.Error("the command was not ended")
	}
}

func TestExecHandsOnTheTerminalsSize(t *testing.T) {
	p := httpapitest.New()
	var seen []apiv1.Size
	resizes := make(chan apiv1.Size)
	p.RunFunc = func(_ context.Context, argv []string, tty bool, stdin io.Reader, _, _ io.Writer) (int, error) {
		terminal, ok := stdin.(*httpapi.Terminal)
		if !ok || !tty || !slices.Equal(argv, []string{"/bin/bash"}) {
			return 1, nil
		}
		seen = append(seen, <-terminal.Sizes)
		resizes <- apiv1.Size{Columns: 132, Rows: 50}
		seen = append(seen, <-terminal.Sizes)
		return 0, nil
	}
	client := serve(t, p, nil)
	cmd := apiv1.ExecCommand{TTY: true, Size: &apiv1.Size{Columns: 80, Rows: 24}}
	code, err := client.Exec(t.Context(), "shop", "main", cmd, apiv1.ExecStreams{Stdout: io.Discard, Stderr: io.Discard, Resizes: resizes})
	if err != nil || code != 0 {
		t.Fatalf("exec = %d, %v", code, err)
	}
	if diff := cmp.Diff([]apiv1.Size{{Columns: 80, Rows: 24}, {Columns: 132, Rows: 50}}, seen); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
}

func TestExecErrorsAreAnswers(t *testing.T) {
	p := httpapitest.New()
	p.RunFunc = func(context.Context, []string, bool, io.Reader, io.Writer, io.Writer) (int, error) {
		return 0, platform.Errorf(platform.CodeUnavailable, "the container does not run").WithHint("redeploy")
	}
	client := serve(t, p, nil)
	for _, tc := range []struct {
		env, app string
		want     apiv1.Error
	}{
		{"main", "", apiv1.Error{Code: 503, Message: "the container does not run", Hint: "redeploy"}},
		{"main", "nothere", apiv1.Error{Code: 404, Message: `application "nothere" not found`, Hint: "leave -A away"}},
		{"feature/x", "", apiv1.Error{
			Code: 409, Message: "environment feature/x is not running; the command was not run",
			Hint: "push to it, or activate it: sluice environment:activate -p shop -e feature/x",
		}},
	} {
		_, err := client.Exec(t.Context(), "shop", tc.env, apiv1.ExecCommand{App: tc.app}, apiv1.ExecStreams{Stdout: io.Discard, Stderr: io.Discard})
		e, ok := errors.AsType[*apiv1.Error](err)
		if !ok {
			t.Fatalf("%s %s: error = %v, want an answer", tc.env, tc.app, err)
		}
		got := apiv1.Error{Code: e.Code, Message: e.Message, Hint: e.Hint}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s %s: error (-want +got):\n%s", tc.env, tc.app, diff)
		}
	}
}
