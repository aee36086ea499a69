package edge

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/internal/edge/pattern"
	"sluice/internal/platform"
)

// backtracking is an expression that takes exponential time on a path of many "a"s.
func backtracking(n int) string { return fmt.Sprintf(`^(?!/x)/(a|aa|aaa|a?a)+%d$`, n) }

func TestRegularExpressionsOfARequestShareABudget(t *testing.T) {
	r, err := New(Options{}) // not in a bubble: regexp2's clock outlives it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Finish)
	// The budget goes by the process's own time: the machine may do other things.
	log := slog.New(slog.DiscardHandler)
	addr := listenOn(t, NewFront(NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.ServeHTTP(w, req.WithContext(pattern.WithBudgetOf(req.Context(), cpuTime)))
	}), log), log))
	p := to("r1", realBackend(t, func(http.ResponseWriter, *http.Request) {}))
	for n := range 100 {
		p.Routes[0].Redirects = append(p.Routes[0].Redirects, platform.PartialRedirect{Path: backtracking(n), To: "/", Regexp: true})
	}
	p.Routes[0].Redirects = append(p.Routes[0].Redirects, platform.PartialRedirect{Path: "^/old/(.*)$", To: "/new/$1", Regexp: true})
	p.Routes[0].Cache = platform.RouteCache{Enabled: true, Cookies: []string{"/" + backtracking(0) + "/"}}
	mustPublish(t, r, p)
	if status, location := getPath(t, addr, "/old/page", ""); status != http.StatusFound || location != "/new/page" {
		t.Errorf("a redirect behind 100 others: %d to %q", status, location)
	}
	hostile := strings.Repeat("a", 200)
	start := cpuTime()
	if status, _ := getPath(t, addr, "/"+hostile, strings.Repeat("/"+hostile+"=1; ", 10)+"a=b"); status != http.StatusOK {
		t.Errorf("got %d", status)
	}
	// 20 ms are allowed. All of them without a budget take more than a second.
	if took := cpuTime() - start; took > 500*time.Millisecond {
		t.Errorf("one request took %v of a processor", took)
	}
}

// getPath asks the router for a path and follows no redirect.
func getPath(t *testing.T, addr, path, cookies string) (status int, location string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, siteURL+strings.TrimPrefix(path, "/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if cookies != "" {
		req.Header.Set("Cookie", cookies)
	}
	client := clientOf(addr, 1)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("Location")
}

func TestSlowRegularExpressionIsSwitchedOffAndReported(t *testing.T) {
	var log bytes.Buffer
	r, addr := onSockets(t, Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	t.Cleanup(r.Finish)
	p := to("r1", realBackend(t, func(http.ResponseWriter, *http.Request) {}))
	p.Routes[0].Redirects = []platform.PartialRedirect{{Path: backtracking(1), To: "/", Regexp: true}}
	mustPublish(t, r, p)
	for range 25 {
		getPath(t, addr, "/"+strings.Repeat("a", 200), "")
	}
	s, err := r.Status(testEnv)
	if err != nil || len(s.SwitchedOff) != 1 || s.SwitchedOff[0] != backtracking(1) {
		t.Errorf("status: %q, %v", s.SwitchedOff, err)
	}
	if n := strings.Count(log.String(), "regular expression switched off"); n != 1 {
		t.Errorf("logged %d times: %s", n, &log)
	}
}

func TestNumberOfRegularExpressionsIsLimited(t *testing.T) {
	r, _ := onSockets(t, Options{})
	t.Cleanup(r.Finish)
	for _, tt := range []struct {
		n    int
		expr func(n int) string
		ok   bool
	}{
		{maxBacktracking, backtracking, true},
		{maxBacktracking + 1, backtracking, false},
		{maxPatterns, func(n int) string { return fmt.Sprintf("^/%d$", n) }, true},
		{maxPatterns + 1, func(n int) string { return fmt.Sprintf("^/%d$", n) }, false},
	} {
		p := publication("r1")
		for n := range tt.n {
			p.Routes[0].Redirects = append(p.Routes[0].Redirects, platform.PartialRedirect{Path: tt.expr(n), To: "/", Regexp: true})
		}
		if _, err := r.Publish(t.Context(), p); (err == nil) != tt.ok {
			t.Errorf("%d expressions like %s: %v", tt.n, tt.expr(0), err)
		}
	}
}
