package certs

import (
	"context"
	"slices"
	"sync"
	"time"
)

// The limits on asking an authority. Public ones count orders and failures, and lock out
// who exceeds them.
const (
	ordersAtOnce  = 4
	ordersPerHour = 100
	firstRetry    = 2 * time.Minute
	retryFactor   = 4
	lastRetry     = 6 * time.Hour
)

// orders decides when an authority is asked for a host's certificate: once at a time, and
// later and later while it fails.
type orders struct {
	place   func(ctx context.Context, host string) error
	settled func(host string, err error, next time.Time) // after each, for the log
	slots   chan struct{}
	idle    sync.WaitGroup

	mu     sync.Mutex
	byHost map[string]*order
	placed []time.Time // within the last hour
}

// order is what is known of one host.
type order struct {
	done   chan struct{} // closed when the one under way ends; nil while there is none
	fails  int
	failed time.Time
	next   time.Time // not before
	err    error
}

func newOrders(place func(context.Context, string) error, settled func(string, error, time.Time)) *orders {
	return &orders{place: place, settled: settled, slots: make(chan struct{}, ordersAtOnce), byHost: map[string]*order{}}
}

// want places an order unless there is one under way, or it is too early after a failure.
// It returns a channel that is closed when the order ends, nil when there is none. again
// says that it failed before: nobody should wait for it.
func (o *orders) want(ctx context.Context, host string) (done <-chan struct{}, again bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := o.byHost[host]
	if h == nil {
		h = &order{}
		o.byHost[host] = h
	}
	if h.done != nil {
		return h.done, h.fails > 0
	}
	now := time.Now()
	if ctx.Err() != nil || now.Before(h.next) || !o.countLocked(now) {
		return nil, true
	}
	h.done = make(chan struct{})
	o.idle.Go(func() { o.run(ctx, host, h) })
	return h.done, h.fails > 0
}

// countLocked reports whether one more order is within the limit, and counts it.
func (o *orders) countLocked(now time.Time) bool {
	o.placed = slices.DeleteFunc(o.placed, func(t time.Time) bool { return now.Sub(t) >= time.Hour })
	if len(o.placed) >= ordersPerHour {
		return false
	}
	o.placed = append(o.placed, now)
	return true
}

func (o *orders) run(ctx context.Context, host string, h *order) {
	var err error
	select {
	case o.slots <- struct{}{}:
		err = o.place(ctx, host)
		<-o.slots
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	o.mu.Lock()
	done, next := h.done, time.Time{}
	h.done = nil
	if err == nil {
		h.fails, h.err, h.next, h.failed = 0, nil, time.Time{}, time.Time{}
	} else {
		o.failLocked(h, err)
		next = h.next
	}
	o.mu.Unlock()
	o.settled(host, err, next)
	close(done)
}

func (o *orders) failLocked(h *order, err error) {
	wait := firstRetry
	for range h.fails {
		wait = min(wait*retryFactor, lastRetry)
	}
	now := time.Now()
	h.fails++
	h.err, h.failed, h.next = err, now, now.Add(wait)
}

// note records a failure that the library met by itself, when it renewed.
func (o *orders) note(host string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if h := o.byHost[host]; h != nil && h.done == nil {
		h.err, h.failed = err, time.Now()
	}
}

// renewed forgets what note recorded.
func (o *orders) renewed(host string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if h := o.byHost[host]; h != nil && h.done == nil {
		h.err, h.failed = nil, time.Time{}
	}
}

// state returns why there is no certificate, or no newer one, when that was found and when
// the authority is asked again.
func (o *orders) state(host string) (err error, failed, next time.Time) { //nolint:revive,staticcheck // no failure of this call
	o.mu.Lock()
	defer o.mu.Unlock()
	h := o.byHost[host]
	if h == nil {
		return nil, time.Time{}, time.Time{}
	}
	return h.err, h.failed, h.next
}

// forget drops hosts that are not served any more and returns them. Orders under way are
// kept until they end.
func (o *orders) forget(served func(host string) bool) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var gone []string
	for host, h := range o.byHost {
		if h.done == nil && !served(host) {
			delete(o.byHost, host)
			gone = append(gone, host)
		}
	}
	return gone
}
