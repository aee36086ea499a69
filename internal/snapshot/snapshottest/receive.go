package snapshottest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sluice/internal/snapshot"
)

var _ snapshot.Receiver = (*Fake)(nil)

// Receive implements snapshot.Receiver.
func (f *Fake) Receive(
	ctx context.Context, req snapshot.Request, fill func(ctx context.Context, dir string) error, _ io.Writer,
) (s snapshot.Snapshot, err error) {
	dir, err := os.MkdirTemp(f.dir, "receive")
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := fill(ctx, dir); err != nil {
		return s, err
	}
	data, err := readData(dir)
	if err != nil {
		return s, err
	}
	if err := f.begin(ctx, "Receive"); err != nil {
		return s, err
	}
	defer f.mu.Unlock()
	return f.keep(snapshot.Snapshot{
		Environment: req.Environment, Reason: req.Reason, Release: req.Release, Method: snapshot.MethodCopy,
	}, data), nil
}

// readData reads directories as Open writes them.
func readData(dir string) (Data, error) {
	data := Data{}
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		part, rest := partOf(filepath.ToSlash(name))
		if data[part] == nil {
			data[part] = Files{}
		}
		data[part][rest] = string(content)
		return nil
	})
	return data, err
}

// partOf splits "services/NAME/FILE" and "volumes/@APP/SOURCE/FILE".
func partOf(name string) (part, rest string) {
	top, name, _ := strings.Cut(name, "/")
	first, rest, _ := strings.Cut(name, "/")
	if top == "services" {
		return snapshot.ServicePart(first), rest
	}
	escaped, rest, _ := strings.Cut(rest, "/")
	source, _ := snapshot.SourceOf(escaped)
	return snapshot.MountPart(strings.TrimPrefix(first, "@"), source), rest
}
