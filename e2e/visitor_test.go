package e2e

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"sluice/e2e/loadgen"
)

// visitor looks at a front page again and again and remembers who answered when.
type visitor struct {
	t    testing.TB
	stop context.CancelCauseFunc
	done chan loadgen.Report

	mu   sync.Mutex
	seen []sighting
}

// sighting is one answer.
type sighting struct {
	release string
	at      time.Time
}

// visitorPause leaves the machine to the deployment.
const visitorPause = 20 * time.Millisecond

func (m *machine) visit(site string) *visitor {
	m.t.Helper()
	ctx, stop := context.WithCancelCause(m.t.Context())
	v := &visitor{t: m.t, stop: stop, done: make(chan loadgen.Report, 1)}
	go func() {
		defer close(v.done)
		report, err := loadgen.Run(ctx, loadgen.Options{
			BaseURL: site, GetClients: 1, Pause: visitorPause, Timeout: time.Minute, Observe: v.observe,
		})
		if err != nil {
			m.t.Error(err)
		}
		v.done <- report
	}()
	return v
}

func (v *visitor) observe(a loadgen.Answer) {
	if a.Err != nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seen = append(v.seen, sighting{release: a.Release, at: a.At.Add(a.Took)})
}

// first returns when a release answered for the first time since a moment; ok is false
// when it has not yet.
func (v *visitor) first(release string, since time.Time) (at time.Time, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range v.seen {
		if s.release == release && !s.at.Before(since) {
			return s.at, true
		}
	}
	return time.Time{}, false
}

// leave ends the visit and returns what the visitor saw.
func (v *visitor) leave() loadgen.Report {
	v.stop(errors.New("the visitor goes home"))
	return <-v.done
}
