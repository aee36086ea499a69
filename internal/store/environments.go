package store

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"sluice/internal/platform"
)

const environmentColumns = `project, name, machine_name, title, parent, type, status, head_commit,
	release, subnet, created_at, updated_at, deployed_at, settings`

func (s *Store) scanEnvironment(row scanner) (platform.Environment, error) {
	var e platform.Environment
	err := row.Scan(&e.Project, &e.Name, &e.MachineName, &e.Title, &e.Parent, &e.Type, &e.Status, &e.HeadCommit,
		&e.Release, optionalColumn{&e.Subnet}, timeColumn{&e.CreatedAt}, timeColumn{&e.UpdatedAt}, timeColumn{&e.DeployedAt},
		settingsColumn{sealer: s.sealer, to: &e.Settings})
	return e, err
}

// settingsColumn stores settings as sealed JSON, and none as nothing.
type settingsColumn struct {
	sealer *Sealer
	value  platform.EnvironmentSettings
	to     *platform.EnvironmentSettings
}

// Value implements driver.Valuer.
func (c settingsColumn) Value() (driver.Value, error) {
	if reflect.ValueOf(c.value).IsZero() {
		return []byte{}, nil
	}
	plain, err := json.Marshal(c.value)
	if err != nil {
		return nil, err
	}
	return c.sealer.Seal(plain)
}

// Scan implements sql.Scanner.
func (c settingsColumn) Scan(src any) error {
	*c.to = platform.EnvironmentSettings{}
	if sealed, ok := src.([]byte); ok && len(sealed) == 0 {
		return nil
	}
	var plain []byte
	if err := (sealedColumn{sealer: c.sealer, to: &plain}).Scan(src); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return json.Unmarshal(plain, c.to)
}

// Environment returns the environment, or CodeNotFound when there is none.
func (s *Store) Environment(ctx context.Context, project, name string) (platform.Environment, error) {
	e, err := s.environment(ctx, s.reader, project, name)
	if err != nil {
		return platform.Environment{}, missing(err, "project %q has no environment %q", project, name)
	}
	return e, nil
}

func (s *Store) environment(ctx context.Context, q queryer, project, name string) (platform.Environment, error) {
	return s.scanEnvironment(q.QueryRowContext(ctx,
		`SELECT `+environmentColumns+` FROM environments WHERE project = ? AND name = ?`, project, name))
}

// Environments lists a project's environments by name, or all when project is "".
func (s *Store) Environments(ctx context.Context, project string) ([]platform.Environment, error) {
	return collect(ctx, s.reader, s.scanEnvironment, `
		SELECT `+environmentColumns+` FROM environments
		WHERE ?1 = '' OR project = ?1 ORDER BY project, name`, project)
}

// SaveEnvironment creates or replaces, and returns what was saved. An empty Subnet keeps
// the stored one, or takes one that no environment has. CreatedAt of a stored environment
// does not change, and UpdatedAt becomes now. It returns CodeNotFound when there is no
// such project, CodeConflict when a new environment would share its identifier or its host
// name with another one, and CodeUnavailable when no subnet is free.
func (s *Store) SaveEnvironment(ctx context.Context, env platform.Environment) (platform.Environment, error) {
	var saved platform.Environment
	err := s.write(ctx, func(tx *tx) error {
		if err := checkIdentity(ctx, tx, env); err != nil {
			return err
		}
		if err := tx.chooseSubnet(ctx, s.subnets, &env); err != nil {
			return err
		}
		var err error
		saved, err = s.saveEnvironment(ctx, tx, env)
		return err
	})
	if err != nil {
		return platform.Environment{}, fmt.Errorf("save environment %s of %s: %w", env.Name, env.Project, err)
	}
	return saved, nil
}

// CheckIdentity returns CodeConflict when an environment that does not exist yet would share
// its identifier or its host name with another one, of whatever project.
func (s *Store) CheckIdentity(ctx context.Context, env platform.Environment) error {
	return checkIdentity(ctx, s.reader, env)
}

func checkIdentity(ctx context.Context, q queryer, env platform.Environment) error {
	// One that exists keeps what it has: it is compared with none.
	all, err := collect(ctx, q, func(row scanner) (e platform.Environment, err error) {
		err = row.Scan(&e.Project, &e.Name, &e.MachineName)
		return e, err
	}, `
		SELECT project, name, machine_name FROM environments
		WHERE NOT EXISTS (SELECT 1 FROM environments WHERE project = ? AND name = ?)`, env.Project, env.Name)
	if err != nil {
		return err
	}
	taken := ""
	for _, e := range all {
		switch {
		case e.ID() == env.ID():
			taken = "identifier " + string(env.ID())
		case e.Host() == env.Host():
			taken = "host name " + env.Host()
		}
	}
	if taken == "" {
		return nil
	}
	return platform.Errorf(platform.CodeConflict,
		"the %s of environment %q is taken by another environment of this installation; nothing was changed", taken, env.Name).
		WithHint("give the branch another name")
}

// ProjectLoad returns how many environments a project has, and how many activities wait. It
// returns CodeConflict for a project that is being deleted.
func (s *Store) ProjectLoad(ctx context.Context, project string) (environments, pending int, err error) {
	if err := wantOpen(ctx, s.reader, project); err != nil {
		return 0, 0, mapError(err)
	}
	err = s.reader.QueryRowContext(ctx, `
		SELECT (SELECT count(*) FROM environments WHERE project = ?1),
			(SELECT count(*) FROM activities WHERE project = ?1 AND state = 'pending')`, project).Scan(&environments, &pending)
	return environments, pending, mapError(err)
}

func (s *Store) saveEnvironment(ctx context.Context, t *tx, e platform.Environment) (platform.Environment, error) {
	return s.scanEnvironment(t.QueryRowContext(ctx, `
		INSERT INTO environments (`+environmentColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (project, name) DO UPDATE SET
			machine_name = excluded.machine_name, title = excluded.title, parent = excluded.parent,
			type = excluded.type, status = excluded.status, head_commit = excluded.head_commit,
			release = excluded.release, subnet = excluded.subnet,
			updated_at = excluded.updated_at, deployed_at = excluded.deployed_at, settings = excluded.settings
		RETURNING `+environmentColumns,
		e.Project, e.Name, e.MachineName, e.Title, e.Parent, e.Type, e.Status, e.HeadCommit,
		e.Release, optionalColumn{&e.Subnet}, timeText(t.orNow(e.CreatedAt)), timeText(t.now), timeText(e.DeployedAt),
		settingsColumn{sealer: s.sealer, value: e.Settings}))
}

// orNow returns at, or the time of the transaction when at is zero.
func (t *tx) orNow(at time.Time) time.Time {
	if at.IsZero() {
		return t.now
	}
	return at
}

// DeleteEnvironment removes the record, its releases and its variables, and frees its
// subnet. Deleting one that is gone is not an error.
func (s *Store) DeleteEnvironment(ctx context.Context, project, name string) error {
	return s.exec(ctx, `DELETE FROM environments WHERE project = ? AND name = ?`, project, name)
}
