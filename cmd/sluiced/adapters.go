package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/account"
	"sluice/internal/deploy"
	"sluice/internal/engine"
	"sluice/internal/gitrepo"
	"sluice/internal/hal"
	"sluice/internal/httpapi"
	"sluice/internal/platform"
	"sluice/internal/project"
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
type slugStore struct{ imageStore }

func (s slugStore) Find(ctx context.Context, ref string) (digest string, size int64, ok bool, err error) {
	digest, ok, err = s.Lookup(ctx, ref)
	return digest, 0, ok, err
}

// runner runs commands for people.
type runner struct{ *deploy.Service }

func (r runner) Run(ctx context.Context, project, env, app string, argv []string, tty bool, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return r.Exec(ctx, deploy.Command{
		Project: project, Environment: env, App: app, Argv: argv, TTY: tty, Sizes: sizes(ctx, stdin),
		Stdin: stdin, Stdout: stdout, Stderr: stderr,
	})
}

func (r runner) Database(
	ctx context.Context, project, env string, cmd apiv1.DatabaseCommand, stdin io.Reader, stdout, stderr io.Writer,
) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := deploy.DatabaseCommand{
		Command: deploy.Command{
			Project: project, Environment: env, App: cmd.App, TTY: cmd.TTY, Sizes: sizes(ctx, stdin),
			Stdin: stdin, Stdout: stdout, Stderr: stderr,
		},
		Relationship: cmd.Relationship, Schema: cmd.Schema, Query: cmd.Query, Raw: cmd.Raw,
	}
	if d := cmd.Dump; d != nil {
		c.Dump = &deploy.DatabaseDump{Tables: d.Tables, Exclude: d.Exclude, SchemaOnly: d.SchemaOnly, Charset: d.Charset}
	}
	return r.Service.Database(ctx, c)
}

// sizes passes on the sizes of a user's terminal until ctx ends; nil when input is not one.
func sizes(ctx context.Context, stdin io.Reader) <-chan engine.TerminalSize {
	terminal, ok := stdin.(*httpapi.Terminal)
	if !ok {
		return nil
	}
	return each(ctx, terminal.Sizes, func(s apiv1.Size) engine.TerminalSize {
		return engine.TerminalSize{Columns: uint(s.Columns), Rows: uint(s.Rows)}
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

var (
	_ httpapi.Runner  = runner{}
	_ httpapi.Planner = planner{}
)

// renderer writes events for receivers as the API shows them.
type renderer struct{ *plant }

func (r renderer) activity(ctx context.Context, a platform.Activity) ([]byte, error) {
	p, err := r.store.Project(ctx, a.Project)
	if err != nil {
		return nil, err
	}
	envs, err := r.store.Environments(ctx, a.Project)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(hal.View{Project: p}.Activity(a, access.TypeOf(p, a.Environment, envs)))
	if err != nil {
		return nil, fmt.Errorf("encode the activity: %w", err)
	}
	return data, nil
}

// gitGate is what Git asks about its users.
type gitGate struct {
	*project.Service
	accounts *account.Service
}

// Authenticate implements gitserve.Gate.
func (g gitGate) Authenticate(ctx context.Context, token string) (access.Subject, error) {
	return g.accounts.Authenticate(ctx, token)
}

// adminToken makes the first token when there is none, and keeps it where only the
// operator can read it.
func adminToken(ctx context.Context, accounts *account.Service, path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	secret, err := newToken(ctx, accounts, platform.NewToken{Name: "admin"})
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

// newToken makes a token of a machine for the operator, who may give anything; without scopes
// it may do everything.
func newToken(ctx context.Context, accounts *account.Service, wanted platform.NewToken) (string, error) {
	wanted.Scopes = scopesOrAll(wanted.Scopes)
	secret, _, err := accounts.CreateMachineToken(ctx, access.Operator(), wanted)
	return secret, err
}
