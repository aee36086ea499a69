package store

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"

	"sluice/internal/platform"
)

const rehearsalColumns = `activity, project, environment, tree, subnet, slugs, report, created_at`

func scanRehearsal(row scanner) (platform.Rehearsal, error) {
	var r platform.Rehearsal
	var report string
	err := row.Scan(&r.Activity, &r.Project, &r.Environment, &r.Tree, optionalColumn{&r.Subnet}, jsonColumn{&r.Slugs}, &report, timeColumn{&r.CreatedAt})
	if report != "" {
		r.Report = json.RawMessage(report)
	}
	return r, err
}

// BeginRehearsal stores the record of a rehearsal whose environment is about to be made, and
// returns it with a subnet that nothing else has. It can run twice.
func (s *Store) BeginRehearsal(ctx context.Context, r platform.Rehearsal) (platform.Rehearsal, error) {
	err := s.write(ctx, func(tx *tx) error {
		if s.subnets != (netip.Prefix{}) {
			var err error
			if r.Subnet, err = tx.newSubnet(ctx, s.subnets, r.Activity); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO rehearsals (`+rehearsalColumns+`) VALUES (?, ?, ?, ?, ?, '[]', '', ?)
			ON CONFLICT (activity) DO UPDATE SET subnet = excluded.subnet`,
			r.Activity, r.Project, r.Environment, r.Tree, optionalColumn{&r.Subnet}, timeText(tx.now))
		return err
	})
	if err != nil {
		return r, fmt.Errorf("record rehearsal %s: %w", r.Activity, err)
	}
	return r, nil
}

// SaveRehearsal replaces the record, but for what never changes. An empty Subnet frees it. A
// rehearsal that never began is not an error.
func (s *Store) SaveRehearsal(ctx context.Context, r platform.Rehearsal) error {
	if r.Slugs == nil {
		r.Slugs = []platform.Slug{}
	}
	err := s.exec(ctx, `UPDATE rehearsals SET tree = ?, subnet = ?, slugs = ?, report = ? WHERE activity = ?`,
		r.Tree, optionalColumn{&r.Subnet}, jsonColumn{r.Slugs}, string(r.Report), r.Activity)
	if err != nil {
		return fmt.Errorf("record rehearsal %s: %w", r.Activity, err)
	}
	return nil
}

// Rehearsal returns the rehearsal that an activity was, or CodeNotFound when it was none.
func (s *Store) Rehearsal(ctx context.Context, activity string) (platform.Rehearsal, error) {
	r, err := scanRehearsal(s.reader.QueryRowContext(ctx, `SELECT `+rehearsalColumns+` FROM rehearsals WHERE activity = ?`, activity))
	return r, missing(err, "activity %q has no report of a rehearsal", activity)
}

// LastRehearsal returns the newest rehearsal of a tree for an environment that has a report, or
// CodeNotFound.
func (s *Store) LastRehearsal(ctx context.Context, project, env, tree string) (platform.Rehearsal, error) {
	r, err := scanRehearsal(s.reader.QueryRowContext(ctx, `SELECT `+rehearsalColumns+` FROM rehearsals
		WHERE project = ? AND environment = ? AND tree = ? AND report <> '' ORDER BY created_at DESC, rowid DESC LIMIT 1`, project, env, tree))
	return r, missing(err, "no rehearsal of this tree for environment %q", env)
}

// Rehearsals lists those of a project whose slugs are kept, newest first.
func (s *Store) Rehearsals(ctx context.Context, project string) ([]platform.Rehearsal, error) {
	return collect(ctx, s.reader, scanRehearsal, `SELECT `+rehearsalColumns+` FROM rehearsals
		WHERE project = ? AND slugs <> '[]' ORDER BY created_at DESC, rowid DESC`, project)
}
