package cli

import (
	"context"
	"crypto/sha1" //nolint:gosec // Git's ids
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sluice/internal/manifest"
	"sluice/internal/plan"
)

// The modes of files in Git.
const (
	gitFile       = 0o100644
	gitExecutable = 0o100755
	gitLink       = 0o120000
)

// sources returns the digests of the applications' files as a push of the directory would
// bring them, uncommitted changes included; none when it is not the top of a checkout.
func (c *program) sources(ctx context.Context, dir string, m *manifest.Manifest) map[string]string {
	if m == nil {
		return nil
	}
	files, err := c.gitFiles(ctx, dir)
	if err != nil {
		c.note("Could not find out which files changed: %v", err)
		return nil
	}
	out := map[string]string{}
	for _, app := range m.Apps {
		out[app.Name] = plan.SourceDigest(files, app.Root)
	}
	return out
}

// gitFiles lists a checkout's files as `git commit --all` would record them, with those
// that Git does not know yet.
func (c *program) gitFiles(ctx context.Context, dir string) ([]plan.File, error) {
	prefix, err := c.gitIn(ctx, dir, "", "rev-parse", "--show-prefix")
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(prefix) != "" {
		return nil, fmt.Errorf("%s is not the top of its repository", dir)
	}
	index, err := c.gitIn(ctx, dir, "", "ls-files", "-s", "-z")
	if err != nil {
		return nil, err
	}
	files := parseIndex(index)
	changed, err := c.gitIn(ctx, dir, "", "ls-files", "-z", "--modified", "--deleted", "--others", "--exclude-standard")
	if err != nil {
		return nil, err
	}
	if err := c.rehash(ctx, dir, files, strings.Split(strings.TrimSuffix(changed, "\x00"), "\x00")); err != nil {
		return nil, err
	}
	out := make([]plan.File, 0, len(files))
	for _, f := range files {
		out = append(out, f)
	}
	return out, nil
}

// parseIndex reads "mode id stage<tab>path" entries.
func parseIndex(index string) map[string]plan.File {
	files := map[string]plan.File{}
	for entry := range strings.SplitSeq(index, "\x00") {
		head, name, ok := strings.Cut(entry, "\t")
		fields := strings.Fields(head)
		if !ok || len(fields) != 3 {
			continue
		}
		mode, err := strconv.ParseUint(fields[0], 8, 32)
		if err != nil {
			continue
		}
		files[name] = plan.File{Path: name, Mode: uint32(mode), ID: fields[1]}
	}
	return files
}

// rehash replaces what the working tree has changed.
func (c *program) rehash(ctx context.Context, dir string, files map[string]plan.File, names []string) error {
	var regular []string
	for _, name := range names {
		info, err := os.Lstat(filepath.Join(dir, name))
		switch {
		case name == "" || err == nil && info.IsDir(): // a submodule stays as it is
		case err != nil:
			delete(files, name)
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(filepath.Join(dir, name))
			if err != nil {
				return fmt.Errorf("read link %s: %w", name, err)
			}
			files[name] = plan.File{Path: name, Mode: gitLink, ID: blobID(target)}
		case info.Mode().IsRegular():
			files[name] = plan.File{Path: name, Mode: gitMode(info), ID: ""}
			regular = append(regular, name)
		}
	}
	if len(regular) == 0 {
		return nil
	}
	ids, err := c.gitIn(ctx, dir, strings.Join(regular, "\n")+"\n", "hash-object", "--stdin-paths")
	if err != nil {
		return err
	}
	lines := strings.Fields(ids)
	if len(lines) != len(regular) {
		return fmt.Errorf("git named %d of %d changed files", len(lines), len(regular))
	}
	for i, name := range regular {
		f := files[name]
		f.ID = lines[i]
		files[name] = f
	}
	return nil
}

func gitMode(info fs.FileInfo) uint32 {
	if info.Mode()&0o100 != 0 {
		return gitExecutable
	}
	return gitFile
}

// blobID is Git's id of a text.
func blobID(text string) string {
	sum := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(text), text)) //nolint:gosec // Git's ids
	return hex.EncodeToString(sum[:])
}
