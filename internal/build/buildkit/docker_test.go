package buildkit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
)

// dockerCLI is an ImageStore for tests: the docker command.
type dockerCLI struct{}

func (dockerCLI) Find(ctx context.Context, ref string) (string, int64, bool, error) {
	out, err := exec.CommandContext(ctx, "docker", "image", "inspect", ref).CombinedOutput()
	if err != nil {
		if strings.Contains(string(out), "No such image") {
			return "", 0, false, nil
		}
		return "", 0, false, fmt.Errorf("inspect %s: %s: %w", ref, out, err)
	}
	var images []struct {
		ID   string `json:"Id"`
		Size int64
	}
	if err := json.Unmarshal(out, &images); err != nil || len(images) != 1 {
		return "", 0, false, fmt.Errorf("inspect %s: %q: %w", ref, out, err)
	}
	return images[0].ID, images[0].Size, true, nil
}

func (dockerCLI) Remove(ctx context.Context, ref string) error {
	out, err := exec.CommandContext(ctx, "docker", "image", "rm", ref).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "No such image") {
		return fmt.Errorf("remove %s: %s: %w", ref, out, err)
	}
	return nil
}
