package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"sluice/internal/edge/edgectl"
	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/snapshot/files"
	"sluice/internal/snapshot/mariadb"
)

// openSnapshots opens the store of snapshots and finishes or undoes what was under way when
// sluiced stopped. The engine has thawed already what it finds frozen.
func (p *plant) openSnapshots(ctx context.Context) (err error) {
	p.gate = edgectl.NewClient(p.config.Router)
	c := files.Config{
		DataDir: p.config.DataDir, Router: p.gate, Log: p.log, Hot: mariadb.Copier{Run: runIn(p.engine)},
		Running: func(ctx context.Context, env platform.EnvironmentID) ([]string, error) {
			return running(ctx, p.engine, env)
		},
	}
	if f, ok := p.engine.(engine.Freezer); ok {
		c.Freezer = f
	}
	if crash := crashAt(p.config.CrashAt); crash != nil {
		c.OnStep = func(s files.Step) { crash(platform.Step(s)) }
	}
	if p.data, err = files.New(c); err != nil {
		return fmt.Errorf("open the snapshots: %w", err)
	}
	p.closers = append(p.closers, p.data.Close)
	if err := p.data.Recover(ctx); err != nil {
		// What failed concerns single environments; the others are served.
		p.log.ErrorContext(ctx, "recovery of snapshots finished with errors", "error", err)
	}
	p.log.InfoContext(ctx, "snapshots are possible", "shared_blocks", p.data.Shared())
	return nil
}

// copyStop is how long a tool that copies a service may take to end when it is told to.
const copyStop = time.Minute

// runIn returns what runs commands in services.
func runIn(e engine.Engine) func(context.Context, platform.EnvironmentID, string, []string, io.Writer) (int, error) {
	return func(ctx context.Context, env platform.EnvironmentID, service string, command []string, out io.Writer) (int, error) {
		return e.Exec(ctx, engine.ExecRequest{
			Environment: env, Container: service, Command: command, Stdout: out, Stderr: out, StopTimeout: copyStop,
		})
	}
}

// running asks an engine which containers of an environment run.
func running(ctx context.Context, e engine.Engine, env platform.EnvironmentID) ([]string, error) {
	status, err := e.Observe(ctx, env)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, c := range status.Containers {
		if c.Running {
			out = append(out, c.Name)
		}
	}
	return out, nil
}
