package feed

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"sync"
	"time"

	"sluice/internal/platform"
	"sluice/internal/termtext"
)

// Feed holds the logs in one directory. Its methods are safe for concurrent use. Only one
// process may have a directory open.
type Feed struct {
	root    *os.Root
	maxSize int64
	now     func() time.Time

	mu   sync.Mutex
	logs map[string]*journal // those that someone writes or follows
}

// Option changes how a Feed works.
type Option func(*Feed)

// WithMaxLogSize sets how many bytes the file of one log may have; what is written after
// that is dropped, and a last line says so. The default is DefaultMaxLogSize.
func WithMaxLogSize(n int64) Option { return func(f *Feed) { f.maxSize = n } }

// DefaultMaxLogSize is the size limit of one log, in bytes. A hook that prints without
// end must not fill the disk.
const DefaultMaxLogSize = 64 << 20

// Open opens the logs in dir, creating the directory with mode 0700 when there is none.
func Open(dir string, opts ...Option) (*Feed, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create log directory: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open log directory: %w", err)
	}
	f := &Feed{root: root, maxSize: DefaultMaxLogSize, now: time.Now, logs: map[string]*journal{}}
	for _, opt := range opts {
		opt(f)
	}
	return f, nil
}

// Close closes the directory. Writers must be closed before.
func (f *Feed) Close() error { return f.root.Close() }

var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// acquire returns the log of the activity and keeps it in memory until release is
// called as often as acquire was.
func (f *Feed) acquire(activity string) (*journal, error) {
	if !idPattern.MatchString(activity) {
		return nil, platform.Errorf(platform.CodeInvalid, "%q is not the identifier of an activity", activity)
	}
	f.mu.Lock()
	j, ok := f.logs[activity]
	if !ok {
		j = newJournal(f, activity)
		f.logs[activity] = j
	}
	j.users++
	f.mu.Unlock()
	if err := j.ready(); err != nil { // reads the file: not under the lock of all logs
		return nil, errors.Join(fmt.Errorf("open log of activity %s: %w", activity, err), f.release(j))
	}
	return j, nil
}

func (f *Feed) release(j *journal) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if j.users--; j.users > 0 {
		return nil
	}
	delete(f.logs, j.activity)
	return j.close()
}

// Log opens an activity's log for appending. What is written is split into lines, which
// followers see at once; an unfinished line waits for its end or for Close. The writer
// is safe for concurrent use, and several writers may share a log. Writing to a sealed
// log returns CodeConflict.
func (f *Feed) Log(activity string) (io.WriteCloser, error) {
	j, err := f.acquire(activity)
	if err != nil {
		return nil, err
	}
	return &writer{feed: f, journal: j}, nil
}

// Mask hides secrets in what is written to an activity's log from now on, by all writers
// until the last one is closed. Open the log first. Secrets that are too short to be told
// from other text are not hidden, see termtext.MinSecret.
func (f *Feed) Mask(activity string, secrets []string) error {
	j, err := f.acquire(activity)
	if err != nil {
		return err
	}
	j.setMask(termtext.NewMasker(secrets))
	return f.release(j)
}

// Seal marks the log as complete; followers end. Sealing twice is not an error. Lines that
// writers have not closed yet are lost.
func (f *Feed) Seal(activity string) error {
	j, err := f.acquire(activity)
	if err != nil {
		return err
	}
	return errors.Join(j.seal(), f.release(j))
}

// Remove deletes an activity's log. Removing one that is gone is not an error.
func (f *Feed) Remove(activity string) error {
	if !idPattern.MatchString(activity) {
		return platform.Errorf(platform.CodeInvalid, "%q is not the identifier of an activity", activity)
	}
	if err := f.root.Remove(activity + ".log"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove log of activity %s: %w", activity, err)
	}
	return nil
}
