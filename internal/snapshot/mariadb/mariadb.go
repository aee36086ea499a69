// Package mariadb copies a MariaDB while it runs, with the mariadb-backup of its own image,
// for snapshots on file systems that share no blocks.
//
// It knows the nouns only; its caller says how a command is run in a container.
package mariadb

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"

	"sluice/internal/platform"
)

//go:embed copy.sh
var script string

const (
	noTool    = 99      // exit status of the script where it can do nothing
	maxOutput = 2 << 10 // bytes of the tool's output that are told when it failed
)

// Copier implements files.Hot for services that are MariaDB.
type Copier struct {
	// Run runs a command in a service and returns its exit status; what it prints goes to out.
	Run func(ctx context.Context, env platform.EnvironmentID, service string, command []string, out io.Writer) (int, error)
}

// Copy makes a copy that a server can start from in the directory name of the service's
// own. It returns false for a service that is not MariaDB or has no mariadb-backup.
func (c Copier) Copy(ctx context.Context, env platform.EnvironmentID, service, name string, _ io.Writer) (bool, error) {
	var out bytes.Buffer
	code, err := c.Run(ctx, env, service, []string{"sh", "-c", script, "copy", name}, &out)
	text := out.Bytes()
	switch {
	case err != nil:
		return false, err
	case code == noTool:
		return false, nil
	case code != 0:
		return false, fmt.Errorf("mariadb-backup: exit status %d: %s", code, text[max(0, len(text)-maxOutput):])
	case !bytes.Contains(text, []byte("completed OK!")):
		return false, errors.New("mariadb-backup did not say that the copy is complete")
	}
	return true, nil
}
