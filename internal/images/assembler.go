package images

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"sluice/internal/catalog"
	"sluice/internal/platform"
)

// Options say how images are assembled. The zero value is ready to use.
type Options struct {
	// Command is the mmdebstrap to run; empty: "mmdebstrap" from PATH.
	Command string
	// Mirror and SecurityMirror are the archives that packages come from; empty:
	// DefaultMirror and DefaultSecurityMirror. NoSecurity as SecurityMirror leaves the
	// security fixes out, for machines whose only mirror does not have them.
	Mirror         string
	SecurityMirror string
	// Parallel is how many images may be assembled at a time; 0 means 2.
	Parallel int
	// TempDir is where root file systems are unpacked, about 1 GB each; empty: the
	// system's directory for temporary files.
	TempDir string
	// PullTime is how long fetching an image from its registry may take; 0 means 30 minutes.
	PullTime time.Duration
	// Catalog is used for hints only: what else could be had. May be nil.
	Catalog *catalog.Catalog
}

// The archives that Debian's own installer uses.
const (
	DefaultMirror         = "http://deb.debian.org/debian"
	DefaultSecurityMirror = "http://security.debian.org/debian-security"
	NoSecurity            = "none"
)

// Assembler makes catalog images available in a store. Safe for concurrent use.
type Assembler struct {
	store   Store
	options Options
	slots   *semaphore.Weighted

	mu    sync.Mutex
	locks map[string]*lock // by reference
}

// New returns an assembler that keeps its images in store.
func New(store Store, options Options) *Assembler {
	options.Command = cmp.Or(options.Command, "mmdebstrap")
	options.Mirror = cmp.Or(options.Mirror, DefaultMirror)
	options.SecurityMirror = cmp.Or(options.SecurityMirror, DefaultSecurityMirror)
	options.Parallel = cmp.Or(options.Parallel, 2)
	options.PullTime = cmp.Or(options.PullTime, 30*time.Minute)
	return &Assembler{
		store:   store,
		options: options,
		slots:   semaphore.NewWeighted(int64(options.Parallel)),
		locks:   map[string]*lock{},
	}
}

// Ensure returns the image, assembling or pulling it when the store does not have it.
// Progress goes to log, a line each. The same image is made once however many ask for it;
// when the one who makes it gives up, the next does. A *platform.Error says what to do
// when Debian's tools, the archive or the registry are not there.
func (a *Assembler) Ensure(ctx context.Context, img catalog.Image, log io.Writer) (platform.ImageRef, error) {
	return a.provide(ctx, img, log, false)
}

// provide returns an image that nothing else makes meanwhile: the newest that the store
// has, or, with fresh and when it has none, one that it makes.
func (a *Assembler) provide(ctx context.Context, img catalog.Image, log io.Writer, fresh bool) (platform.ImageRef, error) {
	ref, err := Reference(img)
	if err != nil {
		return platform.ImageRef{}, err
	}
	unlock, err := a.lock(ctx, ref)
	if err != nil {
		return platform.ImageRef{}, fmt.Errorf("wait for image %s: %w", img.Name, err)
	}
	defer unlock()
	switch {
	case !fresh:
		have, ok, err := a.Newest(ctx, img)
		if err != nil {
			return platform.ImageRef{}, err
		}
		if ok {
			warnOfAge(log, img, have)
			return have.ImageRef, nil
		}
	case img.Debian != nil:
		ref += "-" + time.Now().UTC().Format(stamp)
	}
	digest, err := a.produce(ctx, img, ref, log)
	if err != nil {
		return platform.ImageRef{}, err
	}
	return platform.ImageRef{Ref: ref, Digest: digest}, nil
}

func (a *Assembler) produce(ctx context.Context, img catalog.Image, ref string, log io.Writer) (string, error) {
	if img.Debian == nil {
		return a.pull(ctx, img, log)
	}
	if err := a.slots.Acquire(ctx, 1); err != nil {
		return "", fmt.Errorf("wait to assemble %s: %w", img.Name, context.Cause(ctx))
	}
	defer a.slots.Release(1)
	return a.assemble(ctx, img, ref, log)
}

// lock is held by the one who makes an image; its channel has room for one.
type lock struct {
	held  chan struct{}
	users int // holder and waiters; the last one removes the lock
}

func (a *Assembler) lock(ctx context.Context, ref string) (unlock func(), err error) {
	a.mu.Lock()
	l := a.locks[ref]
	if l == nil {
		l = &lock{held: make(chan struct{}, 1)}
		a.locks[ref] = l
	}
	l.users++
	a.mu.Unlock()

	leave := func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(a.locks, ref)
		}
	}
	select {
	case l.held <- struct{}{}:
		return func() { <-l.held; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, context.Cause(ctx)
	}
}
