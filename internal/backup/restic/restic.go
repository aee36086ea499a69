package restic

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"sluice/internal/backup"
	"sluice/internal/platform"
)

// Config says where the repository is.
type Config struct {
	Program  string // empty: "restic", found in the PATH of Env
	Location string // a directory, "s3:https://host/bucket/path" or "sftp:user@host:/path"
	// PasswordFile is made with a random password when it does not exist. Without it the
	// repository cannot be read.
	PasswordFile string
	WorkDir      string   // for manifests, the cache and which repository this is
	Env          []string // of the program: PATH, HOME, and the keys of an S3 storage
}

// Repository is one. Close is not needed.
type Repository struct {
	Config

	use   sync.RWMutex // held for writing while nothing else may use the repository
	setUp sync.Mutex
	known bool // it was found to be there
}

var _ backup.Repository = (*Repository)(nil)

// New returns a repository, which is made when it is first needed.
func New(c Config) (*Repository, error) {
	c.Program = cmp.Or(c.Program, "restic")
	for _, dir := range []string{c.WorkDir, filepath.Dir(c.PasswordFile)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("directory of the backups: %w", err)
		}
	}
	return &Repository{Config: c}, nil
}

// The tag and the paths of a backup: what is saved is relative to the directory.
const tagPrefix = "backup-"

// top are the directories of a backup; what else is below Save's directory is not data.
func top() []string { return []string{"services", "volumes"} }

// Save implements backup.Repository. The program finds the backup before by the environment
// and the paths, which never change; times and inodes are no evidence that a file is the same,
// because every snapshot's are new, so each is read.
func (r *Repository) Save(ctx context.Context, req backup.SaveRequest, log io.Writer) (backup.Saved, error) {
	if err := r.ensure(ctx, true); err != nil {
		return backup.Saved{}, err
	}
	r.use.RLock()
	defer r.use.RUnlock()
	manifest := r.manifestFile(req.Environment)
	if err := errors.Join(os.MkdirAll(filepath.Dir(manifest), 0o700), os.WriteFile(manifest, req.Manifest, 0o600)); err != nil {
		return backup.Saved{}, fmt.Errorf("write the manifest: %w", err)
	}
	args := []string{"backup", "--json", "--host=" + string(req.Environment), "--tag=" + tagPrefix + req.ID}
	for _, dir := range top() {
		if _, err := os.Stat(filepath.Join(req.Dir, dir)); err == nil {
			args = append(args, dir)
		}
	}
	var out tail // many lines of progress, then the summary
	err := r.run(ctx, req.Dir, &out, log, append(args, manifest)...)
	if err != nil {
		// When some files could not be read, the program has saved the others: that is none of ours.
		return backup.Saved{}, errors.Join(err, r.dropPartial(ctx, req.ID))
	}
	return summaryOf(out.Bytes(), len(req.Manifest))
}

// dropPartial forgets what a failed Save has left under its tag.
func (r *Repository) dropPartial(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), time.Minute, errors.New("the repository does not answer"))
	defer cancel()
	list, err := r.list(ctx)
	if err != nil {
		return nil // the repository is not there; Sweep finds what is left
	}
	for _, s := range list {
		if s.ID == id {
			return r.run(ctx, "", io.Discard, io.Discard, "forget", s.Name)
		}
	}
	return nil
}

// Room implements backup.Repository. Only a directory tells how much is free.
func (r *Repository) Room(context.Context) (free int64, known bool, err error) {
	if !filepath.IsAbs(r.Location) {
		return 0, false, nil
	}
	for dir := r.Location; ; dir = filepath.Dir(dir) {
		var st unix.Statfs_t
		err := unix.Statfs(dir, &st)
		if errors.Is(err, unix.ENOENT) && dir != "/" {
			continue // it is made by the first backup
		}
		if err != nil {
			return 0, false, fmt.Errorf("room in %s: %w", dir, err)
		}
		return int64(st.Bavail) * st.Bsize, true, nil //nolint:gosec // sizes of disks
	}
}

// summaryOf reads what was saved beside a manifest of this length.
func summaryOf(out []byte, manifest int) (backup.Saved, error) {
	for line := range bytes.Lines(out) {
		var s struct {
			Type     string `json:"message_type"`
			Files    int64  `json:"total_files_processed"`
			Bytes    int64  `json:"total_bytes_processed"`
			Added    int64  `json:"data_added"`
			Snapshot string `json:"snapshot_id"`
		}
		if json.Unmarshal(line, &s) == nil && s.Type == "summary" && validName(s.Snapshot) {
			return backup.Saved{Name: s.Snapshot, Files: s.Files - 1, Bytes: s.Bytes - int64(manifest), Added: s.Added}, nil
		}
	}
	return backup.Saved{}, platform.Errorf(platform.CodeInternal, "restic does not say what it saved")
}

// Restore implements backup.Repository.
func (r *Repository) Restore(ctx context.Context, name, dir string, log io.Writer) error {
	return r.reading(ctx, name, func() error {
		args := []string{"restore", name, "--target=" + dir, "--verify"}
		for _, d := range top() {
			args = append(args, "--include=/"+d)
		}
		return r.run(ctx, "", io.Discard, log, args...)
	})
}

