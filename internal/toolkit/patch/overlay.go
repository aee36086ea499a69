package patch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// overlay is the tree as a patch would leave it; root is only read until write.
type overlay struct {
	root  *os.Root
	files map[string]*version
}

// version is what a changed file becomes. One that is gone has no content.
type version struct {
	gone    bool
	content []byte
	mode    fs.FileMode
}

// partSuffix marks a file that waits for its place.
const partSuffix = ".sluice-patch"

func newOverlay(root *os.Root) *overlay {
	return &overlay{root: root, files: map[string]*version{}}
}

// read returns a whole file of root.
func read(root *os.Root, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // opened to read: nothing is lost
	content, err := io.ReadAll(io.LimitReader(f, maxPatch+1))
	if err == nil && len(content) > maxPatch {
		return nil, fmt.Errorf("%s: more than %d MiB", name, maxPatch>>20)
	}
	return content, err
}

func (o *overlay) get(name string) (*version, error) {
	if v, ok := o.files[name]; ok {
		if v.gone {
			return nil, fs.ErrNotExist
		}
		return v, nil
	}
	info, err := o.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	content, err := read(o.root, name)
	return &version{content: content, mode: info.Mode().Perm()}, err
}

// apply changes the overlay by all files of a patch, or returns why it cannot.
func (o *overlay) apply(files []*gitdiff.File) error {
	for _, f := range files {
		for _, name := range []string{f.OldName, f.NewName} {
			if name != "" && !filepath.IsLocal(name) {
				return fmt.Errorf("%q is outside the application", name)
			}
		}
		if err := o.file(f); err != nil {
			name := f.OldName
			if f.IsNew {
				name = f.NewName
			}
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (o *overlay) file(f *gitdiff.File) error {
	old := &version{mode: 0o644}
	if f.IsNew {
		if _, err := o.get(f.NewName); err == nil {
			return errors.New("exists already")
		}
	} else {
		var err error
		if old, err = o.get(f.OldName); errors.Is(err, fs.ErrNotExist) {
			return errors.New("there is no such file")
		} else if err != nil {
			return err
		}
	}
	content, err := changed(f, old.content)
	if err != nil {
		return err
	}
	if f.IsDelete {
		if len(content) > 0 {
			return errors.New("the file to delete has more content than the patch knows")
		}
		o.files[f.OldName] = &version{gone: true}
		return nil
	}
	if f.IsRename {
		o.files[f.OldName] = &version{gone: true}
	}
	mode := old.mode
	if f.NewMode != 0 {
		mode = f.NewMode.Perm()
	}
	o.files[f.NewName] = &version{content: content, mode: mode}
	return nil
}

func changed(f *gitdiff.File, content []byte) ([]byte, error) {
	if !f.IsBinary {
		return applyText(content, f.TextFragments)
	}
	if f.BinaryFragment == nil {
		return nil, errors.New("the patch says that a binary file changes but not how")
	}
	var out bytes.Buffer
	if err := gitdiff.Apply(&out, bytes.NewReader(content), f, gitdiff.WithMaxBinaryFragmentBytes(maxPatch)); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// write brings the overlay into the tree: first every new content beside its place, then
// one rename after the other.
func (o *overlay) write() error {
	names := slices.Sorted(maps.Keys(o.files))
	for _, name := range names {
		if err := o.prepare(name); err != nil {
			for _, n := range names {
				_ = o.root.Remove(n + partSuffix) // the first error says more
			}
			return fmt.Errorf("%w; nothing was changed", err)
		}
	}
	for i, name := range names {
		var err error
		if o.files[name].gone {
			err = o.root.Remove(name)
		} else {
			err = o.root.Rename(name+partSuffix, name)
		}
		if err != nil {
			return fmt.Errorf("%w; %d of %d files were changed", err, i, len(names))
		}
	}
	return nil
}

func (o *overlay) prepare(name string) error {
	v := o.files[name]
	if v.gone {
		return nil
	}
	if err := o.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	part := name + partSuffix
	if err := o.root.WriteFile(part, v.content, v.mode); err != nil {
		return err
	}
	return o.root.Chmod(part, v.mode)
}
