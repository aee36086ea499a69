package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"sluice/internal/platform"
)

// toolkitName is the executable that is looked for beside this one.
const toolkitName = "sluice-toolkit"

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
	target := filepath.Join(dir, hex.EncodeToString(h.Sum(nil)[:8]), toolkitName)
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
