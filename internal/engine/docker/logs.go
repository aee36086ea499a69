package docker

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// Logs writes what a container printed, standard output and error as they came.
func (e *Engine) Logs(
	ctx context.Context, env platform.EnvironmentID, release, container string, count int, w io.Writer,
) error {
	return ended(ctx, e.copyLogs(ctx, e.names.container(env, release, container), count, w))
}

// copyLogs writes the last count lines of a container; all when count is 0.
func (e *Engine) copyLogs(ctx context.Context, name string, count int, w io.Writer) error {
	opts := client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true}
	if count > 0 {
		opts.Tail = strconv.Itoa(count)
	}
	logs, err := e.cli.ContainerLogs(ctx, name, opts)
	if errdefs.IsNotFound(err) {
		return fmt.Errorf("logs of %s: %w", name, engine.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("logs of %s: %w", name, err)
	}
	defer logs.Close() //nolint:errcheck // opened for reading
	if _, err := stdcopy.StdCopy(w, w, logs); err != nil {
		return fmt.Errorf("read logs of %s: %w", name, err)
	}
	return nil
}
