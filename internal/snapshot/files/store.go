package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"sluice/internal/platform"
	"sluice/internal/snapshot"
)

// Directories below the data directory, as the engine lays them out.
const (
	servicesDir  = "services"  // <environment>/<service>
	volumesDir   = "volumes"   // <environment>/@<application>/<escaped source>
	snapshotsDir = "snapshots" // see record.go
)

// DefaultLimit is how long containers stand still at most.
const DefaultLimit = 5 * time.Second

// Freezer is an engine that holds containers still. See engine.Freezer.
type Freezer interface {
	Freeze(ctx context.Context, env platform.EnvironmentID, limit time.Duration) error
	Thaw(env platform.EnvironmentID) error
}

// Router makes requests wait while containers stand still.
type Router interface {
	// HoldBriefly makes new requests of an environment wait until EndBriefHold, for limit at most, and
	// returns at once. It leaves holds and maintenance of others alone.
	HoldBriefly(ctx context.Context, env platform.EnvironmentID, activity string, limit time.Duration) error
	// EndBriefHold ends a brief hold. Without one it does nothing.
	EndBriefHold(ctx context.Context, env platform.EnvironmentID, activity string) (platform.HoldReport, error)
}

// Hot copies services while they run, by tools of their own. It is asked where blocks have
// to be copied and a service has too much data to be copied while it stands still.
type Hot interface {
	// Copy makes a consistent copy of a service's data in a directory that it makes, with those
	// above it; name is its path in the service's own directory. It returns false for a service
	// for which it has no tool.
	Copy(ctx context.Context, env platform.EnvironmentID, service, name string, log io.Writer) (bool, error)
}

// Config says where the data is and what holds it still.
type Config struct {
	DataDir string
	Freezer Freezer // nil: containers are not frozen, and Take refuses while some run
	Router  Router  // nil: requests meet frozen containers and wait there
	// Running lists the containers of an environment that run.
	Running func(ctx context.Context, env platform.EnvironmentID) ([]string, error)
	Log     *slog.Logger
	Hot     Hot           // nil for none
	Limit   time.Duration // 0 means DefaultLimit
	Copy    bool          // copy even where blocks can be shared
	// OnStep is called after each step that a crash may follow; may be nil. Fault tests use it.
	OnStep func(Step)
}

// Step is a point in Take or Plant.
type Step string

// The steps, in their order.
const (
	StepTakeBegun    Step = "snapshot-begun"    // its directory exists
	StepTakeFrozen   Step = "snapshot-frozen"   // containers stand still
	StepTakeCopied   Step = "snapshot-copied"   // and go on
	StepTakeRecorded Step = "snapshot-recorded" // all but the last rename
	StepPlantCopied  Step = "plant-copied"      // no plan yet
	StepPlantPlanned Step = "plant-planned"     // from here on it is finished and not undone
	StepPlantMoved   Step = "plant-moved"       // after each rename
	StepPlantKept    Step = "plant-kept"        // what was there before is a snapshot
)

// Store keeps snapshots below a data directory.
type Store struct {
	Config
	root   *os.Root
	shared bool // blocks can be shared

	mu   sync.Mutex
	busy map[platform.EnvironmentID]bool // Take or Plant runs
	used map[string]int                  // snapshots that are open or being planted
	open map[platform.EnvironmentID]bool
}

var _ snapshot.Store = (*Store)(nil)

// New opens the snapshots below a data directory. The caller calls Recover and, at the end,
// Close.
func New(c Config) (*Store, error) {
	if c.Limit == 0 {
		c.Limit = DefaultLimit
	}
	root, err := os.OpenRoot(c.DataDir)
	if err != nil {
		return nil, fmt.Errorf("open the data directory: %w", err)
	}
	s := &Store{
		Config: c, root: root,
		busy: map[platform.EnvironmentID]bool{}, used: map[string]int{}, open: map[platform.EnvironmentID]bool{},
	}
	if err := s.openDirectories(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	if s.OnStep == nil {
		s.OnStep = func(Step) {}
	}
	if !c.Copy {
		if s.shared, err = s.canShare(); err != nil {
			return nil, errors.Join(err, root.Close())
		}
	}
	return s, nil
}

// openDirectories makes those of the snapshots, unless a pool is not mounted: a link that
// leads nowhere would have its directories made where the pool belongs.
func (s *Store) openDirectories() error {
	for _, top := range []string{servicesDir, volumesDir, snapshotsDir} {
		if err := s.present(top); err != nil {
			return err
		}
	}
	if err := s.root.MkdirAll(path.Join(snapshotsDir, openDir), 0o700); err != nil {
		return fmt.Errorf("directory of the snapshots: %w", err)
	}
	return nil
}

// Close lets go of the data directory.
func (s *Store) Close() error { return s.root.Close() }

// Shared reports whether snapshots share blocks with the data.
func (s *Store) Shared() bool { return s.shared }

// canShare clones a file where snapshots are kept.
func (s *Store) canShare() (bool, error) {
	names := [2]string{path.Join(snapshotsDir, ".try-a"), path.Join(snapshotsDir, ".try-b")}
	defer func() {
		for _, name := range names {
			_ = s.root.Remove(name)
		}
	}()
	var fds [2]*os.File
	for i, name := range names {
		f, err := s.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return false, fmt.Errorf("try to share blocks: %w", err)
		}
		defer f.Close() //nolint:errcheck // removed
		fds[i] = f
	}
	if _, err := fds[0].Write(make([]byte, 4096)); err != nil {
		return false, fmt.Errorf("try to share blocks: %w", err)
	}
	return unix.IoctlFileClone(int(fds[1].Fd()), int(fds[0].Fd())) == nil, nil
}

