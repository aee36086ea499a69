package patch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"sluice/internal/toolkit/shell"
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

// maxFile bounds what is read of a patch or of a file that it changes, in bytes; the largest known patch is
// below 1 MiB.
const maxFile = 32 << 20

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

// Tool applies patches to the directory Root, in which Shell runs git.
type Tool struct {
	Root  *os.Root
	Shell shell.Runner
}

// ApplyFile applies the patch in a file of Root. An error names the patch, says what git says of
// it and that nothing was changed; only an error of writing can leave the first files of a patch changed,
// and says so.
func (t Tool) ApplyFile(ctx context.Context, name string) (Outcome, error) {
	text, err := read(t.Root, name)
	if err != nil {
		return 0, err
	}
	outcome, err := t.Apply(ctx, text)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return outcome, nil
}

// Apply applies a patch, like ApplyFile.
func (t Tool) Apply(ctx context.Context, text []byte) (Outcome, error) {
	refused := t.git(ctx, text, "--check")
	if shell.IsNotFound(refused) {
		return 0, errors.New("git was not found; it is needed to apply patches, so install it in the image of the application. Nothing was changed")
	}
	if refused == nil {
		if err := t.git(ctx, text); err != nil {
			return 0, fmt.Errorf("%s; the first files of the patch may have been changed", reason(err))
		}
		return Applied, nil
	}
	if t.git(ctx, text, "--check", "--reverse") == nil {
		return Already, nil
	}
	why := reason(refused)
	if hint := t.lineEnds(text, why); hint != "" {
		why += "; " + hint
	}
	return 0, fmt.Errorf("%s; nothing was changed", why)
}

// git runs git apply as if there were no repository: the project's or the user's own settings, filters and
// hooks have no part in it. Git itself refuses names outside the directory and behind links.
func (t Tool) git(ctx context.Context, text []byte, options ...string) error {
	args := append([]string{"git", "apply", "--whitespace=nowarn"}, options...)
	_, err := t.Shell.Run(ctx, shell.Command{
		Args:  append(args, "-"),
		Env:   []string{"GIT_DIR=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "LC_ALL=C"},
		Stdin: bytes.NewReader(text),
	})
	return err
}

// reason returns what git said, in one line.
func reason(err error) string {
	failed, ok := errors.AsType[*shell.Failure](err)
	if !ok || failed.Output == "" {
		return err.Error()
	}
	var said []string
	for line := range strings.Lines(failed.Output) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "error: "))
		if strings.HasPrefix(line, "No valid patches in input") {
			line = "no change found in it" // git goes on with an option of its own
		}
		if line != "" {
			said = append(said, line)
		}
	}
	return strings.Join(said, "; ")
}

// read returns a whole file of root.
func read(root *os.Root, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // opened to read: nothing is lost
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(content) > maxFile {
		return nil, fmt.Errorf("%s: more than %d MiB", name, maxFile>>20)
	}
	return content, err
}
