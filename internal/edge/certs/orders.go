package certs

import (
	"context"
	"errors"
	"sync"
	"time"

	"sluice/internal/fair"
)

// The limits on asking an authority. Public ones count orders and failures, and lock out
// who exceeds them.
//
// One project cannot use all of them up: half of the slots, and half of an hour's orders, are
// left to those that have had fewer than ordersPerProject, of which a failure counts twice.
const (
	ordersAtOnce     = 4
	projectAtOnce    = ordersAtOnce / 2
	ordersPerHour    = 100
	ordersPerProject = 20
	firstRetry       = 2 * time.Minute
	retryFactor      = 4
	lastRetry        = 6 * time.Hour
)

// The limits on looking at the disk, where a certificate can be that another process
// ordered.
const (
	readsAtOnce = 8
	lookAgain   = 10 * time.Second
)

// orders decides when an authority is asked for a host's certificate: once at a time, and
// later and later while it fails, also over restarts.
type orders struct {
	registry
	placed *orderLog
	slots  *fair.Slots   // of orders
	reads  chan struct{} // of looks at the disk and into DNS
	idle   sync.WaitGroup

	mu     sync.Mutex
	byHost map[string]*order
}

// registry is where certificates are and come from.
type registry interface {
	// load takes the host's certificate from disk and reports whether there is one.
	load(ctx context.Context, host string) bool
	// owner returns the project that a host belongs to.
	owner(host string) string
	// resolve returns an error when an order would be useless, because DNS has no such host.
	resolve(ctx context.Context, host string) error
	// place has a certificate made.
	place(ctx context.Context, host string) error
	// settled hears of the end of each order, and of what was found on disk, for the log.
	settled(host string, err error, next time.Time)
}

// order is what is known of one host.
type order struct {
	done   chan struct{} // closed when the one under way ends; nil while there is none
	fails  int
	failed time.Time
	next   time.Time // not before
	looked time.Time // on the disk
	err    error
}

// newOrders begins with what the order log has of failures. They are repeated when it is
// time, not because the process is new.
func newOrders(ctx context.Context, r registry, l *orderLog) *orders {
	o := &orders{
		registry: r, placed: l, byHost: map[string]*order{},
		slots: fair.New(ordersAtOnce, projectAtOnce), reads: make(chan struct{}, readsAtOnce),
	}
	for host, f := range l.read(ctx, time.Now()).Hosts {
		o.byHost[host] = &order{fails: f.Fails, failed: f.Failed, next: f.Next, err: errors.New(f.Problem)}
	}
	return o
}

// want looks for the host's certificate and places an order when there is none, unless one
// is under way or it is too early after a failure. It returns a channel that is closed when
// that ends, nil when nothing is done. again says that it failed before: visitors should not wait
// for it.
func (o *orders) want(ctx context.Context, host string) (done <-chan struct{}, again bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := o.byHost[host]
	if h == nil {
		h = &order{}
		o.byHost[host] = h
	}
	again = h.fails > 0 && !h.looked.IsZero() // the first look of a process is worth waiting for
	if h.done != nil {
		return h.done, again
	}
	now := time.Now()
	if ctx.Err() != nil || (now.Before(h.next) && now.Sub(h.looked) < lookAgain) {
		return nil, true
	}
	h.done = make(chan struct{})
	o.idle.Go(func() { o.run(ctx, host, h) })
	return h.done, again
}

// run looks on the disk first: that is not an order, and another process may have placed it.
func (o *orders) run(ctx context.Context, host string, h *order) {
	var err error
	asked := false
	if found := o.look(ctx, host); !found && o.due(h) {
		asked, err = true, o.ask(ctx, host, h)
	} else if found {
		asked = o.forgive(ctx, host, h)
	}
	o.mu.Lock()
	done, next := h.done, h.next
	h.done = nil
	o.mu.Unlock()
	if asked {
		o.settled(host, err, next)
	}
	close(done)
}

// turn waits until the host may be looked for on the disk or in DNS.
func (o *orders) turn(ctx context.Context) (done func(), err error) {
	select {
	case o.reads <- struct{}{}:
		return func() { <-o.reads }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// resolves returns an error when the host cannot be found, which is looked up again soon: an
// order would fail, and authorities count failures.
func (o *orders) resolves(ctx context.Context, host string, h *order) error {
	done, err := o.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err = o.resolve(ctx, host); err != nil {
		now := time.Now()
		o.fail(h, failure{Fails: max(1, h.fails), Failed: now, Next: now.Add(firstRetry)}, err)
	}
	return err
}

func (o *orders) look(ctx context.Context, host string) bool {
	done, err := o.turn(ctx)
	if err != nil {
		return false
	}
	defer done()
	return o.load(ctx, host)
}

// due reports whether an order may be placed now, after the disk was looked at.
func (o *orders) due(h *order) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	h.looked = time.Now()
	return !h.looked.Before(h.next)
}

// ask places an order when it is its turn. That is written down before the authority hears
// of it: a process that ends meanwhile leaves a failure.
func (o *orders) ask(ctx context.Context, host string, h *order) error {
	if err := o.resolves(ctx, host, h); err != nil {
		return err
	}
	project := o.owner(host)
	done, err := o.slots.Take(ctx, project)
	if err != nil {
		return err // not asked, so it does not count
	}
	defer done()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	now := time.Now()
	pending := failure{Fails: h.fails + 1, Failed: now, Next: now.Add(pause(h.fails)), Problem: "the router ended while the order was under way"}
	if wait, err := o.placed.begin(ctx, host, project, pending, now); err != nil {
		o.fail(h, failure{Fails: h.fails, Failed: now, Next: wait}, err)
		return err
	}
	if err = o.place(ctx, host); err == nil {
		o.fail(h, failure{}, nil)
		o.placed.end(ctx, host, project, failure{})
		return nil
	}
	now = time.Now()
	f := failure{Fails: h.fails + 1, Failed: now, Next: now.Add(pause(h.fails)), Problem: err.Error()}
	o.fail(h, f, err)
	o.placed.end(ctx, host, project, f)
	return err
}

// pause is how long a host is not ordered again after that many failures before the present one.
func pause(fails int) time.Duration {
	wait := firstRetry
	for range min(fails, 10) { // a damaged file has any number
		wait = min(wait*retryFactor, lastRetry)
	}
	return wait
}

// fail remembers why there is no certificate; no error means that there is one.
func (o *orders) fail(h *order, f failure, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h.fails, h.failed, h.next, h.err = f.Fails, f.Failed, f.Next, err
}

// forgive forgets the failures of a host whose certificate was found, and reports whether
// there were any.
func (o *orders) forgive(ctx context.Context, host string, h *order) bool {
	o.mu.Lock()
	failed := h.fails > 0
	h.fails, h.failed, h.next, h.err = 0, time.Time{}, time.Time{}, nil
	o.mu.Unlock()
	if failed {
		o.placed.end(ctx, host, o.owner(host), failure{})
	}
	return failed
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
// kept until they end, failures until the authority may be asked again.
func (o *orders) forget(served func(host string) bool) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	var gone []string
	for host, h := range o.byHost {
		if h.done == nil && !now.Before(h.next) && !served(host) {
			delete(o.byHost, host)
			gone = append(gone, host)
		}
	}
	return gone
}
