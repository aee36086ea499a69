package project

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// maxBranch is the length of the longest name of a default branch, in bytes.
const maxBranch = 200

// branchPattern is a part of git-check-ref-format that needs no escaping anywhere.
var branchPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$`)

// NewRecord returns the record of a new project, with a secret of its own. An empty ID is a
// random one, an empty title is the ID, an empty branch is main.
func NewRecord(id, title, defaultBranch string, now time.Time) (platform.Project, error) {
	if id == "" {
		id = platform.NewProjectID()
	}
	p := platform.Project{
		ID:            id,
		Title:         cmp.Or(strings.TrimSpace(title), id),
		DefaultBranch: cmp.Or(defaultBranch, "main"),
		Entropy:       rand.Text() + rand.Text() + rand.Text()[:4],
		CreatedAt:     now.UTC(),
		UpdatedAt:     now.UTC(),
	}
	switch {
	case !platform.ValidProjectID(p.ID):
		return platform.Project{}, platform.Errorf(platform.CodeInvalid, "%q is not a valid project ID; nothing was created", p.ID).
			WithHint("use 2 to 30 lower-case letters, digits and hyphens, beginning with a letter: my-shop").WithField("id")
	case len(p.DefaultBranch) > maxBranch || !branchPattern.MatchString(p.DefaultBranch) ||
		strings.Contains(p.DefaultBranch, "..") || strings.HasSuffix(p.DefaultBranch, ".lock"):
		return platform.Project{}, platform.Errorf(platform.CodeInvalid, "%q is not a valid branch name; nothing was created", p.DefaultBranch).
			WithField("default_branch")
	}
	if err := platform.CheckTitle(p.Title); err != nil {
		return platform.Project{}, err
	}
	return p, nil
}

// CreateProject makes a project's record and repository. The record comes first: a
// repository without one cannot be reached.
func (s *Service) CreateProject(ctx context.Context, by access.Subject, id, title, defaultBranch string) (platform.Project, error) {
	p, err := NewRecord(id, title, defaultBranch, s.now())
	if err != nil {
		return platform.Project{}, err
	}
	if _, err := s.Records.Project(ctx, p.ID); err == nil {
		return platform.Project{}, platform.Errorf(platform.CodeConflict, "there already is a project %q; nothing was changed", p.ID).
			WithHint("choose another ID, or use that project: sluice environment:list -p %s", p.ID)
	}
	if err := s.Record(ctx, by, access.ProjectCreate, p.ID, "", ""); err != nil {
		return platform.Project{}, err
	}
	if err := s.Records.SaveProject(ctx, p); err != nil {
		return platform.Project{}, err
	}
	if err := s.Repositories.Create(ctx, p.ID, p.DefaultBranch); err != nil {
		return platform.Project{}, errors.Join(fmt.Errorf("create the repository: %w", err), s.Records.DeleteProject(ctx, p.ID))
	}
	return s.Records.Project(ctx, p.ID)
}

// ChangeProject changes the title of a project.
func (s *Service) ChangeProject(ctx context.Context, by access.Subject, id string, change platform.ProjectChange) (platform.Project, error) {
	p, err := s.Records.Project(ctx, id)
	if err != nil {
		return p, err
	}
	if change.Title == nil {
		return p, platform.Errorf(platform.CodeInvalid, "only the title of a project can be changed; nothing was changed").WithField("title")
	}
	if p.Title = strings.TrimSpace(*change.Title); p.Title == "" {
		return p, platform.Errorf(platform.CodeInvalid, "a project needs a title; nothing was changed").WithField("title")
	}
	if err := platform.CheckTitle(p.Title); err != nil {
		return p, err
	}
	if err := s.Record(ctx, by, access.ProjectEdit, id, "", "title"); err != nil {
		return p, err
	}
	if err := s.Records.SaveProject(ctx, p); err != nil {
		return p, err
	}
	return s.Records.Project(ctx, id)
}

// DeleteProject removes a project with its environments, data and code. Containers and
// data go before the records, so that a failure in between can be repeated.
func (s *Service) DeleteProject(ctx context.Context, by access.Subject, id string) error {
	if _, err := s.Records.Project(ctx, id); err != nil {
		return err
	}
	if err := s.Record(ctx, by, access.ProjectDelete, id, "", ""); err != nil {
		return err
	}
	if err := s.Pipeline.DemolishProject(ctx, id); err != nil {
		return err
	}
	if err := s.Records.DeleteProject(ctx, id); err != nil {
		return err
	}
	if err := s.Repositories.Delete(id); err != nil {
		return fmt.Errorf("delete the repository: %w", err)
	}
	s.syncRouter(ctx) // its certificates went with it
	return nil
}

// Project returns a project, or CodeNotFound.
func (s *Service) Project(ctx context.Context, id string) (platform.Project, error) {
	return s.Records.Project(ctx, id)
}

// Projects lists all projects.
func (s *Service) Projects(ctx context.Context) ([]platform.Project, error) {
	return s.Records.Projects(ctx)
}
