package gitrepo

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice/internal/gitcmd"
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

// Head returns the default branch of the repository, whether or not it exists yet.
func (r *Repos) Head(ctx context.Context, project string) (string, error) {
	dir, err := r.Path(project)
	if err != nil {
		return "", err
	}
	out, err := r.output(ctx, dir, nil, "symbolic-ref", "HEAD")
	return strings.TrimPrefix(strings.TrimSpace(out), "refs/heads/"), err
}

// SetHead changes the default branch: what a clone checks out, and what no push may delete.
func (r *Repos) SetHead(ctx context.Context, project, branch string) error {
	dir, err := r.Path(project)
	if err != nil {
		return err
	}
	if err := r.checkBranch(ctx, branch); err != nil {
		return err
	}
	_, err = r.output(ctx, dir, nil, "symbolic-ref", "HEAD", "refs/heads/"+branch)
	return err
}

// Commit is what people want to know about a commit.
type Commit struct {
	ID          string
	Parents     []string
	AuthorName  string
	AuthorEmail string
	AuthoredAt  time.Time
	Subject     string // first line of the message, at most 200 characters
}

const maxSubject = 200

// Commit describes a commit. It returns CodeNotFound when the repository has none of that id.
func (r *Repos) Commit(ctx context.Context, project, id string) (Commit, error) {
	dir, err := r.Path(project)
	if err != nil {
		return Commit{}, err
	}
	if err := checkObject(id); err != nil {
		return Commit{}, err
	}
	out, err := r.output(ctx, dir, nil, "log", "-1", "--encoding=UTF-8", "--format=%H%x00%P%x00%an%x00%ae%x00%aI%x00%s", id, "--")
	if gitcmd.ExitCode(err) == 128 {
		return Commit{}, platform.Errorf(platform.CodeNotFound, "project %q has no commit %s", project, id)
	}
	if err != nil {
		return Commit{}, err
	}
	return parseCommit(out)
}

func parseCommit(out string) (Commit, error) {
	f := strings.Split(strings.TrimSuffix(strings.ToValidUTF8(out, "\uFFFD"), "\n"), "\x00")
	if len(f) != 6 {
		return Commit{}, fmt.Errorf("git log: %d fields instead of 6", len(f))
	}
	c := Commit{ID: f[0], Parents: strings.Fields(f[1]), AuthorName: f[2], AuthorEmail: f[3], Subject: f[5]}
	c.AuthoredAt, _ = time.Parse(time.RFC3339, f[4]) // a commit may claim any date; then it has none
	if s := []rune(c.Subject); len(s) > maxSubject {
		c.Subject = string(s[:maxSubject-1]) + "…"
	}
	return c, nil
}

// CountCommits counts the commits that new has and old has not, up to limit. When old is
// platform.ZeroCommit it counts all of new.
func (r *Repos) CountCommits(ctx context.Context, project, old, head string, limit int) (int, error) {
	dir, err := r.Path(project)
	if err != nil {
		return 0, err
	}
	if err := checkObject(head); err != nil {
		return 0, err
	}
	args := []string{"rev-list", "--count", "--max-count=" + strconv.Itoa(limit), head}
	if old != platform.ZeroCommit {
		if err := checkObject(old); err != nil {
			return 0, err
		}
		args = append(args, "^"+old)
	}
	out, err := r.output(ctx, dir, nil, append(args, "--")...)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(out))
}
