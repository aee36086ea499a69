package gitserve

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"sluice/internal/fair"
	"sluice/internal/platform"
)

// Limits bound what clients may make the server do. A zero field means its default.
type Limits struct {
	PushBytes       int64 // of the objects of one push; default 1 GiB
	RepositoryBytes int64 // of a repository on disk after a push; default 10 GiB
	RepositoryRefs  int   // that a repository may have: each client is sent all of them; default 20,000
	Refs            int   // that one push may change; default 1000
	Branches        int   // the same for branches, each of which is validated; default 50
	Pushes          int   // that are received at a time, of all projects; default 8
	Fetches         int   // that are served at a time, of all projects; default 16
	ProjectPushes   int   // the same of one project; default 2
	ProjectFetches  int   // default 4
	// Wait is how long a request waits for its turn; default 1 minute.
	Wait time.Duration
}

func (l Limits) withDefaults() Limits {
	return Limits{
		PushBytes:       cmp.Or(l.PushBytes, 1<<30),
		RepositoryBytes: cmp.Or(l.RepositoryBytes, 10<<30),
		RepositoryRefs:  cmp.Or(l.RepositoryRefs, 20_000),
		Refs:            cmp.Or(l.Refs, 1000),
		Branches:        cmp.Or(l.Branches, 50),
		Pushes:          cmp.Or(l.Pushes, 8),
		Fetches:         cmp.Or(l.Fetches, 16),
		ProjectPushes:   cmp.Or(l.ProjectPushes, 2),
		ProjectFetches:  cmp.Or(l.ProjectFetches, 4),
		Wait:            cmp.Or(l.Wait, time.Minute),
	}
}

var errNoTurn = errors.New("no turn in time")

// take waits for a slot, and returns how to give it back; done may be called more than
// once. It returns CodeUnavailable when none is free in time.
func take(ctx context.Context, slots *fair.Slots, project string, wait time.Duration) (done func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, wait, errNoTurn)
	defer cancel()
	if done, err = slots.Take(ctx, project); err != nil {
		return nil, busy(err)
	}
	return done, nil
}

func busy(cause error) error {
	if !errors.Is(cause, errNoTurn) {
		return cause // the client left
	}
	return platform.Errorf(platform.CodeUnavailable, "too many Git operations are running; nothing was stored").
		WithHint("wait until other pushes and fetches of the project have ended, then try again")
}

// checkPush refuses a push that exceeds the limits, before its configuration is looked at.
func (s *Server) checkPush(ctx context.Context, push platform.Push, dir string) error {
	branches, deletes, creates := 0, 0, 0
	for _, u := range push.Updates {
		if u.Old == platform.ZeroCommit {
			creates++
		}
		if u.Deletes() {
			deletes++
		} else if _, ok := u.Branch(); ok {
			branches++
		}
	}
	if n := len(push.Updates); n > s.Limits.Refs {
		return platform.Errorf(platform.CodeInvalid, "the push changes %d refs, and at most %d are allowed; nothing was stored", n, s.Limits.Refs).
			WithHint("push in several steps, for example the branches first and the tags in groups")
	}
	if branches > s.Limits.Branches {
		return platform.Errorf(platform.CodeInvalid, "the push changes %d branches, and at most %d are allowed; nothing was stored", branches, s.Limits.Branches).
			WithHint("push the branches in groups")
	}
	if deletes == len(push.Updates) {
		return nil // frees room
	}
	if err := s.checkRefs(ctx, dir, creates); err != nil {
		return err
	}
	size, err := sizeOf(filepath.Join(dir, "objects"))
	if err != nil {
		return err
	}
	if size > s.Limits.RepositoryBytes {
		return platform.Errorf(platform.CodeInvalid, "with this push the repository has %d MB, and at most %d MB are allowed; nothing was stored",
			size>>20, s.Limits.RepositoryBytes>>20).
			WithHint("keep media and dumps out of the repository, or ask the operator to raise --git-max-repository")
	}
	return nil
}

// checkRefs refuses a push that creates more refs than a repository may have.
func (s *Server) checkRefs(ctx context.Context, dir string, creates int) error {
	if creates == 0 {
		return nil
	}
	cmd := s.git.Command(ctx, nil, []string{"GIT_DIR=" + dir}, "for-each-ref", "--format=.", "--count="+strconv.Itoa(s.Limits.RepositoryRefs))
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("count refs: %w: %s", err, cmd.Stderr())
	}
	if n := bytes.Count(out, []byte("\n")) + creates; n > s.Limits.RepositoryRefs {
		return platform.Errorf(platform.CodeInvalid, "with this push the repository has %d branches and tags or more, and at most %d are allowed; nothing was stored",
			n, s.Limits.RepositoryRefs).WithHint("delete branches and tags that are not needed: git push sluice --delete NAME")
	}
	return nil
}

// sizeOf returns the bytes of all files below dir. Files that vanish meanwhile do not count.
func sizeOf(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				size += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("measure repository: %w", err)
	}
	return size, nil
}
