package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/internal/gitserve"
	"sluice/internal/httpapi"
	"sluice/internal/platform"
)

// serve runs the control plane until ctx ends.
func serve(ctx context.Context, args []string, env map[string]string, stderr io.Writer) error {
	var c config
	if err := c.parse(serveFlags("serve", &c, stderr), args, env); err != nil {
		return err
	}
	if err := c.checkListen(); err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	p, err := build(ctx, c, log)
	if err != nil {
		return err
	}
	err = p.serve(ctx)
	return errors.Join(err, p.close())
}

// serve recovers, then serves requests and runs activities until ctx ends. Activities
// that hold requests finish first.
func (p *plant) serve(ctx context.Context) error {
	hooks, err := p.listenHooks(ctx)
	if err != nil {
		return err
	}
	git, err := gitserve.New(gitserve.Config{
		Repositories: p.repos, Gate: gitGate{p.rules, p.accounts}, Receiver: p.pipeline, Hooks: hooks, Log: p.log,
		Limits: p.config.gitLimits(),
	})
	if err != nil {
		return fmt.Errorf("serve Git: %w", err)
	}
	listener, err := listenOn(ctx, p.config.Listen, "--listen")
	if err != nil {
		return err
	}
	gateway, err := p.openGateway(ctx, git)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := p.pipeline.Recover(ctx); err != nil {
		// What failed concerns single environments; the others are served.
		p.log.ErrorContext(ctx, "recovery finished with errors", "error", err)
	}
	p.queueMissed(ctx)
	server, err := p.server(p.handler(git, gateway.reached(p.config.SSH)))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	p.log.InfoContext(ctx, "sluiced is ready", "api", p.config.PublicURL, "version", version())

	group, gctx := errgroup.WithContext(ctx)
	group.Go(hooks.Serve)
	group.Go(func() error { return p.pipeline.Run(gctx) })
	group.Go(func() error { p.backups.Run(gctx); return nil })
	group.Go(func() error { p.hooks.Run(gctx); return nil })
	group.Go(func() error { return p.pipeline.Housekeep(gctx) })
	group.Go(func() error { return p.rules.Run(gctx) })
	group.Go(func() error { return p.watchPool(gctx) })
	group.Go(func() error {
		if err := serveOn(server, listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve the API: %w", err)
		}
		return nil
	})
	group.Go(func() error { return gateway.serve(gctx) })
	group.Go(func() error {
		<-gctx.Done()
		git.Stop()
		return errors.Join(p.shutDown(context.WithoutCancel(ctx), server), hooks.Close())
	})
	err = group.Wait()
	p.crons.Close()
	return err
}

// shutDown lets responses finish that end by themselves; log streams do not.
func (p *plant) shutDown(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 3*time.Second, errors.New("responses took too long"))
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return server.Close()
	}
	return nil
}

// queueMissed deploys what was pushed while sluiced could not queue it.
func (p *plant) queueMissed(ctx context.Context) {
	list, err := p.store.Projects(ctx)
	if err != nil {
		p.log.ErrorContext(ctx, "could not list projects", "error", err)
		return
	}
	for _, project := range list {
		branches, err := p.repos.Branches(ctx, project.ID)
		heads := map[string]string{}
		for _, b := range branches {
			heads[b.Name] = b.Commit
		}
		if err == nil {
			err = p.pipeline.EnqueueMissed(ctx, project.ID, heads, platform.Actor{ID: "system", Name: "the system"})
		}
		if err != nil {
			p.log.ErrorContext(ctx, "could not queue missed pushes", "project", project.ID, "error", err)
		}
	}
}

// listenHooks opens the socket through which Git's hooks reach this process.
func (p *plant) listenHooks(ctx context.Context) (*gitserve.HookServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program for Git's hooks: %w", err)
	}
	hooks, err := gitserve.ListenHooks(ctx, gitserve.HookConfig{
		Dir: p.config.path("hooks"), Command: []string{self, "hook"}, Log: p.log,
	})
	if err != nil {
		return nil, fmt.Errorf("listen for Git's hooks: %w", err)
	}
	return hooks, nil
}

// handler routes the API and Git: a repository is the first part of a path and ends in .git.
func (p *plant) handler(git http.Handler, ssh httpapi.SSH) http.Handler {
	api := httpapi.New(httpapi.Ports{
		Gate:         p.rules,
		Projects:     p.rules,
		Environments: p.store,
		Settings:     p.pipeline,
		Deployments:  p.pipeline,
		Activities:   p.store,
		Journal:      p.feed,
		Variables:    p.rules,
		Runner:       runner{p.pipeline},
		Inspector:    p.pipeline,
		Backups:      backups{p.backups, p.pipeline},
		Planner:      planner{p.pipeline},
		Domains:      p.rules,
		Certificates: p.rules,
		Integrations: p.rules,
		Accounts:     p.accounts,
		Audit:        p.rules,
		Cache:        p.gate,
		Code:         p.repos,
	}, httpapi.Config{
		Version:       version(),
		PublicURL:     p.config.PublicURL,
		BaseDomain:    p.config.BaseDomain,
		SSH:           ssh,
		RepositoryURL: func(project string) string { return p.config.PublicURL + "/" + project + ".git" },
		Log:           p.log,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if repository, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); strings.HasSuffix(repository, ".git") {
			git.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// crashAt ends this process as a crash would, when the step is recorded. Fault tests use it.
func crashAt(step string) func(platform.Step) {
	if step == "" {
		return nil
	}
	return func(s platform.Step) {
		if string(s) == step {
			_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way
		}
	}
}

func socketPath(host string) (string, error) {
	path, ok := strings.CutPrefix(host, "unix://")
	if !ok {
		return "", platform.Errorf(platform.CodeInvalid, "--docker-host %q is not a unix socket", host).
			WithHint("volumes are directories of this machine, so the engine has to run here: unix:///var/run/docker.sock")
	}
	return filepath.Clean(path), nil
}

func splitList(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
