package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// toolkitName is the executable that is looked for beside this one.
const toolkitName = "sluice-toolkit"

// installToolkit delivers the toolkit to the engine and returns its source for containers.
// Without --toolkit, and when there is none beside this executable, it returns "".
func installToolkit(ctx context.Context, store engine.ProgramStore, c config) (string, error) {
	name := c.Toolkit
	if name == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("find the toolkit: %w", err)
		}
		name = filepath.Join(filepath.Dir(self), toolkitName)
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
	}
	in, err := os.Open(filepath.Clean(name))
	if err == nil {
		defer func() { _ = in.Close() }() // was only read
		var source string
		if source, err = store.KeepProgram(ctx, toolkitName, in); err == nil {
			return source, nil
		}
	}
	return "", platform.Errorf(platform.CodeUnavailable, "cannot install the toolkit: %v", err).
		WithHint("name the executable with --toolkit, and check that the data directory has room")
}

// toolkits are the executables of the toolkit that the engine has.
type toolkits struct {
	engine.ProgramStore
	log *slog.Logger
}

// Installed lists them.
func (t *toolkits) Installed(ctx context.Context) ([]string, error) { return t.Programs(ctx) }

// Remove deletes one of them.
func (t *toolkits) Remove(ctx context.Context, source string) error {
	if err := t.RemoveProgram(ctx, source); err != nil {
		return err
	}
	t.log.InfoContext(ctx, "removed a toolkit that no release uses", slog.String("toolkit", source))
	return nil
}
