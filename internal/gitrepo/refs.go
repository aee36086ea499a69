package gitrepo

import (
	"context"
	"strings"
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
