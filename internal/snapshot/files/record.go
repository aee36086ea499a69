package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sluice/internal/platform"
	"sluice/internal/snapshot"
)

// Below snapshots/ are
//
//	ID/snapshot.json       what it is
//	ID/data/PART           what it holds, at Part.Dir
//	.new-ID/               one that is not complete
//	.old-ID/               one that is being removed
//	.plant-ENVIRONMENT/    see plant.go
//	open/ENVIRONMENT       a link to the ID that is open
const (
	recordFile = "snapshot.json"
	dataDir    = "data"
	openDir    = "open"
	newPrefix  = ".new-"
	oldPrefix  = ".old-"
	copyDir    = ".sluice-copy" // in a service's directory: what its own tool makes
)

const maxRecord = 4 << 20 // bytes

var idPattern = regexp.MustCompile(`^[a-z2-7]{13}$`)

func home(id string) string { return path.Join(snapshotsDir, id) }

// Snapshot implements snapshot.Store.
func (s *Store) Snapshot(_ context.Context, id string) (snapshot.Snapshot, error) {
	if !idPattern.MatchString(id) {
		return snapshot.Snapshot{}, snapshot.NotFound(id)
	}
	var out snapshot.Snapshot
	err := s.load(path.Join(home(id), recordFile), &out)
	if errors.Is(err, fs.ErrNotExist) {
		return out, snapshot.NotFound(id)
	}
	if err != nil {
		return out, fmt.Errorf("record of the snapshot %s: %w", id, err)
	}
	return out, nil
}

// List implements snapshot.Store. A record that cannot be read hides its snapshot only.
func (s *Store) List(ctx context.Context, env platform.EnvironmentID) ([]snapshot.Snapshot, error) {
	names, err := s.directories(snapshotsDir)
	if err != nil {
		return nil, err
	}
	var out []snapshot.Snapshot
	for _, id := range names {
		if !idPattern.MatchString(id) {
			continue
		}
		one, err := s.Snapshot(ctx, id)
		if err != nil {
			if platform.ErrorCode(err) != platform.CodeNotFound {
				s.Log.ErrorContext(ctx, "could not read a snapshot's record", "snapshot", id, "error", err)
			}
			continue
		}
		if env == "" || one.Environment == env {
			out = append(out, one)
		}
	}
	slices.SortFunc(out, snapshot.Newest)
	return out, nil
}

// Remove implements snapshot.Store. The snapshot is gone when it has been renamed; Recover
// deletes what a crash leaves of its files.
func (s *Store) Remove(ctx context.Context, id string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !idPattern.MatchString(id) {
		return nil
	}
	old, err := s.retire(id)
	if err != nil || old == "" {
		return err
	}
	return s.root.RemoveAll(old)
}

// retire renames a snapshot that is not being read: from then on it does not exist.
func (s *Store) retire(id string) (old string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used[id] > 0 {
		return "", snapshot.Busy(id)
	}
	old = path.Join(snapshotsDir, oldPrefix+id)
	if err := s.root.Rename(home(id), old); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	return old, nil
}

// Open implements snapshot.Store.
func (s *Store) Open(ctx context.Context, id string) (dir string, closed func() error, err error) {
	one, err := s.Snapshot(ctx, id)
	if err != nil {
		return "", nil, err
	}
	env := one.Environment
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[env] {
		return "", nil, platform.Errorf(platform.CodeConflict, "another snapshot of %s is being read", env).
			WithHint("try again when the activity that reads it has ended")
	}
	link := path.Join(snapshotsDir, openDir, string(env))
	if err := s.root.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, err
	}
	if err := s.root.Symlink(path.Join("..", id), link); err != nil {
		return "", nil, err
	}
	s.open[env] = true
	s.used[id]++
	return filepath.Join(s.DataDir, link, dataDir), func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, env)
		if s.used[id]--; s.used[id] == 0 {
			delete(s.used, id)
		}
		return s.root.Remove(link)
	}, nil
}

// Recover implements snapshot.Store. The engine thaws frozen containers when it starts.
func (s *Store) Recover(ctx context.Context) error {
	entries, err := fs.ReadDir(s.root.FS(), snapshotsDir)
	if err != nil {
		return fmt.Errorf("list the snapshots: %w", err)
	}
	var problems []error
	for _, e := range entries {
		name := path.Join(snapshotsDir, e.Name())
		switch env, plant := strings.CutPrefix(e.Name(), plantPrefix); {
		case plant:
			err = s.settle(ctx, platform.EnvironmentID(env))
		case strings.HasPrefix(e.Name(), newPrefix), strings.HasPrefix(e.Name(), oldPrefix):
			s.Log.InfoContext(ctx, "removing what is left of a snapshot", "directory", e.Name())
			err = s.root.RemoveAll(name)
		case e.Name() == openDir:
			err = errors.Join(s.root.RemoveAll(name), s.root.Mkdir(name, 0o700))
		default:
			err = nil
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(append(problems, s.removeCopies())...)
}

// removeCopies removes what tools of services left that were interrupted.
func (s *Store) removeCopies() error {
	found, err := fs.Glob(s.root.FS(), path.Join(servicesDir, "*", "*", copyDir))
	for _, name := range found {
		err = errors.Join(err, s.root.RemoveAll(name))
	}
	return err
}

// save writes a record so that it is there whole or not at all.
func (s *Store) save(name string, record any) error {
	text, err := json.MarshalIndent(record, "", "\t")
	if err != nil {
		return err
	}
	temp := path.Join(path.Dir(name), ".temp-"+path.Base(name))
	f, err := s.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := s.root.Rename(temp, name); err != nil {
		return err
	}
	return s.sync(path.Dir(name))
}

func (s *Store) load(name string, into any) error {
	f, err := s.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() > maxRecord {
		return errors.New("too long for a record")
	}
	return json.NewDecoder(f).Decode(into)
}

// sync makes a directory's names durable.
func (s *Store) sync(dir string) error {
	f, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
