package certs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/caddyserver/certmagic"
)

// orderLog is the file in which orders are written down before they are placed, so that a
// router that is started again and again asks an authority no more often than one that
// runs. Two processes share it while one takes over from the other.
type orderLog struct {
	dir       string
	directory string // of the authority: what another one said does not count
	log       *slog.Logger

	mu      sync.Mutex
	last    entries // as this process wrote or read them last
	unsaved bool    // last could not be written: the file is older
}

// The file, and what two processes lock to change it.
const (
	orderLogFile = "orders.json"
	orderLogLock = "orders.lock"
)

// The limits of what is kept.
const (
	maxOrderLog    = 16 << 20 // bytes that are read
	maxLoggedHosts = 10_000
	maxProblem     = 500                // bytes of what an authority said
	failureLife    = 7 * 24 * time.Hour // of a failure, after it could have been repeated
)

// entries is the file's content.
type entries struct {
	Directory string      `json:"directory"`
	Placed    []time.Time `json:"placed"` // orders within the last hour
	// Shares are the orders within the last hour by project, failures once more.
	Shares map[string][]time.Time `json:"shares"`
	Hosts  map[string]failure     `json:"hosts"`
}

// failure is why an order is not repeated yet. One that is under way counts as failed, in
// case that the process has gone when it ends.
type failure struct {
	Fails   int       `json:"fails"`
	Failed  time.Time `json:"failed"`
	Next    time.Time `json:"next"`
	Problem string    `json:"problem"`
}

// read returns what is known of orders. A file that cannot be used is as good as none.
func (l *orderLog) read(ctx context.Context, now time.Time) entries {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = l.readLocked(ctx, now)
	return l.last.clone()
}

func (l *orderLog) readLocked(ctx context.Context, now time.Time) entries {
	e, err := l.load()
	if err != nil {
		l.log.ErrorContext(ctx, "could not read the ACME order log; orders of other processes are ignored",
			slog.String("file", filepath.Join(l.dir, orderLogFile)), slog.Any("error", err))
	}
	if err != nil || l.unsaved {
		e = l.last.clone()
	}
	if e.Directory != l.directory {
		e = entries{}
	}
	e.Directory = l.directory
	e.prune(now)
	return e
}

func (l *orderLog) load() (entries, error) {
	f, err := os.Open(filepath.Join(l.dir, orderLogFile))
	if errors.Is(err, fs.ErrNotExist) {
		return entries{}, nil
	}
	if err != nil {
		return entries{}, err
	}
	defer func() { _ = f.Close() }() // was only read
	data, err := io.ReadAll(io.LimitReader(f, maxOrderLog+1))
	if err != nil {
		return entries{}, err
	}
	if len(data) > maxOrderLog {
		return entries{}, fmt.Errorf("it has more than %d bytes", maxOrderLog)
	}
	var e entries
	if err := json.Unmarshal(data, &e); err != nil {
		return entries{}, err
	}
	return e, nil
}

func (e *entries) clone() entries {
	return entries{Directory: e.Directory, Placed: slices.Clone(e.Placed), Shares: maps.Clone(e.Shares), Hosts: maps.Clone(e.Hosts)}
}

// prune drops what is over, and what a clock that was wrong, or a damaged file, makes of
// times: nothing waits longer than the longest pause.
func (e *entries) prune(now time.Time) {
	e.Placed = lastHour(e.Placed, now)
	shares := map[string][]time.Time{}
	for project, placed := range e.Shares {
		if placed = lastHour(placed, now); len(placed) > 0 && len(shares) < ordersPerHour {
			shares[project] = placed
		}
	}
	e.Shares = shares
	if e.Hosts == nil {
		e.Hosts = map[string]failure{}
	}
	for host, f := range e.Hosts {
		if f.Fails <= 0 || now.Sub(f.Next) > failureLife {
			delete(e.Hosts, host)
		} else if latest := now.Add(lastRetry); f.Next.After(latest) {
			f.Next = latest
			e.Hosts[host] = f
		}
	}
	if len(e.Hosts) <= maxLoggedHosts {
		return
	}
	byNext := slices.SortedFunc(maps.Keys(e.Hosts), func(a, b string) int { return e.Hosts[a].Next.Compare(e.Hosts[b].Next) })
	for _, host := range byNext[:len(byNext)-maxLoggedHosts] {
		delete(e.Hosts, host)
	}
}

// lastHour returns the times within the last hour, as many as there can be orders.
func lastHour(times []time.Time, now time.Time) []time.Time {
	var kept []time.Time // not in place: clones share the shares
	for _, t := range times {
		if now.Sub(t) < time.Hour && !t.After(now) {
			kept = append(kept, t)
		}
	}
	return kept[max(0, len(kept)-ordersPerHour):]
}

// begin writes down that an order is placed, as one that failed. Past a limit of orders it
// returns an error, and when the next may be placed.
func (l *orderLog) begin(ctx context.Context, host, project string, f failure, now time.Time) (wait time.Time, err error) {
	l.change(ctx, now, func(e *entries) {
		if wait, err = e.refused(project); err == nil {
			e.Placed = append(e.Placed, now)
			e.Shares[project] = append(e.Shares[project], now)
			e.Hosts[host] = f
		}
	})
	return wait, err
}

// refused returns an error, and when that is over, when no order may be placed now: the
// authority's limit is reached, or the project's share is while others may need the rest.
func (e *entries) refused(project string) (until time.Time, err error) {
	share := e.Shares[project]
	switch {
	case len(e.Placed) >= ordersPerHour:
		return slices.MinFunc(e.Placed, time.Time.Compare).Add(time.Hour), fmt.Errorf("%d orders were placed within an hour, the most that an authority is asked for", ordersPerHour)
	case len(share) >= ordersPerProject && len(e.Placed) >= ordersPerHour/2:
		return slices.MinFunc(share, time.Time.Compare).Add(time.Hour), fmt.Errorf("project %s had its share of an hour's orders: %d, and one more for each failure", project, ordersPerProject)
	}
	return time.Time{}, nil
}

// end records how an order ended; a failure with Fails == 0 means success.
func (l *orderLog) end(ctx context.Context, host, project string, f failure) {
	f.Problem = strings.ToValidUTF8(f.Problem[:min(len(f.Problem), maxProblem)], "")
	l.change(ctx, time.Now(), func(e *entries) {
		if delete(e.Hosts, host); f.Fails > 0 {
			e.Hosts[host] = f
			e.Shares[project] = append(e.Shares[project], f.Failed)
		}
	})
}

// change reads, changes and writes the file, whole, while no other process does. When it
// cannot be written, what this process remembers has to do.
func (l *orderLog) change(ctx context.Context, now time.Time, apply func(*entries)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx = context.WithoutCancel(ctx) // also at the end of the process
	applied := false
	err := l.locked(func() error {
		l.last = l.readLocked(ctx, now)
		apply(&l.last)
		applied = true
		data, err := json.Marshal(l.last)
		if err != nil {
			return err
		}
		return (&certmagic.FileStorage{Path: l.dir}).Store(ctx, orderLogFile, data)
	})
	if !applied {
		l.last.prune(now)
		apply(&l.last)
	}
	if l.unsaved = err != nil; l.unsaved {
		l.log.WarnContext(ctx, "could not save an ACME order; a restart forgets it",
			slog.String("file", filepath.Join(l.dir, orderLogFile)), slog.Any("error", err))
	}
}

func (l *orderLog) locked(do func() error) error {
	f, err := os.OpenFile(filepath.Join(l.dir, orderLogLock), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // which unlocks
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return do()
}
