package gitrepo

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice/internal/gitcmd"
	"sluice/internal/platform"
)

// maxRebased is how many commits are put on top of others at once.
const maxRebased = 500

// Merge makes the commit that a branch at Into has after the request, and moves no branch. It
// is Into when there is nothing to bring in, and From when Into has nothing of its own. It
// returns a *platform.ConflictError when both change the same places, and CodeConflict for
// histories without a common commit. It needs no working tree.
func (r *Repos) Merge(ctx context.Context, req platform.MergeRequest) (commit string, err error) {
	dir, err := r.Path(req.Project)
	if err != nil {
		return "", err
	}
	switch ahead, behind, err := r.distance(ctx, dir, req.Into, req.From); {
	case err != nil:
		return "", err
	case behind == 0:
		return req.Into, nil
	case ahead == 0:
		return req.From, nil
	}
	if req.Rebase {
		return r.rebase(ctx, dir, req)
	}
	tree, err := r.mergeTrees(ctx, dir, req.Into, req.From)
	if err != nil {
		return "", err
	}
	env := append(signature("AUTHOR", req.By, req.At), signature("COMMITTER", req.By, req.At)...)
	return r.commitTree(ctx, dir, env, tree, req.Message, req.Into, req.From)
}

// Distance returns how many commits one has that the other lacks, and the other way round.
func (r *Repos) Distance(ctx context.Context, project, one, other string) (ahead, behind int, err error) {
	dir, err := r.Path(project)
	if err != nil {
		return 0, 0, err
	}
	return r.distance(ctx, dir, one, other)
}

func (r *Repos) distance(ctx context.Context, dir, one, other string) (ahead, behind int, err error) {
	for _, id := range []string{one, other} {
		if err := checkObject(id); err != nil {
			return 0, 0, err
		}
	}
	out, err := r.output(ctx, dir, nil, "rev-list", "--left-right", "--count", one+"..."+other)
	if err != nil {
		return 0, 0, err
	}
	if _, err := fmt.Sscan(out, &ahead, &behind); err != nil {
		return 0, 0, fmt.Errorf("git rev-list printed %q: %w", out, err)
	}
	return ahead, behind, nil
}

// mergeTrees returns the tree that joins two commits.
func (r *Repos) mergeTrees(ctx context.Context, dir, into, from string) (string, error) {
	cmd := r.command(ctx, dir, nil, "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", into, from)
	var out bytes.Buffer
	cmd.SetStdout(&limitedWriter{w: &out, left: maxOutput})
	err := cmd.Run()
	fields := strings.Split(strings.TrimRight(out.String(), "\x00"), "\x00")
	switch {
	case err == nil:
		return fields[0], nil
	case gitcmd.ExitCode(err) == 1:
		return "", &platform.ConflictError{Files: fields[1:]}
	case strings.Contains(cmd.Stderr(), "unrelated histories"):
		return "", platform.Errorf(platform.CodeConflict, "the commits %.10s and %.10s have no history in common; nothing was changed", into, from).
			WithHint("bring them together in a checkout, with git merge --allow-unrelated-histories, and push")
	}
	return "", gitError(ctx, "merge-tree", err, cmd)
}

// commitTree makes a commit.
func (r *Repos) commitTree(ctx context.Context, dir string, env []string, tree, message string, parents ...string) (string, error) {
	args := []string{"commit-tree", tree}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	cmd := r.command(ctx, dir, env, args...)
	cmd.SetStdin(strings.NewReader(message))
	id, err := collect(ctx, cmd, "commit-tree")
	return strings.TrimSpace(id), err
}

// signature returns the variables by which git learns who makes a commit.
func signature(role string, by platform.Actor, at time.Time) []string {
	plain := func(s string) string {
		return strings.Map(func(c rune) rune {
			if c < ' ' || c == '<' || c == '>' {
				return -1
			}
			return c
		}, strings.ToValidUTF8(s, ""))
	}
	name, id := plain(by.Name), strings.ReplaceAll(plain(by.ID), " ", ".")
	if strings.Trim(name, " .,:;\"\\'") == "" {
		name = "Sluice"
	}
	if id == "" {
		id = "sluice"
	}
	return []string{
		"GIT_" + role + "_NAME=" + name, "GIT_" + role + "_EMAIL=" + id + "@localhost",
		"GIT_" + role + "_DATE=" + strconv.FormatInt(at.Unix(), 10) + " +0000",
	}
}

// rebase puts the commits of Into that From lacks on top of From, one after the other.
func (r *Repos) rebase(ctx context.Context, dir string, req platform.MergeRequest) (string, error) {
	out, err := r.output(ctx, dir, nil, "rev-list", "--reverse", "--topo-order", "--parents", req.From+".."+req.Into)
	if err != nil {
		return "", err
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) > maxRebased {
		return "", platform.Errorf(platform.CodeConflict, "%d commits would have to be rebased, and %d are possible; nothing was changed", len(lines), maxRebased).
			WithHint("leave --rebase away, or rebase in a checkout and push")
	}
	onto := req.From
	for _, line := range lines {
		ids := strings.Fields(line)
		if len(ids) != 2 {
			return "", platform.Errorf(platform.CodeConflict, "the commit %.10s is a merge or has no parent, and cannot be rebased; nothing was changed", ids[0]).
				WithHint("leave --rebase away, or rebase in a checkout and push")
		}
		if onto, err = r.pick(ctx, dir, req, ids[0], ids[1], onto); err != nil {
			return "", err
		}
	}
	return onto, nil
}

// pick makes a commit again on top of another one.
func (r *Repos) pick(ctx context.Context, dir string, req platform.MergeRequest, commit, parent, onto string) (string, error) {
	committer := signature("COMMITTER", req.By, req.At)
	// What changed since parent is what a merge brings into a commit that has onto's files and
	// parent as its parent.
	both := append(signature("AUTHOR", req.By, req.At), committer...)
	stand, err := r.commitTree(ctx, dir, both, onto+"^{tree}", "", parent)
	if err != nil {
		return "", err
	}
	tree, err := r.mergeTrees(ctx, dir, stand, commit)
	if err != nil {
		return "", err
	}
	text, err := r.output(ctx, dir, nil, "log", "-1", "--no-show-signature", "--encoding=UTF-8", "--format=%an%x00%ae%x00%ad%x00%B", "--date=raw", commit)
	if err != nil {
		return "", err
	}
	fields := strings.SplitN(text, "\x00", 4)
	if len(fields) != 4 {
		return "", fmt.Errorf("git log printed %d fields of commit %s", len(fields), commit)
	}
	author := []string{"GIT_AUTHOR_NAME=" + fields[0], "GIT_AUTHOR_EMAIL=" + fields[1], "GIT_AUTHOR_DATE=" + fields[2]}
	return r.commitTree(ctx, dir, append(author, committer...), tree, fields[3], onto)
}
