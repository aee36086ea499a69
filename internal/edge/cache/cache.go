package cache

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/edge/pattern"
)

// Defaults of Options.
const (
	DefaultMemory    = 64 << 20
	DefaultMaxObject = 8 << 20
	DefaultDisk      = 1 << 30
	DefaultWait      = 10 * time.Second
	DefaultGrace     = 24 * time.Hour
)

// Limits of renewing in the background.
const (
	maxRenewals  = 64
	renewalLimit = time.Minute
)

// Options configure a Cache. The zero value keeps answers in memory only.
type Options struct {
	Memory    int64         // bytes for answers and what is known of them; 0 is DefaultMemory
	Dir       string        // where bodies go that memory has no room for; "" for nowhere
	Disk      int64         // bytes there; 0 is DefaultDisk
	MaxObject int64         // bytes of the largest body that is kept; 0 is DefaultMaxObject
	Wait      time.Duration // how long a request waits for the same answer to another; 0 is DefaultWait
	Grace     time.Duration // how stale an answer may be while requests are held; 0 is DefaultGrace
	Renew     http.Handler  // takes requests that renew stale answers in the background; nil renews none
	Logger    *slog.Logger  // nil discards
}

// Cache is the answers of all environments of a router. It is safe for concurrent use.
type Cache struct {
	opts    Options
	store   *store
	flights flights
	zones   atomic.Uint64
	counts  counts
	pending atomic.Int64 // bytes of answers that are being read to be kept

	renewals chan struct{} // has an element for each that is under way
	renewing sync.WaitGroup
	ended    chan struct{}
	end      sync.Once
}

// New returns an empty cache. It returns an error when the directory cannot be used.
func New(opts Options) (*Cache, error) {
	opts.Memory = cmp.Or(opts.Memory, DefaultMemory)
	opts.Disk = cmp.Or(opts.Disk, DefaultDisk)
	opts.MaxObject = min(cmp.Or(opts.MaxObject, DefaultMaxObject), opts.Memory/2)
	opts.Wait = cmp.Or(opts.Wait, DefaultWait)
	opts.Grace = cmp.Or(opts.Grace, DefaultGrace)
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	var d *disk
	if opts.Dir != "" {
		var err error
		if d, err = openDisk(opts.Dir, opts.Disk, opts.Logger); err != nil {
			return nil, err
		}
	}
	return &Cache{
		opts: opts, store: newStore(opts.Memory, d),
		renewals: make(chan struct{}, maxRenewals), ended: make(chan struct{}),
	}, nil
}

// Close ends what is renewed in the background and closes the files. Requests may still
// be answered from memory.
func (c *Cache) Close() {
	c.end.Do(func() { close(c.ended) })
	c.renewing.Wait()
	if c.store.disk != nil {
		c.store.disk.close()
	}
}

// Route is the cache of one route. A nil Route keeps nothing. It is safe for concurrent
// use.
type Route struct {
	zone   *Zone
	rules  *rules
	guards []string
}

// Patterns returns the regular expressions that cookies are compared with.
func (rt *Route) Patterns() []*pattern.Pattern {
	if rt == nil {
		return nil
	}
	return rt.rules.classes
}

// renewKey marks the context of a request that renews an answer.
type renewKey struct{}

func renews(req *http.Request) bool { return req.Context().Value(renewKey{}) != nil }

var errRenewal = errors.New("renewing a cached answer took too long")

// renew asks for a stale entry again, in the background, unless a request does already or
// too many do.
func (c *Cache) renew(e *entry, req *http.Request) {
	if c.opts.Renew == nil || !e.renewing.CompareAndSwap(false, true) {
		return
	}
	select {
	case <-c.ended:
		e.renewing.Store(false)
		return
	case c.renewals <- struct{}{}:
	default:
		e.renewing.Store(false)
		return
	}
	ctx := context.WithValue(context.WithoutCancel(req.Context()), renewKey{}, true)
	ctx, cancel := context.WithTimeoutCause(ctx, renewalLimit, errRenewal)
	again := req.Clone(ctx)
	again.Method = http.MethodGet
	c.renewing.Go(func() {
		defer func() {
			_ = recover() // an aborted answer panics with http.ErrAbortHandler
			cancel()
			e.renewing.Store(false)
			<-c.renewals
		}()
		over := make(chan struct{})
		defer close(over)
		c.renewing.Go(func() {
			select {
			case <-c.ended:
				cancel()
			case <-over:
			}
		})
		c.opts.Renew.ServeHTTP(&discarded{header: http.Header{}}, again)
	})
}

// discarded is a response that is not read.
type discarded struct{ header http.Header }

// Header returns the header.
func (d *discarded) Header() http.Header { return d.header }

// WriteHeader does nothing.
func (d *discarded) WriteHeader(int) {}

// Write does nothing.
func (d *discarded) Write(p []byte) (int, error) { return len(p), nil }
