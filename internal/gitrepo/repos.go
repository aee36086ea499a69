package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"sluice/internal/gitcmd"
	"sluice/internal/platform"
)

// Repos is the directory of all repositories. Its methods are safe for concurrent use.
type Repos struct {
	dir    string
	git    *gitcmd.Git
	limits Limits

	mu        sync.Mutex
	checkouts map[string]*sync.Mutex // by directory
	checked   map[string]bool        // tree ids that are within the limits
}

// scratchPrefix marks a repository that is being made or removed.
const scratchPrefix = ".sluice-"

// New returns the repositories in dir, creating the directory with mode 0700 when there
// is none, and removes what a crash left of a Create or Delete. Trees above the limits
// are neither read nor checked out.
func New(dir string, limits Limits) (*Repos, error) {
	git, err := gitcmd.Find()
	if err != nil {
		return nil, (&platform.Error{Code: platform.CodeUnavailable, Message: "git is not installed on this machine", Err: err}).
			WithHint("install git, for example with: apt-get install git")
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create repository directory: %w", err)
	}
	leftovers, err := filepath.Glob(filepath.Join(dir, scratchPrefix+"*"))
	if err != nil {
		return nil, err
	}
	for _, l := range leftovers {
		if err := os.RemoveAll(l); err != nil {
			return nil, fmt.Errorf("remove unfinished repository: %w", err)
		}
	}
	return &Repos{dir: dir, git: git, limits: limits, checkouts: map[string]*sync.Mutex{}, checked: map[string]bool{}}, nil
}

// Path returns the directory of a project's repository, or CodeNotFound when there is none.
func (r *Repos) Path(project string) (string, error) {
	if !platform.ValidProjectID(project) {
		return "", platform.Errorf(platform.CodeInvalid, "%q cannot name a project", project)
	}
	dir := r.place(project)
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "", platform.Errorf(platform.CodeNotFound, "project %q has no repository", project)
		}
		return "", fmt.Errorf("find repository of %s: %w", project, err)
	}
	return dir, nil
}

func (r *Repos) place(project string) string { return filepath.Join(r.dir, project+".git") }

// Exists reports whether the project has a repository.
func (r *Repos) Exists(project string) bool {
	_, err := r.Path(project)
	return err == nil
}

// attributes makes a checkout write the bytes that were committed: no line ends are
// converted, no encodings, no keywords, and no filter runs.
const attributes = "* -text !eol !ident !filter !working-tree-encoding\n"

// Create makes an empty repository whose HEAD is the default branch. It returns
// CodeConflict when there is one already. After a crash there is a whole repository or none.
func (r *Repos) Create(ctx context.Context, project, defaultBranch string) error {
	if r.Exists(project) {
		return platform.Errorf(platform.CodeConflict, "project %q has a repository already; nothing was changed", project)
	}
	if !platform.ValidProjectID(project) {
		return platform.Errorf(platform.CodeInvalid, "%q cannot name a project", project)
	}
	if err := r.checkBranch(ctx, defaultBranch); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(r.dir, scratchPrefix)
	if err != nil {
		return fmt.Errorf("create repository: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }() // gone after the rename
	if _, err := r.output(ctx, scratch, nil, "init", "--quiet", "--bare", "--template=", "--initial-branch="+defaultBranch); err != nil {
		return fmt.Errorf("create repository: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(scratch, "info"), 0o700); err != nil {
		return fmt.Errorf("create repository: %w", err)
	}
	if err := os.WriteFile(filepath.Join(scratch, "info", "attributes"), []byte(attributes), 0o600); err != nil {
		return fmt.Errorf("create repository: %w", err)
	}
	if err := os.Rename(scratch, r.place(project)); err != nil {
		return fmt.Errorf("create repository: %w", err)
	}
	return nil
}

func (r *Repos) checkBranch(ctx context.Context, branch string) error {
	_, err := r.output(ctx, r.dir, nil, "check-ref-format", "refs/heads/"+branch)
	if gitcmd.ExitCode(err) > 0 || strings.HasPrefix(branch, "-") {
		return platform.Errorf(platform.CodeInvalid, "%q cannot name a branch", branch)
	}
	return err
}

// Delete removes the project's repository. Deleting one that is gone is not an error.
func (r *Repos) Delete(project string) error {
	dir, err := r.Path(project)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(r.dir, scratchPrefix)
	if err != nil {
		return fmt.Errorf("delete repository: %w", err)
	}
	// Renamed first, so that no reader meets half a repository.
	if err := os.Rename(dir, filepath.Join(scratch, "repository")); err != nil {
		return fmt.Errorf("delete repository: %w", err)
	}
	return os.RemoveAll(scratch)
}

// Tidy packs the repository when it has many loose objects. It is safe beside reads and
// pushes; run it now and then, for pushes do not.
func (r *Repos) Tidy(ctx context.Context, project string) error {
	dir, err := r.Path(project)
	if err != nil {
		return err
	}
	_, err = r.output(ctx, dir, nil, "-c", "gc.auto=2000", "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet")
	return err
}
