package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"sluice/apiv1"
	"sluice/internal/deploy"
	"sluice/internal/engine/docker"
	"sluice/internal/gitrepo"
	"sluice/internal/httpapi"
	"sluice/internal/platform"
	"sluice/internal/store"
)

// source names gitrepo's tree by the interface that the pipeline knows.
type source struct{ *gitrepo.Repos }

func (s source) Tree(ctx context.Context, project, commit string, quarantine []string) (deploy.Tree, error) {
	t, err := s.Repos.Tree(ctx, project, commit, quarantine)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// slugStore is the engine's image store as the builder sees it.
type slugStore struct{ docker.Images }

func (s slugStore) Find(ctx context.Context, ref string) (digest string, size int64, ok bool, err error) {
	digest, ok, err = s.Lookup(ctx, ref)
	return digest, 0, ok, err
}

// projects makes and removes a project everywhere: record, repository, containers.
type projects struct {
	*store.Store
	repos    *gitrepo.Repos
	pipeline *deploy.Service
}

// CreateProject stores the record first: a repository without one is never reachable.
func (p projects) CreateProject(ctx context.Context, wanted platform.Project) (platform.Project, error) {
	project, err := deploy.NewProject(wanted.ID, wanted.Title, wanted.DefaultBranch)
	if err != nil {
		return platform.Project{}, err
	}
	if _, err := p.Project(ctx, project.ID); err == nil {
		return platform.Project{}, platform.Errorf(platform.CodeConflict, "there already is a project %q; nothing was changed", project.ID).
			WithHint("choose another id, or use that project: sluice environment:list -p %s", project.ID)
	}
	if err := p.SaveProject(ctx, project); err != nil {
		return platform.Project{}, err
	}
	if err := p.repos.Create(ctx, project.ID, project.DefaultBranch); err != nil {
		return platform.Project{}, errors.Join(fmt.Errorf("create the repository: %w", err), p.Store.DeleteProject(ctx, project.ID))
	}
	return project, nil
}

// DeleteProject removes containers and data before the records, so that a failure in
// between can be repeated.
func (p projects) DeleteProject(ctx context.Context, id string) error {
	if _, err := p.Project(ctx, id); err != nil {
		return err
	}
	if err := p.pipeline.DemolishProject(ctx, id); err != nil {
		return err
	}
	if err := p.Store.DeleteProject(ctx, id); err != nil {
		return err
	}
	if err := p.repos.Delete(id); err != nil {
		return fmt.Errorf("delete the repository: %w", err)
	}
	return nil
}

// runner runs commands for people.
type runner struct{ *deploy.Service }

func (r runner) Run(ctx context.Context, project, env, app string, argv []string, tty bool, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	return r.Exec(ctx, deploy.Command{
		Project: project, Environment: env, App: app, Argv: argv, TTY: tty, Stdin: stdin, Stdout: stdout, Stderr: stderr,
	})
}

// planner plans pushes for the API.
type planner struct{ *deploy.Service }

func (p planner) Plan(ctx context.Context, project, env string, req apiv1.PlanRequest) (json.RawMessage, error) {
	plan, err := p.Service.Plan(ctx, deploy.PlanRequest{
		Project: project, Environment: env, Files: req.Files, Sources: req.Sources, Options: req.Options,
	})
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(plan)
	if err != nil {
		return nil, fmt.Errorf("encode the plan: %w", err)
	}
	return data, nil
}

// authorizer knows one kind of token, which may do everything.
type authorizer struct{ store *store.Store }

var (
	_ httpapi.Authorizer = authorizer{}
	_ httpapi.Runner     = runner{}
	_ httpapi.Planner    = planner{}
	_ httpapi.Projects   = projects{}
)

func (a authorizer) Authorize(ctx context.Context, _, token string, _ bool) (platform.Actor, error) {
	found, err := a.store.TokenByHash(ctx, store.HashToken(token))
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return platform.Actor{}, platform.Errorf(platform.CodeUnauthorized, "the access token is not known here").
			WithHint("log in with a token of this server: sluice auth:login")
	}
	if err != nil {
		return platform.Actor{}, err
	}
	if err := a.store.TouchToken(ctx, found); err != nil {
		return platform.Actor{}, err
	}
	return platform.Actor{ID: found.Name, Name: found.Name}, nil
}

// adminToken makes the first token when there is none, and keeps it where only the
// operator can read it.
func adminToken(ctx context.Context, s *store.Store, path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	secret, err := newToken(ctx, s, "admin")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keys directory: %w", err)
	}
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep the admin token: %w", err)
	}
	return nil
}

func newToken(ctx context.Context, s *store.Store, name string) (string, error) {
	secret := "sluice_" + strings.ToLower(rand.Text())
	if err := s.SaveToken(ctx, store.Token{Name: name, Hash: store.HashToken(secret)}); err != nil {
		return "", err
	}
	return secret, nil
}
