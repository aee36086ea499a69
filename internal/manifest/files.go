package manifest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// Tree makes a tree of files, for reading a configuration that is not on a disk. A name
// that is not a path inside a tree is an error.
func Tree(files map[string][]byte) (fs.FS, error) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !fs.ValidPath(name) || name == "." {
			return nil, fmt.Errorf("%s is not the path of a file", show(name))
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = f.Write(files[name])
		}
		if err != nil {
			return nil, fmt.Errorf("file %s: %w", show(name), err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack the files: %w", err)
	}
	return zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
}

// Merge returns the findings of two runs over the same files, each once, in stable order.
func (ds Diagnostics) Merge(other Diagnostics) Diagnostics {
	f := findings{list: slices.Concat(ds, other)}
	return f.sorted()
}
