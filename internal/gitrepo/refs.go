package gitrepo

import (
	"cmp"
	"context"
	"strings"

	"sluice/internal/platform"
)

// Branch is one branch and what it points at.
type Branch struct {
	Name   string
	Commit string
}

// Branches lists the branches of the project by name. After a crash, comparing them with
// the environments shows which pushes were stored and not queued.
func (r *Repos) Branches(ctx context.Context, project string) ([]Branch, error) {
	dir, err := r.Path(project)
	if err != nil {
		return nil, err
	}
	// A ref name holds neither a space nor a newline.
	out, err := r.output(ctx, dir, nil, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads/")
	if err != nil {
		return nil, err
	}
	var branches []Branch
	for line := range strings.Lines(out) {
		commit, ref, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		branches = append(branches, Branch{Name: strings.TrimPrefix(ref, "refs/heads/"), Commit: commit})
	}
	return branches, nil
}

// SetBranch moves a branch from one commit to another; from is "" for one that must not exist
// yet, and to is "" to delete it. A branch that is at to already, or gone already, is not an error;
// one that is elsewhere is CodeConflict, and then nothing was changed.
func (r *Repos) SetBranch(ctx context.Context, project, branch, from, to string) error {
	dir, err := r.Path(project)
	if err != nil {
		return err
	}
	if err := r.checkBranch(ctx, branch); err != nil {
		return err
	}
	for _, id := range []string{from, to} {
		if err := checkObject(id); id != "" && err != nil {
			return err
		}
	}
	is, err := r.branch(ctx, dir, branch)
	if err != nil || is == to {
		return err
	}
	args := []string{"update-ref", "--no-deref", "refs/heads/" + branch, to, cmp.Or(from, platform.ZeroCommit)}
	if to == "" {
		args = []string{"update-ref", "--no-deref", "-d", "refs/heads/" + branch, from}
	}
	if is == from { // git compares again, under its lock
		if _, err = r.output(ctx, dir, nil, args...); err == nil {
			return nil
		}
		if is, _ = r.branch(ctx, dir, branch); is == from {
			return err
		}
	}
	return platform.Errorf(platform.CodeConflict, "the branch %s was changed meanwhile, it is at %.10s now; nothing was changed", branch, cmp.Or(is, "nothing"))
}

// branch returns what a branch points at; "" when there is none.
func (r *Repos) branch(ctx context.Context, dir, branch string) (string, error) {
	ref := "refs/heads/" + branch
	out, err := r.output(ctx, dir, nil, "for-each-ref", "--format=%(objectname) %(refname)", ref)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) { // of branch/x too, when there is no branch
		if id, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " "); name == ref {
			return id, nil
		}
	}
	return "", nil
}
