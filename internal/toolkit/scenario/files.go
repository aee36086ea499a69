package scenario

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// defaults are the scenario files of the toolkit.
//
//go:embed defaults/scenario
var defaults embed.FS

// maxFile bounds a scenario file, in bytes.
const maxFile = 1 << 20

// Files finds scenario files: as given relative to the working directory, then among those
// of the toolkit, then relative to the application's root.
type Files struct {
	WorkDir string
	Root    string
}

// Load reads and merges scenario files, the first being the lowest.
func (f Files) Load(paths []string) (*Definition, error) {
	defs := make([]*Definition, 0, len(paths))
	for _, p := range paths {
		text, err := f.read(p)
		if err != nil {
			return nil, err
		}
		def, err := Parse(p, text)
		if err != nil {
			return nil, err
		}
		defs = append(defs, def)
	}
	return Merge(defs...), nil
}

func (f Files) read(name string) ([]byte, error) {
	inDir := name
	if !filepath.IsAbs(name) {
		inDir = filepath.Join(f.WorkDir, name)
	}
	text, err := readFile(inDir)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	text, err = defaults.ReadFile(path.Join("defaults", path.Clean("/"+filepath.ToSlash(name))))
	if err == nil {
		return text, nil
	}
	text, err = readFile(filepath.Join(f.Root, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("Scenario %s does not exist", name)
	}
	return text, err
}

func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && info.IsDir():
		return nil, fs.ErrNotExist
	case err != nil:
		return nil, err
	case info.Size() > maxFile:
		return nil, fmt.Errorf("Scenario %s has %d bytes, more than the limit of %d", name, info.Size(), maxFile)
	}
	return os.ReadFile(name) //nolint:gosec // the user names the files
}

// Default reports whether a path names a scenario of the toolkit, such as
// scenario/deploy.xml.
func Default(name string) bool {
	name = strings.TrimPrefix(path.Clean("/"+filepath.ToSlash(name)), "/")
	_, err := fs.Stat(defaults, path.Join("defaults", name))
	return err == nil
}
