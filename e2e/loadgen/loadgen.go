// Package loadgen lets many visitors use a site while something happens to it, and tells
// exactly what they saw: how many requests were answered, by which release, how long they
// took and which failed.
//
// It is for tests and benchmarks, imports the standard library only and knows the site
// through HTTP alone. It never tries a request twice: what a retry would hide is what it
// is there to find.
package loadgen

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"
)

// Options say who visits what. The zero value of a field means its default.
type Options struct {
	// BaseURL is the site, such as "http://main-shop.localhost:8080". The host "localhost"
	// and all names below it are reached at 127.0.0.1. Required.
	BaseURL string

	GetClients  int    // visitors that fetch GetPath in a loop
	PostClients int    // visitors that send an order to PostPath in a loop
	GetPath     string // default "/"
	PostPath    string // default "/orders"

	// Fields are sent with every POST, beside "reference", which differs each time.
	Fields url.Values

	// TLS is how visitors of an "https://" site connect; nil for whom the machine trusts. Each
	// of them has a connection of his own, every other one speaks HTTP/2.
	TLS *tls.Config

	// ReleaseHeader names the response header that says which release answered.
	// Default "X-Release".
	ReleaseHeader string

	// Timeout is for one request, and longer than any hold. Default 6 minutes.
	Timeout time.Duration

	// Pause is what a client waits between two requests. Default none.
	Pause time.Duration

	// MaxFailures is how many failures are kept with their details. Default 20.
	MaxFailures int

	// Observe, when set, is told of every request as it ends. It is called by all clients
	// at the same time and must not block.
	Observe func(Answer)
}

// Run lets the clients loop until ctx is done, lets every request that is under way come
// to its end, and reports. It fails only when the options make no sense; what goes wrong
// with requests is in the report.
func Run(ctx context.Context, opts Options) (Report, error) {
	opts = opts.withDefaults()
	if err := opts.check(); err != nil {
		return Report{}, err
	}
	run := rand.Text()[:12]
	visitors := newVisitors(opts)
	defer visitors.close()

	var (
		clients sync.WaitGroup
		tally   = newTally(opts)
		start   = time.Now()
	)
	for n := range opts.GetClients {
		site := visitors.site(n)
		clients.Go(func() { loop(ctx, opts.Pause, tally, site.get) })
	}
	for n := range opts.PostClients {
		order := visitors.site(n).orders(fmt.Sprintf("load-%s-%d", run, n))
		clients.Go(func() { loop(ctx, opts.Pause, tally, order) })
	}
	clients.Wait()
	return tally.report(time.Since(start)), nil
}

// loop is one visitor: the next request starts when the last one has ended.
func loop(ctx context.Context, pause time.Duration, tally *tally, visit func(context.Context) Answer) {
	// A visitor who has asked waits for the answer, whether or not the test is over.
	request := context.WithoutCancel(ctx)
	for ctx.Err() == nil {
		tally.add(visit(request))
		wait(ctx, pause)
	}
}

func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (o Options) withDefaults() Options {
	o.GetPath = cmp.Or(o.GetPath, "/")
	o.PostPath = cmp.Or(o.PostPath, "/orders")
	o.ReleaseHeader = cmp.Or(o.ReleaseHeader, "X-Release")
	o.Timeout = cmp.Or(o.Timeout, 6*time.Minute)
	o.MaxFailures = cmp.Or(o.MaxFailures, 20)
	return o
}

func (o Options) check() error {
	if o.GetClients < 0 || o.PostClients < 0 || o.GetClients+o.PostClients == 0 {
		return errors.New("load: no clients")
	}
	u, err := url.Parse(o.BaseURL)
	if err != nil {
		return fmt.Errorf("load: base URL: %w", err)
	}
	if u.Scheme == "" || u.Host == "" {
		return fmt.Errorf("load: base URL %q has no scheme or no host", o.BaseURL)
	}
	return nil
}
