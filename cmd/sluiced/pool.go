package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"sluice/internal/platform"
	"sluice/internal/snapshot/pool"
)

// poolCreate gives the data directory a file system that shares blocks.
func poolCreate(ctx context.Context, args []string, env map[string]string, stderr io.Writer) error {
	var c config
	var size string
	var move bool
	fs := newFlags("pool:create", &c, stderr)
	fs.StringVar(&size, "size", strconv.Itoa(pool.DefaultBytes>>30)+"G", "room to reserve, in M or G; not used when something is mounted at DATA-DIR/pool")
	fs.BoolVar(&move, "move", false, "copy the data that is there into the pool; sluiced and all environments must be stopped")
	if err := c.parse(fs, args, env); err != nil {
		return err
	}
	bytes, err := parseSize(size)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return err
	}
	if move {
		if err := nothingRuns(ctx, c); err != nil {
			return err
		}
	}
	return pool.Of(c.DataDir).Create(ctx, bytes, move, stderr)
}

// poolMount mounts the pool, for the start of a machine.
func poolMount(ctx context.Context, args []string, env map[string]string, stderr io.Writer) error {
	var c config
	if err := c.parse(newFlags("pool:mount", &c, stderr), args, env); err != nil {
		return err
	}
	return pool.Of(c.DataDir).Mount(ctx)
}

// poolGrow makes the pool larger.
func poolGrow(ctx context.Context, args []string, env map[string]string, stderr io.Writer) error {
	var c config
	var size string
	fs := newFlags("pool:grow", &c, stderr)
	fs.StringVar(&size, "size", "", "new size of the pool, in M or G")
	if err := c.parse(fs, args, env); err != nil {
		return err
	}
	bytes, err := parseSize(size)
	if err != nil {
		return err
	}
	return pool.Of(c.DataDir).Grow(ctx, bytes)
}

// parseSize reads "512M" or "20G".
func parseSize(text string) (int64, error) {
	for suffix, shift := range map[string]uint{"M": 20, "G": 30} {
		if number, ok := strings.CutSuffix(text, suffix); ok {
			n, err := strconv.ParseInt(number, 10, 32)
			if err == nil && n > 0 {
				return n << shift, nil
			}
		}
	}
	return 0, fmt.Errorf("%w: --size: %q is not a size such as 512M or 20G", errUsage, text)
}

// nothingRuns refuses to move data below containers that run.
func nothingRuns(ctx context.Context, c config) error {
	e, err := openMachine(ctx, c)
	if err != nil {
		return err
	}
	defer e.close() //nolint:errcheck // read only
	envs, err := e.Environments(ctx)
	if err != nil {
		return err
	}
	for _, id := range envs {
		names, err := running(ctx, e, id)
		if err != nil {
			return err
		}
		if len(names) > 0 {
			return platform.Errorf(platform.CodeConflict, "%s of %s run; nothing was moved", strings.Join(names, ", "), id).
				WithHint("pause every environment (sluice environment:pause), stop sluiced, and run this again")
		}
	}
	return nil
}

// poolCheck is how often it is looked whether the pool has to grow.
const poolCheck = time.Minute

// watchPool enlarges the pool when it runs full, until ctx ends.
func (p *plant) watchPool(ctx context.Context) error {
	tick := time.NewTicker(poolCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		switch grown, err := pool.Of(p.config.DataDir).GrowWhenLow(ctx); {
		case err != nil:
			p.log.ErrorContext(ctx, "could not enlarge the pool, which is nearly full", "error", err, "hint", platform.ErrorHint(err))
		case grown:
			p.log.InfoContext(ctx, "enlarged the pool, which was nearly full")
		}
	}
}
