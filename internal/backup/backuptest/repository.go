package backuptest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"sluice/internal/backup"
	"sluice/internal/platform"
)

// Repository is a repository in memory. Fail makes calls fail; the rest is what the port says.
type Repository struct {
	// Fail is asked before each call, by the method's name; may be nil.
	Fail func(method string) error

	// Free is what Room returns; 0 is not known.
	Free int64

	mu   sync.Mutex
	held []held // oldest first
}

type held struct {
	backup.Stored

	manifest []byte
	files    []byte // tar
}

var _ backup.Repository = (*Repository)(nil)

func (r *Repository) begin(ctx context.Context, method string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if r.Fail != nil {
		if err := r.Fail(method); err != nil {
			return err
		}
	}
	r.mu.Lock()
	return nil
}

// Room implements backup.Repository.
func (r *Repository) Room(ctx context.Context) (free int64, known bool, err error) {
	if err := r.begin(ctx, "Room"); err != nil {
		return 0, false, err
	}
	defer r.mu.Unlock()
	return r.Free, r.Free > 0, nil
}

// Save implements backup.Repository.
func (r *Repository) Save(ctx context.Context, req backup.SaveRequest, _ io.Writer) (backup.Saved, error) {
	if err := r.begin(ctx, "Save"); err != nil {
		return backup.Saved{}, err
	}
	defer r.mu.Unlock()
	var files bytes.Buffer
	out := backup.Saved{Name: fmt.Sprintf("%08x", len(r.held)+1)}
	w := tar.NewWriter(&files)
	for _, top := range []string{"services", "volumes"} {
		err := filepath.Walk(filepath.Join(req.Dir, top), func(path string, info os.FileInfo, err error) error {
			if err != nil {
				if errors.Is(err, os.ErrNotExist) {
					return nil
				}
				return err
			}
			return addFile(w, req.Dir, path, info, &out)
		})
		if err != nil {
			return backup.Saved{}, err
		}
	}
	out.Added = out.Bytes
	stored := backup.Stored{Name: out.Name, ID: req.ID, Environment: req.Environment, Time: time.Now()}
	r.held = append(r.held, held{stored, slices.Clone(req.Manifest), files.Bytes()})
	return out, w.Close()
}

func addFile(w *tar.Writer, dir, path string, info os.FileInfo, out *backup.Saved) error {
	target, _ := os.Readlink(path)
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	if h.Name, err = filepath.Rel(dir, path); err != nil {
		return err
	}
	if err := w.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	content, err := os.ReadFile(path) //nolint:gosec // below the directory of the test
	if err != nil {
		return err
	}
	out.Files++
	out.Bytes += h.Size
	_, err = w.Write(content)
	return err
}

// Restore implements backup.Repository.
func (r *Repository) Restore(ctx context.Context, name, dir string, _ io.Writer) error {
	h, err := r.find(ctx, "Restore", name)
	if err != nil {
		return err
	}
	for in := tar.NewReader(bytes.NewReader(h.files)); ; {
		head, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(head.Name))
		switch head.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, 0o700)
		case tar.TypeSymlink:
			err = os.Symlink(head.Linkname, path)
		default:
			content, readErr := io.ReadAll(in)
			err = errors.Join(readErr, os.WriteFile(path, content, head.FileInfo().Mode().Perm()))
		}
		if err != nil {
			return err
		}
	}
}

// Manifest implements backup.Repository.
func (r *Repository) Manifest(ctx context.Context, name string) ([]byte, error) {
	h, err := r.find(ctx, "Manifest", name)
	return h.manifest, err
}

// Archive implements backup.Repository.
func (r *Repository) Archive(ctx context.Context, name string, w io.Writer) error {
	h, err := r.find(ctx, "Archive", name)
	if err == nil {
		_, err = w.Write(h.files)
	}
	return err
}

// List implements backup.Repository.
func (r *Repository) List(ctx context.Context) ([]backup.Stored, error) {
	if err := r.begin(ctx, "List"); err != nil {
		return nil, err
	}
	defer r.mu.Unlock()
	var out []backup.Stored
	for _, h := range r.held {
		if h.Name != "" {
			out = append(out, h.Stored)
		}
	}
	return out, nil
}

// Forget implements backup.Repository.
func (r *Repository) Forget(ctx context.Context, names []string, _ io.Writer) error {
	if err := r.begin(ctx, "Forget"); err != nil {
		return err
	}
	defer r.mu.Unlock()
	for i, h := range r.held {
		if slices.Contains(names, h.Name) {
			r.held[i] = held{} // its place keeps the names of later ones apart
		}
	}
	return nil
}

// Recover implements backup.Repository.
func (r *Repository) Recover(ctx context.Context) error {
	if err := r.begin(ctx, "Recover"); err != nil {
		return err
	}
	r.mu.Unlock()
	return nil
}

func (r *Repository) find(ctx context.Context, method, name string) (held, error) {
	if err := r.begin(ctx, method); err != nil {
		return held{}, err
	}
	defer r.mu.Unlock()
	for _, h := range r.held {
		if h.Name == name && name != "" {
			return h, nil
		}
	}
	return held{}, platform.Errorf(platform.CodeNotFound, "the repository has no backup %q", name)
}
