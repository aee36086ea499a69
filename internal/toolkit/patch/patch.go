package patch

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// Dir is where a project keeps its own patches, relative to the application.
const Dir = "m2-hotfixes"

// Outcome is what became of a patch.
type Outcome int

// The outcomes of a patch without an error.
const (
	Applied Outcome = iota + 1
	Already         // its changes are in the tree
)

// maxPatch bounds a patch file; the largest known is below 1 MiB.
const maxPatch = 32 << 20

// Files returns the names of the patches in Dir, relative to root, in the order in which
// they are applied: by name. A project without the directory has none.
func Files(root *os.Root) ([]string, error) {
	entries, err := fs.ReadDir(root.FS(), Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), ".patch") {
			names = append(names, Dir+"/"+e.Name())
		}
	}
	return names, err
}

// ApplyFile applies the patch in a file of root. An error says which file and hunk of the
// patch do not fit and that nothing was changed; only an error of writing can leave the
// first files of a patch changed, and says so.
func ApplyFile(root *os.Root, name string) (Outcome, error) {
	text, err := read(root, name)
	if err != nil {
		return 0, err
	}
	outcome, err := Apply(root, text)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return outcome, nil
}

// Apply applies a patch, like ApplyFile.
func Apply(root *os.Root, text []byte) (Outcome, error) {
	files, _, err := gitdiff.Parse(bytes.NewReader(text))
	if err != nil {
		return 0, fmt.Errorf("not a patch: %w", err)
	}
	if len(files) == 0 {
		return 0, errors.New("no change found in it; nothing was changed")
	}
	stripNames(files, string(text))
	forward := newOverlay(root)
	refused := forward.apply(files)
	if refused == nil {
		return Applied, forward.write()
	}
	if newOverlay(root).apply(reversed(files)) == nil {
		return Already, nil
	}
	return 0, fmt.Errorf("%w; nothing was changed", refused)
}

// reversed returns the patch that takes files back, last file first.
func reversed(files []*gitdiff.File) []*gitdiff.File {
	back := make([]*gitdiff.File, 0, len(files))
	for _, f := range slices.Backward(files) {
		if f.IsCopy { // taking a copy back is deleting it, which loses its name
			continue
		}
		r := *f
		r.OldName, r.NewName = f.NewName, f.OldName
		r.OldMode, r.NewMode = f.NewMode, f.OldMode
		r.IsNew, r.IsDelete = f.IsDelete, f.IsNew
		r.BinaryFragment, r.ReverseBinaryFragment = f.ReverseBinaryFragment, f.BinaryFragment
		r.TextFragments = make([]*gitdiff.TextFragment, 0, len(f.TextFragments))
		for _, t := range f.TextFragments {
			r.TextFragments = append(r.TextFragments, reversedFragment(t))
		}
		back = append(back, &r)
	}
	return back
}

func reversedFragment(t *gitdiff.TextFragment) *gitdiff.TextFragment {
	r := *t
	r.OldPosition, r.NewPosition = t.NewPosition, t.OldPosition
	r.OldLines, r.NewLines = t.NewLines, t.OldLines
	r.LinesAdded, r.LinesDeleted = t.LinesDeleted, t.LinesAdded
	r.Lines = slices.Clone(t.Lines)
	for i, line := range r.Lines {
		switch line.Op {
		case gitdiff.OpAdd:
			r.Lines[i].Op = gitdiff.OpDelete
		case gitdiff.OpDelete:
			r.Lines[i].Op = gitdiff.OpAdd
		case gitdiff.OpContext:
		}
	}
	return &r
}