// lock reserves an environment for one Take or Plant.
func (s *Store) lock(env platform.EnvironmentID) (unlock func(), err error) {
	if !validEnvironment(env) {
		return nil, platform.Errorf(platform.CodeInvalid, "%q is not an environment's identifier", env)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[env] {
		return nil, platform.Errorf(platform.CodeConflict, "the data of %s is being snapshotted or replaced; nothing was changed", env).
			WithHint("try again when that has ended: sluice activities")
	}
	s.busy[env] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.busy, env)
	}, nil
}

// use keeps a snapshot from being removed. alone reports that nothing else uses it.
func (s *Store) use(id string) (done func(), alone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used[id]++
	alone = s.used[id] == 1
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.used[id]--; s.used[id] == 0 {
			delete(s.used, id)
		}
	}, alone
}

var environmentPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// validEnvironment reports whether an identifier is one, and so a directory's name.
func validEnvironment(env platform.EnvironmentID) bool {
	return environmentPattern.MatchString(string(env))
}

// source is a part where it lies: its directory below the data directory.
type source struct {
	snapshot.Part
	at string
}

// dataOf lists the parts of an environment's data, sorted by name, without their sizes.
func (s *Store) dataOf(env platform.EnvironmentID) ([]source, error) {
	return s.parts(path.Join(servicesDir, string(env)), path.Join(volumesDir, string(env)))
}

// parts lists what lies in directories of services and of volumes.
func (s *Store) parts(servicesAt, volumesAt string) ([]source, error) {
	services, err := s.directories(servicesAt)
	if err != nil {
		return nil, err
	}
	var out []source
	for _, name := range services {
		p := snapshot.Part{Name: snapshot.ServicePart(name), Dir: path.Join(servicesDir, name)}
		out = append(out, source{p, path.Join(servicesAt, name)})
	}
	volumes, err := s.directories(volumesAt)
	if err != nil {
		return nil, err
	}
	for _, volume := range volumes {
		mounts, err := s.mounts(path.Join(volumesAt, volume), volume)
		if err != nil {
			return nil, err
		}
		out = append(out, mounts...)
	}
	slices.SortFunc(out, func(a, b source) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// mounts lists the sources of one volume, which lies at a directory.
func (s *Store) mounts(at, volume string) ([]source, error) {
	dir := path.Join(volumesDir, volume)
	app, ok := strings.CutPrefix(volume, "@")
	if !ok { // of before ADR 0038: it is one tree
		return []source{{snapshot.Part{Name: "tree:" + volume, Dir: dir}, at}}, nil
	}
	names, err := s.directories(at)
	if err != nil {
		return nil, err
	}
	var out []source
	for _, name := range names {
		if mount, ok := snapshot.SourceOf(name); ok {
			p := snapshot.Part{Name: snapshot.MountPart(app, mount), Dir: path.Join(dir, name)}
			out = append(out, source{p, path.Join(at, name)})
		}
	}
	return out, nil
}

// directories lists the names of the directories in one; none where it does not exist.
func (s *Store) directories(dir string) ([]string, error) {
	entries, err := fs.ReadDir(s.root.FS(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, s.present(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// present refuses a directory of the data that is a link to nowhere: what it leads to is
// not mounted, and what is not there must not pass for empty.
func (s *Store) present(dir string) error {
	top, _, _ := strings.Cut(dir, "/")
	if _, err := s.root.Lstat(top); err != nil {
		return nil //nolint:nilerr // no environment has had data yet
	}
	if _, err := s.root.Stat(top); err != nil {
		return platform.Errorf(platform.CodeUnavailable, "%s is not mounted; nothing was changed", filepath.Join(s.DataDir, top)).
			WithHint("mount the pool: sluiced pool:mount")
	}
	return nil
}

// at returns where a part of an environment lies.
func at(env platform.EnvironmentID, p snapshot.Part) string {
	top, rest, _ := strings.Cut(p.Dir, "/")
	return path.Join(top, string(env), rest)
}
