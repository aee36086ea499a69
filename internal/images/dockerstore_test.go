package images_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"sluice/internal/platform"
)

// dockerStore is a Store over the docker command.
type dockerStore struct{}

func (dockerStore) Lookup(ctx context.Context, ref string) (string, bool, error) {
	out, err := docker(ctx, "image", "ls", "--no-trunc", "--quiet", ref)
	return out, out != "", err
}

func (dockerStore) List(ctx context.Context, repository string) ([]platform.StoredImage, error) {
	out, err := docker(ctx, "image", "ls", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}", repository)
	var list []platform.StoredImage
	for line := range strings.Lines(out) {
		ref, digest, _ := strings.Cut(strings.TrimSpace(line), " ")
		list = append(list, platform.StoredImage{ImageRef: platform.ImageRef{Ref: ref, Digest: digest}})
	}
	return list, err
}

func (dockerStore) Import(ctx context.Context, ref string, config platform.ImageConfig, tar io.Reader) (string, error) {
	args := []string{"import"}
	for name, value := range config.Env {
		args = append(args, "--change", fmt.Sprintf("ENV %s=%q", name, value))
	}
	for name, value := range config.Labels {
		args = append(args, "--change", fmt.Sprintf("LABEL %s=%q", name, value))
	}
	cmd := exec.CommandContext(ctx, "docker", append(args, "-", ref)...)
	var digest bytes.Buffer
	cmd.Stdout = &digest
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	if _, err := io.Copy(stdin, tar); err != nil {
		_ = cmd.Process.Kill() // before it could see the end of its input and take half for a whole
		return "", errors.Join(err, cmd.Wait())
	}
	_ = stdin.Close()
	err = cmd.Wait()
	return strings.TrimSpace(digest.String()), err
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
