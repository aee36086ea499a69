package schedule_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/schedule"
)

// recorder notes which jobs run; each lasts as long as it says.
type recorder struct {
	mu      sync.Mutex
	runs    []string
	active  int
	most    int
	lasts   time.Duration
	stopped int // by their context
}

func (r *recorder) Exec(ctx context.Context, req engine.ExecRequest) (int, error) {
	r.mu.Lock()
	r.runs = append(r.runs, req.Command[3])
	r.active++
	r.most = max(r.most, r.active)
	lasts := r.lasts
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.active--
		r.mu.Unlock()
	}()
	select {
	case <-time.After(lasts):
		return 0, nil
	case <-ctx.Done():
		r.mu.Lock()
		r.stopped++
		r.mu.Unlock()
		return 143, context.Cause(ctx)
	}
}

// seen returns how many jobs were started, were stopped and run now.
func (r *recorder) seen() (runs, stopped, active int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.runs), r.stopped, r.active
}

func plan() platform.CronPlan {
	return platform.CronPlan{Project: "shop", Environment: "shop-main", Release: "r1", Jobs: []platform.CronJob{
		{App: "web", Name: "every", Spec: "* * * * *", Command: []string{"true"}},
		{App: "web", Name: "fifth", Spec: "*/5 * * * *", Command: []string{"true"}},
	}}
}

func TestOneJobAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{lasts: 90 * time.Second}
		s := schedule.New(r, slog.New(slog.DiscardHandler))
		s.Resume(plan())
		time.Sleep(20 * time.Minute)
		s.Close()
		if r.most != 1 {
			t.Errorf("%d jobs of one application ran at the same time", r.most)
		}
		count := map[string]int{}
		for _, name := range r.runs {
			count[name]++
		}
		if count["every"] < 8 || count["fifth"] < 3 {
			t.Errorf("runs: %v; neither job should starve", count)
		}
	})
}

func TestSuspendStopsTheRunningJobAndStartsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{lasts: time.Hour}
		s := schedule.New(r, slog.New(slog.DiscardHandler))
		s.Resume(plan())
		time.Sleep(2 * time.Minute)
		if err := s.Suspend(t.Context(), "shop-main"); err != nil {
			t.Fatal(err)
		}
		before, stopped, active := r.seen()
		if active != 0 || stopped != 1 {
			t.Errorf("%d jobs run, %d were stopped", active, stopped)
		}
		time.Sleep(time.Hour)
		if now, _, _ := r.seen(); now != before {
			t.Error("a job started while suspended")
		}
		s.Resume(plan())
		time.Sleep(2 * time.Minute)
		if now, _, _ := r.seen(); now == before {
			t.Error("no job started after Resume")
		}
		s.Close()
	})
}

func TestTimeoutEndsAJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{lasts: time.Hour}
		s := schedule.New(r, slog.New(slog.DiscardHandler))
		p := plan()
		p.Jobs = p.Jobs[:1]
		p.Jobs[0].Timeout = 30 * time.Second
		s.Resume(p)
		time.Sleep(100 * time.Second)
		if _, stopped, _ := r.seen(); stopped == 0 {
			t.Error("the job outlived its timeout")
		}
		s.Close()
	})
}

func TestSuspendGivesUpWithItsContext(t *testing.T) {
	release := make(chan struct{})
	s := schedule.New(stubborn(release), slog.New(slog.DiscardHandler))
	defer close(release)
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	p := plan()
	if err := s.Suspend(ctx, p.Environment); err != nil && !errors.Is(err, gone) {
		t.Errorf("err = %v", err)
	}
}

// stubborn is a job that ignores its context.
type stubborn chan struct{}

func (c stubborn) Exec(context.Context, engine.ExecRequest) (int, error) {
	<-c
	return 0, nil
}
