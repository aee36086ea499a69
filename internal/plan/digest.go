package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/internal/topology"
)

// File is one file of a Git tree.
type File struct {
	Path string // relative to the top of the repository
	Mode uint32 // as Git has it: 0o100644, 0o100755, 0o120000, 0o160000
	ID   string // of the blob or commit
}

// SourceDigest returns the digest over the files of an application that a slug depends on:
// those below root without the platform's own. It is the digest that the server computes
// of a commit.
func SourceDigest(files []File, root string) string {
	sorted := slices.Clone(files)
	slices.SortFunc(sorted, func(a, b File) int { // directory by directory, by name
		return slices.Compare(strings.Split(a.Path, "/"), strings.Split(b.Path, "/"))
	})
	h := sha256.New()
	for _, f := range sorted {
		if name, below := belowRoot(f.Path, root); below && !ours(name) {
			_, _ = fmt.Fprintf(h, "%06o %s %s\x00", f.Mode, f.ID, name) // a hash takes everything
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func ours(name string) bool {
	return slices.ContainsFunc(topology.ConfigFiles(), func(file string) bool {
		return name == file || strings.HasPrefix(name, file+"/")
	})
}

// TreeDigest returns the digest of what a push brings: its configuration files by path, and the
// digests of its applications' files.
func TreeDigest(files map[string][]byte, sources map[string]string) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		_, _ = fmt.Fprintf(h, "file %q %d\n", name, len(files[name]))
		_, _ = h.Write(files[name])
	}
	for _, app := range slices.Sorted(maps.Keys(sources)) {
		_, _ = fmt.Fprintf(h, "source %q %s\n", app, sources[app])
	}
	return hex.EncodeToString(h.Sum(nil))
}
