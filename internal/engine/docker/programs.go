package docker

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"sluice/internal/engine"
)

var _ engine.ProgramStore = (*Engine)(nil)

const (
	programsDir  = "toolkit" // <digest>/<name>
	programBytes = 8         // of its SHA-256, in the name of a program's directory
)

// KeepProgram copies an executable to a place that is named by its content: a release goes
// on with the one that it was made with, whatever is delivered later. A copy that a crash
// cut off has another name, so what is found there is whole.
func (e *Engine) KeepProgram(_ context.Context, name string, content io.ReadSeeker) (string, error) {
	if !nameRule.MatchString(name) {
		return "", fmt.Errorf("%q cannot be the name of a program", name)
	}
	h := sha256.New()
	if _, err := io.Copy(h, content); err != nil {
		return "", err
	}
	target := path.Join(programsDir, hex.EncodeToString(h.Sum(nil)[:programBytes]), name)
	source := filepath.Join(e.data.path, target)
	if _, err := e.data.root.Stat(target); err == nil {
		return source, nil
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	return source, e.data.executable(target, content)
}

// executable writes a program that containers can read.
func (d *dataDir) executable(target string, content io.Reader) error {
	if err := d.root.MkdirAll(path.Dir(target), 0o755); err != nil {
		return err
	}
	tmp := path.Join(path.Dir(target), ".new-"+rand.Text())
	f, err := d.root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err = errors.Join(err, f.Chmod(0o755), f.Sync(), f.Close()); err == nil {
		err = d.root.Rename(tmp, target)
	}
	if err != nil {
		return errors.Join(err, d.root.Remove(tmp))
	}
	return nil
}

// Programs lists what KeepProgram returned.
func (e *Engine) Programs(context.Context) ([]string, error) {
	found, err := fs.Glob(e.data.root.FS(), programsDir+"/*/[^.]*")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range found {
		if isDigest(path.Base(path.Dir(name))) {
			out = append(out, filepath.Join(e.data.path, name))
		}
	}
	return out, nil
}

// RemoveProgram removes an executable; one that is gone is not an error.
func (e *Engine) RemoveProgram(_ context.Context, source string) error {
	dir := filepath.Dir(source)
	if digest := filepath.Base(dir); dir != filepath.Join(e.data.path, programsDir, digest) || !isDigest(digest) {
		return fmt.Errorf("%s is not a program of %s", source, e.data.path)
	}
	return e.data.root.RemoveAll(path.Join(programsDir, filepath.Base(dir)))
}

// isDigest reports whether a directory is one that KeepProgram made.
func isDigest(name string) bool {
	sum, err := hex.DecodeString(name)
	return err == nil && len(sum) == programBytes
}
