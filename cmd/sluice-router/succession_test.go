package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sluice/internal/edge"
	"sluice/internal/platform"
)

// load sends requests until stop is called, half of its clients on connections that they
// keep, half on new ones. Every answer other than 200 is a failure.
type load struct {
	answered atomic.Int64
	mu       sync.Mutex
	failures []string
	bodies   map[string]int
	stop     func()
}

func startLoad(t *testing.T, addr string, clients int) *load {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	l := &load{bodies: map[string]int{}}
	var wg sync.WaitGroup
	for i := range clients {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: i%2 == 0}}
		wg.Go(func() {
			defer client.CloseIdleConnections()
			for n := 0; ctx.Err() == nil; n++ {
				body := ""
				if n%3 == 0 {
					body = "payload"
				}
				l.one(context.WithoutCancel(ctx), client, addr, body)
			}
		})
	}
	l.stop = sync.OnceFunc(func() { cancel(nil); wg.Wait() })
	t.Cleanup(l.stop)
	return l
}

// one is not cancelled at the end of the load: a request that is under way is answered.
func (l *load) one(ctx context.Context, client *http.Client, addr, body string) {
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+"/", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.GetBody = nil // net/http shall not repeat a POST for us
	req.Host = "shop.test"
	resp, err := client.Do(req)
	if err != nil {
		l.fail(method + ": " + err.Error())
		return
	}
	b, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK {
		l.fail(fmt.Sprint(method, ": ", resp.Status, " ", err))
		return
	}
	l.answered.Add(1)
	l.mu.Lock()
	l.bodies[string(b)]++
	l.mu.Unlock()
}

func (l *load) fail(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, what)
}

func (l *load) check(t *testing.T) {
	t.Helper()
	l.stop()
	if len(l.failures) > 0 {
		t.Errorf("%d of %d requests failed, the first: %s", len(l.failures), int(l.answered.Load())+len(l.failures), l.failures[0])
	}
	t.Logf("%d requests answered: %v", l.answered.Load(), l.bodies)
}

func TestUpgradeInTheMiddleOfAHoldLosesNothing(t *testing.T) {
	dir := t.TempDir()
	first := startRouter(t, dir, "127.0.0.1:0")
	first.publish(t, "r1")
	l := startLoad(t, first.addr, 40)
	first.waitFor(t, "visitors are served", func(edge.Status) bool { return l.answered.Load() > 200 })
	if _, err := first.client.Hold(t.Context(), platform.Hold{Environment: env, Activity: "a1"}); err != nil {
		t.Fatal(err)
	}
	before := first.waitFor(t, "all wait", func(s edge.Status) bool { return s.Waiting == 40 })

	second := startRouter(t, dir, first.addr, "--take-over")
	after, err := second.client.State(t.Context(), env)
	if err != nil || after.State != edge.Held || after.Waiting != 40 || !after.Deadline.Equal(before.Deadline) {
		t.Fatalf("after the upgrade %+v %v, before %+v", after, err, before)
	}
	fresh := make(chan string, 1)
	go func() { _, body, err := second.get(t.Context()); fresh <- fmt.Sprint(body, err) }()
	second.waitFor(t, "a new visitor waits too", func(s edge.Status) bool { return s.Waiting == 41 })
	if err := second.client.Commit(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	backend := namedBackend(t, "r2")
	report, err := second.client.Publish(t.Context(), publicationOf("r2", backend))
	if err != nil || report.Held != 41 || report.TimedOut != 0 || !report.StartedAt.Equal(after.LastHold.StartedAt) {
		t.Errorf("%+v %v", report, err)
	}
	if got := <-fresh; got != "r2<nil>" {
		t.Errorf("the new visitor got %q", got)
	}
	now := l.answered.Load()
	second.waitFor(t, "visitors are served", func(edge.Status) bool { return l.answered.Load() > now+500 })
	if err := <-first.done; err != nil {
		t.Errorf("the first process: %v", err)
	}
	l.check(t)
	if left, _ := filepath.Glob(filepath.Join(dir, "control.sock.*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	// What the successor was told is in its state file.
	if err := second.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-second.done; err == nil {
		t.Error("a killed router ended well")
	}
	third := startRouter(t, dir, first.addr, "--take-over") // nobody to take over from
	if _, body, err := third.get(t.Context()); err != nil || body != "r2" {
		t.Errorf("%q %v", body, err)
	}
}

func TestSignalUpgradesUnderLoad(t *testing.T) {
	dir := t.TempDir()
	notify := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	t.Setenv("NOTIFY_SOCKET", notify)
	p := startRouter(t, dir, "127.0.0.1:0")
	p.publish(t, "r1")
	if got := mainPID(t, conn); got != p.cmd.Process.Pid {
		t.Fatalf("the manager was told %d", got)
	}
	l := startLoad(t, p.addr, 8)
	p.waitFor(t, "visitors are served", func(edge.Status) bool { return l.answered.Load() > 100 })
	if err := p.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	pid := mainPID(t, conn)
	next, err := os.FindProcess(pid)
	if err != nil || pid == p.cmd.Process.Pid {
		t.Fatal(pid, err)
	}
	t.Cleanup(func() { _ = next.Kill() })
	now := l.answered.Load()
	p.waitFor(t, "visitors are served", func(edge.Status) bool { return l.answered.Load() > now+200 })
	l.check(t)
	if _, body, err := p.get(t.Context()); err != nil || body != "r1" {
		t.Errorf("%q %v", body, err)
	}
}

func mainPID(t *testing.T, conn *net.UnixConn) int {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 256)
	n, err := conn.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(b[:n]), "\n")
	pid, err := strconv.Atoi(strings.TrimPrefix(line, "MAINPID="))
	if err != nil {
		t.Fatalf("%q", b[:n])
	}
	return pid
}

func TestFailedUpgradeChangesNothing(t *testing.T) {
	dir := t.TempDir()
	p := startRouter(t, dir, "127.0.0.1:0")
	p.publish(t, "r1")
	var out strings.Builder
	err := run(t.Context(), []string{
		"--control", filepath.Join(dir, "control.sock"), "--take-over", "--listen", "127.0.0.1:0",
		"--metrics", "192.0.2.1:1", // not an address of this machine
	}, &out)
	if err == nil || !strings.Contains(err.Error(), "metrics") {
		t.Fatalf("the next process: %v", err)
	}
	p.publish(t, "r2")
	if _, body, err := p.get(t.Context()); err != nil || body != "r2" {
		t.Errorf("%q %v", body, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "control.sock.*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
