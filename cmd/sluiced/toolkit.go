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
}

// Installed lists the executables.
func (t *toolkits) Installed(context.Context) ([]string, error) {
	entries, err := os.ReadDir(t.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() && isDigest(e.Name()) {
			out = append(out, filepath.Join(t.dir, e.Name(), toolkitName))
		}
	}
	return out, nil
}

// Remove deletes an executable that Installed listed.
func (t *toolkits) Remove(ctx context.Context, path string) error {
	digest := filepath.Base(filepath.Dir(path))
	if !isDigest(digest) {
		return fmt.Errorf("%s is not a toolkit of %s", path, t.dir)
	}
	root, err := os.OpenRoot(t.dir)
	if err != nil {
		return err
	}
	if err := errors.Join(root.RemoveAll(digest), root.Close()); err != nil {
		return err
	}
	t.log.InfoContext(ctx, "removed a toolkit that no release uses", slog.String("digest", digest))
	return nil
}

// isDigest reports whether a directory is one that keepToolkit made.
func isDigest(name string) bool {
	sum, err := hex.DecodeString(name)
	return err == nil && len(sum) == digestBytes
}
