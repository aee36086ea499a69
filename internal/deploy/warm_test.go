package deploy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/platform"
)

const warmPages = "stage:\n    post-deploy:\n        WARM_UP_PAGES: [\"a\", \"b\", \"product:*:*\"]\n"

// TestPagesAreLoadedBeforeTheRelease: of the new release, and only when its hook may have
// emptied what is warm.
func TestPagesAreLoadedBeforeTheRelease(t *testing.T) {
	for _, tt := range []struct {
		name    string
		touches string
		files   []string
		prepare func(*world)
		want    string // what was loaded; "" for nothing
		log     string
	}{
		{"the front page", "the database", nil, nil, "load /bypass?token=t http://main-shop.localhost:8080/", "Loading 1 page before requests are released (for 3"},
		{
			"the pages of the project", "the database",
			[]string{".magento.env.yaml", warmPages},
			nil,
			"load /bypass?token=t http://main-shop.localhost:8080/a http://main-shop.localhost:8080/b", "Loading 2 pages before requests are released",
		},
		{"nothing was written", "", nil, nil, "", "Opening environment"},
		{"no preview", "the database", nil, func(w *world) { w.gate.fail["offer"] = errors.New("no") }, "", "previewing the new release is unavailable"},
		{"no bypass", "the database", nil, func(w *world) { w.gate.fail["bypass"] = errors.New("no") }, "", "W: no pages are loaded before requests are released: no"},
		{
			"a page that is slow", "the database", nil, func(w *world) { w.warmer.slow, w.options.HeldWarmUp = true, time.Millisecond },
			"load /bypass?token=t http://main-shop.localhost:8080/", "The warm-up ended early: visitors do not wait longer for it",
		},
		{"a hold that is nearly over", "the database", nil, func(w *world) { w.options.HoldLimit = 5 * time.Second }, "", "Loading no pages before requests are released: they have waited for"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			files := append([]string{".magento.app.yaml", app(toolkitHook)}, tt.files...)
			w.push(shop(files...))
			w.toolkit(tt.touches, 0)
			if tt.prepare != nil {
				tt.prepare(w)
			}
			w.gate.events, w.warmer.noted = nil, true
			out, a := w.push(shop(append(files, "pub/index.php", "<?php // 2")...))
			if a.Result != platform.ResultSuccess || w.gate.State() != "open r2" {
				t.Fatalf("result %q, visitors meet %q\n%s", a.Result, w.gate.State(), out)
			}
			want := []string{"hook begins", "hold", "commit", "hook writes", tt.want, "publish r2"}
			if tt.touches == "" {
				want = []string{"hook begins", "hold", "publish r2"}
			}
			want = slices.DeleteFunc(want, func(s string) bool { return s == "" })
			if !slices.Equal(w.gate.events, want) {
				t.Errorf("what happened: %q\nwant           %q", w.gate.events, want)
			}
			if !strings.Contains(out, tt.log) {
				t.Errorf("the log lacks %q:\n%s", tt.log, out)
			}
		})
	}
}

// TestReportSaysWhenVisitorsWereAnswered: the router knows it only after the release.
func TestReportSaysWhenVisitorsWereAnswered(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	released := platform.HoldReport{StartedAt: began, ReleasedAt: began.Add(2 * time.Second), Held: 2, LongestWait: 1500 * time.Millisecond}
	answered := released
	answered.FirstAnswer, answered.SlowestAnswer = 2500*time.Millisecond, 3*time.Second
	other := answered
	other.StartedAt = began.Add(-time.Hour)
	const line = "The first of those that waited was answered in full 2.500 s after the hold began; the slowest took 3.000 s with its wait"
	for _, tt := range []struct {
		name  string
		later platform.HoldReport
		fail  error
		want  platform.HoldReport
	}{
		{"answered", answered, nil, answered},
		{"a report of another hold", other, nil, released},
		{"a router that is gone", answered, errors.New("gone"), released},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.push(shop())
			w.gate.report, w.gate.later, w.gate.fail["last-hold"] = released, tt.later, tt.fail
			out, a := w.push(shop("pub/index.php", "<?php // 2"))
			if a.Result != platform.ResultSuccess || a.Hold != tt.want {
				t.Errorf("result %q, hold %+v\nwant %+v", a.Result, a.Hold, tt.want)
			}
			if got := strings.Contains(out, line); got != (tt.want == answered) {
				t.Errorf("the log:\n%s", out)
			}
		})
	}
}
