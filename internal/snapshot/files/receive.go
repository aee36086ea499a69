package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"time"

	"sluice/internal/platform"
	"sluice/internal/snapshot"
)

var _ snapshot.Receiver = (*Store)(nil)

// Receive implements snapshot.Receiver.
func (s *Store) Receive(
	ctx context.Context, req snapshot.Request, fill func(ctx context.Context, dir string) error, log io.Writer,
) (snapshot.Snapshot, error) {
	if !validEnvironment(req.Environment) {
		return snapshot.Snapshot{}, platform.Errorf(platform.CodeInvalid, "%q is not an environment's identifier", req.Environment)
	}
	if err := s.wantFree(req.Bytes, "fetched"); err != nil {
		return snapshot.Snapshot{}, err
	}
	t := newTaking(s, req, nil, log)
	out, err := t.receive(ctx, fill)
	if err != nil {
		return snapshot.Snapshot{}, errors.Join(err, s.root.RemoveAll(t.dir))
	}
	return out, nil
}

func (t *taking) receive(ctx context.Context, fill func(ctx context.Context, dir string) error) (snapshot.Snapshot, error) {
	out := t.begin()
	out.Taken, out.Method = time.Now(), snapshot.MethodCopy
	inside := path.Join(t.dir, dataDir)
	if err := t.root.MkdirAll(inside, 0o700); err != nil {
		return out, err
	}
	if err := fill(ctx, filepath.Join(t.DataDir, inside)); err != nil {
		return out, err
	}
	data, err := t.parts(path.Join(inside, servicesDir), path.Join(inside, volumesDir))
	if err != nil {
		return out, err
	}
	for _, d := range data {
		m, err := t.measure(ctx, d.at)
		if err != nil {
			return out, fmt.Errorf("size of %s: %w", d.Name, err)
		}
		d.Size = m.Size
		out.Parts = append(out.Parts, d.Part)
	}
	return out, t.complete(out)
}
