package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"sluice/internal/platform"
)

// toolkitName is the executable that is looked for beside this one.
const toolkitName = "sluice-toolkit"

// digestBytes is how much of its SHA-256 names a toolkit's directory.
const digestBytes = 8

// installToolkit copies the toolkit to a place that is named by its content and returns
// where it is there: a release goes on with the toolkit that it was made with, whatever is
// installed later. Without --toolkit, and when there is none beside this executable, it
// returns "".
func installToolkit(c config) (string, error) {
	source := c.Toolkit
	if source == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("find the toolkit: %w", err)
		}
		source = filepath.Join(filepath.Dir(self), toolkitName)
		if _, err := os.Stat(source); errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
	}
	target, err := keepToolkit(source, c.path("toolkit"))
	if err != nil {
		return "", platform.Errorf(platform.CodeUnavailable, "the toolkit cannot be installed: %v", err).
			WithHint("name the executable with --toolkit, and see that the data directory has room")
	}
	return target, nil
}

// keepToolkit copies source to dir/DIGEST/sluice-toolkit. A copy that a crash cut off has
// another name, so what is found there is whole.
func keepToolkit(source, dir string) (string, error) {
	in, err := os.Open(filepath.Clean(source))
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }() // was only read
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return "", err
	}
	target := filepath.Join(dir, hex.EncodeToString(h.Sum(nil)[:digestBytes]), toolkitName)
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	return target, copyExecutable(in, target)
}

func copyExecutable(in io.Reader, target string) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil { //nolint:gosec // containers read it
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(target), ".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone already after the rename
	_, err = io.Copy(tmp, in)
	if err := errors.Join(err, tmp.Chmod(0o755), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), target)
}

// toolkits is the directory of the toolkits that were installed, each below its digest.
type toolkits struct {
	dir string
	log *slog.Logger

	mu sync.Mutex // one look at a time
}

// drop removes the toolkits that are not in use. inUse is asked only when there is more than
// one.
func (t *toolkits) drop(ctx context.Context, inUse func(context.Context) (map[string]bool, error)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	root, err := os.OpenRoot(t.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // was only looked at
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !e.IsDir() || !isDigest(e.Name()) })
	if len(entries) < 2 {
		return nil
	}
	used, err := inUse(ctx)
	if err != nil {
		return fmt.Errorf("find out which are in use: %w", err)
	}
	var problems []error
	for _, e := range entries {
		if used[filepath.Join(t.dir, e.Name(), toolkitName)] {
			continue
		}
		err := root.RemoveAll(e.Name())
		problems = append(problems, err)
		if err == nil {
			t.log.InfoContext(ctx, "removed a toolkit that no release uses", slog.String("digest", e.Name()))
		}
	}
	return errors.Join(problems...)
}

// isDigest reports whether a directory is one that keepToolkit made.
func isDigest(name string) bool {
	sum, err := hex.DecodeString(name)
	return err == nil && len(sum) == digestBytes
}
