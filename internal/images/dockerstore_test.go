package images_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"sluice/internal/platform"
)

// dockerStore is a Store over the docker command.
type dockerStore struct{}

func (dockerStore) Lookup(ctx context.Context, ref string) (string, bool, error) {
	out, err := docker(ctx, "image", "ls", "--no-trunc", "--quiet", ref)
	return out, out != "", err
}

func (dockerStore) Import(ctx context.Context, ref string, config platform.ImageConfig, tar io.Reader) (string, error) {
	args := []string{"import"}
	for name, value := range config.Env {
		args = append(args, "--change", fmt.Sprintf("ENV %s=%q", name, value))
	}
	for name, value := range config.Labels {
		args = append(args, "--change", fmt.Sprintf("LABEL %s=%q", name, value))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	in := &watched{Reader: tar, broken: cancel}
	cmd := exec.CommandContext(ctx, "docker", append(args, "-", ref)...)
	cmd.Stdin = in
	cmd.WaitDelay = time.Second // do not wait for a reader that waits for us
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// watched stops the import before the command could take a broken tar for a whole one.
type watched struct {
	io.Reader
	broken context.CancelCauseFunc
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		w.broken(err)
		select {} // the command is killed; its end of the pipe is all that closes
	}
	return n, err
}

func (dockerStore) Pull(ctx context.Context, ref string, log io.Writer) (string, error) {
	out, err := docker(ctx, "pull", ref)
	_, _ = io.WriteString(log, out)
	return out, err
}

func docker(ctx context.Context, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("docker %s: %w: %s", args[0], err, stderr.String())
	}
	return strings.TrimSpace(string(out)), err
}