// Manifest implements backup.Repository.
func (r *Repository) Manifest(ctx context.Context, name string) (manifest []byte, err error) {
	err = r.reading(ctx, name, func() error {
		list, err := r.list(ctx)
		if err != nil {
			return err
		}
		for _, s := range list {
			if !strings.HasPrefix(s.Name, name) {
				continue
			}
			for _, path := range s.paths {
				if filepath.Base(path) == manifestName {
					var out bytes.Buffer
					err := r.run(ctx, "", &out, io.Discard, "dump", name, path)
					manifest = out.Bytes()
					return err
				}
			}
		}
		return notFound(name)
	})
	return manifest, err
}

// Archive implements backup.Repository.
func (r *Repository) Archive(ctx context.Context, name string, w io.Writer) error {
	return r.reading(ctx, name, func() error { return r.run(ctx, "", w, io.Discard, "dump", "--archive=tar", name, "/") })
}

// reading runs something that reads one backup.
func (r *Repository) reading(ctx context.Context, name string, read func() error) error {
	if !validName(name) {
		return notFound(name)
	}
	if err := r.ensure(ctx, false); err != nil {
		return err
	}
	r.use.RLock()
	defer r.use.RUnlock()
	return read()
}

// List implements backup.Repository.
func (r *Repository) List(ctx context.Context) ([]backup.Stored, error) {
	if made, err := r.open(ctx); err != nil || !made {
		return nil, err
	}
	r.use.RLock()
	defer r.use.RUnlock()
	list, err := r.list(ctx)
	var out []backup.Stored
	for _, s := range list {
		out = append(out, s.Stored)
	}
	return out, err
}

// stored is a backup with what only this package needs.
type stored struct {
	backup.Stored

	paths []string
}

func (r *Repository) list(ctx context.Context) ([]stored, error) {
	var out bytes.Buffer
	if err := r.run(ctx, "", &out, io.Discard, "snapshots", "--json"); err != nil {
		return nil, err
	}
	var all []struct {
		Time  time.Time `json:"time"`
		Host  string    `json:"hostname"`
		Paths []string  `json:"paths"`
		Tags  []string  `json:"tags"`
		Name  string    `json:"short_id"`
	}
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		return nil, fmt.Errorf("read restic's list: %w", err)
	}
	var list []stored
	for _, s := range all {
		for _, tag := range s.Tags {
			if id, ok := strings.CutPrefix(tag, tagPrefix); ok {
				list = append(list, stored{
					backup.Stored{Name: s.Name, ID: id, Environment: platform.EnvironmentID(s.Host), Time: s.Time}, s.Paths,
				})
			}
		}
	}
	slices.SortFunc(list, func(a, b stored) int { return a.Time.Compare(b.Time) })
	return list, nil
}

// Forget implements backup.Repository.
func (r *Repository) Forget(ctx context.Context, names []string, log io.Writer) error {
	for _, name := range names {
		if !validName(name) {
			return notFound(name)
		}
	}
	if made, err := r.open(ctx); err != nil || !made {
		return err
	}
	r.use.Lock()
	defer r.use.Unlock()
	list, err := r.list(ctx)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return !slices.ContainsFunc(list, func(s stored) bool { return s.Name == name })
	})
	if len(names) > 0 {
		if err := r.run(ctx, "", io.Discard, log, append([]string{"forget"}, names...)...); err != nil {
			return err
		}
	}
	// A lock of a process that died would refuse it; live ones of other machines stay.
	return errors.Join(r.run(ctx, "", io.Discard, log, "unlock"), r.run(ctx, "", io.Discard, log, "prune"))
}

// Recover implements backup.Repository: it removes the locks of processes that died.
func (r *Repository) Recover(ctx context.Context) error {
	if made, err := r.open(ctx); err != nil || !made {
		return err
	}
	return r.run(ctx, "", io.Discard, io.Discard, "unlock")
}

const manifestName = "manifest.json"

// manifestFile is where a manifest is while it is saved, and so in the backup; always the same.
func (r *Repository) manifestFile(env platform.EnvironmentID) string {
	return filepath.Join(r.WorkDir, "manifests", string(env), manifestName)
}

var namePattern = regexp.MustCompile(`^[0-9a-f]{8,64}$`)

func validName(name string) bool { return namePattern.MatchString(name) }

func notFound(name string) error {
	return platform.Errorf(platform.CodeNotFound, "the repository has no backup %q", name)
}

// marker is the file that says which repository was made, so that one that is gone is not
// taken for a new one.
func (r *Repository) marker() string { return filepath.Join(r.WorkDir, "location") }

// open finds the repository. One that was never made is no error, and made is false then.
func (r *Repository) open(ctx context.Context) (made bool, err error) {
	if made, err = r.made(); err != nil || !made {
		return false, err
	}
	return true, r.ensure(ctx, false)
}

// made reports whether the repository was made before.
func (r *Repository) made() (bool, error) {
	data, err := os.ReadFile(r.marker())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read which repository is in use: %w", err)
	}
	return strings.TrimSpace(string(data)) == r.Location, nil
}
