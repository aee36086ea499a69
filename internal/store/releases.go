package store

import (
	"context"
	"fmt"

	"sluice/internal/platform"
)

// listedColumns are those of a release in a list; releaseColumns are all.
const (
	listedColumns  = `id, project, environment, activity, commit_id, state, slugs, routes, created_at, live_at, data, snapshot_before`
	releaseColumns = listedColumns + `, spec`
)

// releaseFields are where the listedColumns of a release go.
func releaseFields(r *platform.Release) []any {
	return []any{
		&r.ID, &r.Project, &r.Env, &r.Activity, &r.Commit, &r.State,
		jsonColumn{&r.Slugs},
		jsonColumn{&r.Routes},
		timeColumn{&r.CreatedAt},
		timeColumn{&r.LiveAt},
		jsonColumn{&r.Data},
		&r.Before,
	}
}

func scanListed(row scanner) (platform.Release, error) {
	var r platform.Release
	err := row.Scan(releaseFields(&r)...)
	return r, err
}

func (s *Store) scanRelease(row scanner) (platform.Release, error) {
	var r platform.Release
	var spec []byte
	err := row.Scan(append(releaseFields(&r), sealedColumn{sealer: s.sealer, to: &spec})...)
	if len(spec) > 0 {
		r.Spec = spec
	}
	return r, err
}

// NextRelease returns an identifier not used before in the environment: "r1", "r2", ...
// A number that was handed out is never used again, whether or not a release was saved.
func (s *Store) NextRelease(ctx context.Context, project, env string) (string, error) {
	var n int64
	err := s.write(ctx, func(tx *tx) error {
		return tx.QueryRowContext(ctx, `
			INSERT INTO release_numbers (project, environment, last) VALUES (?, ?, 1)
			ON CONFLICT (project, environment) DO UPDATE SET last = last + 1 RETURNING last`, project, env).Scan(&n)
	})
	if err != nil {
		return "", fmt.Errorf("number release of %s: %w", env, err)
	}
	return fmt.Sprintf("r%d", n), nil
}

// SaveRelease creates or replaces; Spec is sealed before it is written. CreatedAt becomes
// now when it is zero. It returns CodeNotFound when there is no such environment.
func (s *Store) SaveRelease(ctx context.Context, r platform.Release) error {
	err := s.write(ctx, func(tx *tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO releases (`+releaseColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (project, environment, id) DO UPDATE SET
				activity = excluded.activity, commit_id = excluded.commit_id, state = excluded.state,
				slugs = excluded.slugs, routes = excluded.routes, spec = excluded.spec, live_at = excluded.live_at,
				data = excluded.data, snapshot_before = excluded.snapshot_before`,
			r.ID, r.Project, r.Env, r.Activity, r.Commit, r.State, jsonColumn{r.Slugs}, jsonColumn{r.Routes},
			timeText(tx.orNow(r.CreatedAt)), timeText(r.LiveAt), jsonColumn{r.Data}, r.Before,
			sealedColumn{sealer: s.sealer, plain: r.Spec})
		return err
	})
	if err != nil {
		return fmt.Errorf("save release %s of %s: %w", r.ID, r.Env, err)
	}
	return nil
}

// Release returns the release, or CodeNotFound when there is none.
func (s *Store) Release(ctx context.Context, project, env, id string) (platform.Release, error) {
	r, err := s.scanRelease(s.reader.QueryRowContext(ctx, `
		SELECT `+releaseColumns+` FROM releases WHERE project = ? AND environment = ? AND id = ?`, project, env, id))
	if err != nil {
		return platform.Release{}, missing(err, "environment %q has no release %q", env, id)
	}
	return r, nil
}

// ForgetSlugs takes the slugs, which were deleted, out of the record of a release.
func (s *Store) ForgetSlugs(ctx context.Context, project, env, id string) error {
	err := s.exec(ctx, `UPDATE releases SET slugs = ? WHERE project = ? AND environment = ? AND id = ?`,
		jsonColumn{map[string]platform.Slug(nil)}, project, env, id)
	if err != nil {
		return fmt.Errorf("forget the slugs of release %s of %s: %w", id, env, err)
	}
	return nil
}

// Releases lists an environment's releases, newest first, without Spec: that is opened only
// for the release that is to run.
func (s *Store) Releases(ctx context.Context, project, env string) ([]platform.Release, error) {
	return collect(ctx, s.reader, scanListed, `
		SELECT `+listedColumns+` FROM releases WHERE project = ? AND environment = ? ORDER BY seq DESC`, project, env)
}
