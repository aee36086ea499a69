package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"sluice/internal/edge/edgectl"
	"sluice/internal/platform"
)

// authorityTeller is the router, which knows its local authority wherever that is kept.
type authorityTeller interface {
	Authority(ctx context.Context) (string, error)
}

// authorityCommand prints the certificate of the router's local authority.
func authorityCommand(ctx context.Context, args []string, env map[string]string, stdout, stderr io.Writer) error {
	var c config
	var dir string
	flags := newFlags("authority", &c, stderr)
	flags.StringVar(&c.Router, "router", "", "control socket of sluice-router; empty: <data-dir>/router/control.sock")
	flags.StringVar(&dir, "tls-dir", "", "directory to read when the router cannot be reached: its --tls-dir; empty: tls, beside its control socket")
	if err := c.parse(flags, args, env); err != nil {
		return err
	}
	text, err := findAuthority(ctx, edgectl.NewClient(c.Router), authorityFile(c, dir))
	if err != nil {
		return err
	}
	_, err = io.WriteString(stdout, text)
	return err
}

// findAuthority asks the router. When that cannot be reached, or cannot say because it is
// older than this program, it reads file. It returns CodeNotFound when there is no
// authority.
func findAuthority(ctx context.Context, router authorityTeller, file string) (string, error) {
	text, err := router.Authority(ctx)
	if err == nil || platform.ErrorCode(err) == platform.CodeNotFound {
		return text, err
	}
	data, err := os.ReadFile(filepath.Clean(file))
	if errors.Is(err, fs.ErrNotExist) {
		return "", platform.Errorf(platform.CodeNotFound, "the router cannot be reached, and there is no local authority in %s", filepath.Dir(file)).
			WithHint("sluice-router makes it when it is started with --listen-tls")
	}
	if err != nil {
		return "", fmt.Errorf("read the local authority's certificate: %w", err)
	}
	return string(data), nil
}

// authorityFile is where the router keeps its authority's certificate: in its --tls-dir or,
// when dir is "", beside its control socket.
func authorityFile(c config, dir string) string {
	return filepath.Join(cmp.Or(dir, filepath.Join(filepath.Dir(c.Router), "tls")), platform.LocalAuthorityFile)
}

// authority is the router's local authority as deployments see it.
type authority struct {
	router authorityTeller
	file   string // read when the router does not respond
	log    *slog.Logger
}

// Certificate returns the authority's certificate for the containers of a deployment; ""
// when there is none.
func (a authority) Certificate(ctx context.Context) string {
	text, err := findAuthority(ctx, a.router, a.file)
	if err != nil && platform.ErrorCode(err) != platform.CodeNotFound {
		a.log.WarnContext(ctx, "containers are made without the local authority's certificate", "error", err)
	}
	return text
}
