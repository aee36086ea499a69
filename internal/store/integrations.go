package store

import (
	"context"
	"fmt"

	"sluice/internal/platform"
)

// Limits of integrations.
const (
	maxIntegrations = 20  // of a project
	maxDeliveries   = 200 // that are kept of an integration; the oldest go first, also those under way
)

const integrationColumns = `id, project, type, url, shared_key, filter, created_at, updated_at`

func (s *Store) scanIntegration(row scanner) (platform.Integration, error) {
	var i platform.Integration
	var address, key []byte
	err := row.Scan(&i.ID, &i.Project, &i.Type, sealedColumn{sealer: s.sealer, to: &address}, sealedColumn{sealer: s.sealer, to: &key},
		jsonColumn{&i.Filter}, timeColumn{&i.CreatedAt}, timeColumn{&i.UpdatedAt})
	i.URL, i.SharedKey = string(address), string(key)
	return i, err
}

// Integrations lists the integrations of a project, oldest first.
func (s *Store) Integrations(ctx context.Context, project string) ([]platform.Integration, error) {
	return collect(ctx, s.reader, s.scanIntegration,
		`SELECT `+integrationColumns+` FROM integrations WHERE project = ? ORDER BY created_at, id`, project)
}

// Integration returns CodeNotFound when there is none with this ID.
func (s *Store) Integration(ctx context.Context, id string) (platform.Integration, error) {
	i, err := s.scanIntegration(s.reader.QueryRowContext(ctx, `SELECT `+integrationColumns+` FROM integrations WHERE id = ?`, id))
	if err != nil {
		return platform.Integration{}, missing(err, "integration %q not found", id)
	}
	return i, nil
}

// SaveIntegration creates or replaces an integration; its times are set by the store. It
// returns CodeConflict when the project has too many.
func (s *Store) SaveIntegration(ctx context.Context, i platform.Integration) (platform.Integration, error) {
	err := s.write(ctx, func(tx *tx) error {
		var others int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM integrations WHERE project = ? AND id <> ?`, i.Project, i.ID).Scan(&others)
		if err != nil {
			return err
		}
		if others >= maxIntegrations {
			return platform.Errorf(platform.CodeConflict, "a project can have %d integrations; nothing was changed", maxIntegrations).
				WithHint("delete one that is not needed: sluice integration:list")
		}
		i.CreatedAt, i.UpdatedAt = tx.orNow(i.CreatedAt), tx.now
		_, err = tx.ExecContext(ctx, `
			INSERT INTO integrations (`+integrationColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET url = excluded.url, shared_key = excluded.shared_key, filter = excluded.filter, updated_at = excluded.updated_at`,
			i.ID, i.Project, i.Type, sealedColumn{sealer: s.sealer, plain: []byte(i.URL)}, sealedColumn{sealer: s.sealer, plain: []byte(i.SharedKey)},
			jsonColumn{i.Filter}, timeText(i.CreatedAt), timeText(i.UpdatedAt))
		return err
	})
	if err != nil {
		return i, fmt.Errorf("save integration %s: %w", i.ID, err)
	}
	return i, nil
}

// DeleteIntegration removes an integration with its deliveries. It returns CodeNotFound when
// there is none with this ID.
func (s *Store) DeleteIntegration(ctx context.Context, id string) error {
	return s.deleteOne(ctx, platform.Errorf(platform.CodeNotFound, "integration %q not found", id), `DELETE FROM integrations WHERE id = ?`, id)
}

const deliveryColumns = `id, integration, activity, done, delivered, attempts, next_at, created_at, updated_at`

func scanDelivery(row scanner) (platform.Delivery, error) {
	var d platform.Delivery
	err := row.Scan(&d.ID, &d.Integration, jsonColumn{&d.Activity}, &d.Done, &d.Delivered, jsonColumn{&d.Attempts},
		timeColumn{&d.NextAt}, timeColumn{&d.CreatedAt}, timeColumn{&d.UpdatedAt})
	return d, err
}

// announce stores deliveries of the state that an activity has just reached, in the
// transaction that records the state: an event is neither lost nor made up by a crash.
func (t *tx) announce(ctx context.Context, a platform.Activity) error {
	type hook struct {
		id     string
		filter platform.EventFilter
	}
	hooks, err := collect(ctx, t, func(row scanner) (h hook, err error) {
		err = row.Scan(&h.id, jsonColumn{&h.filter})
		return h, err
	}, `SELECT id, filter FROM integrations WHERE project = ? ORDER BY created_at, id`, a.Project)
	if err != nil {
		return err
	}
	for _, h := range hooks {
		if !h.filter.Selects(a) {
			continue
		}
		_, err := t.ExecContext(ctx, `INSERT INTO deliveries (`+deliveryColumns+`) VALUES (?, ?, ?, 0, 0, '[]', ?, ?, ?)`,
			platform.NewID(), h.id, jsonColumn{a}, timeText(t.now), timeText(t.now), timeText(t.now))
		if err != nil {
			return err
		}
		_, err = t.ExecContext(ctx, `
			DELETE FROM deliveries WHERE integration = ?1 AND seq <= (
				SELECT seq FROM deliveries WHERE integration = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)`, h.id, maxDeliveries)
		if err != nil {
			return err
		}
	}
	return nil
}

// DueDeliveries returns what is to be sent now: of each integration the delivery that waited
// longest.
func (s *Store) DueDeliveries(ctx context.Context) ([]platform.Delivery, error) {
	return collect(ctx, s.reader, scanDelivery, `
		SELECT `+deliveryColumns+` FROM (
			SELECT *, row_number() OVER (PARTITION BY integration ORDER BY next_at, seq) AS place FROM deliveries
			WHERE done = 0 AND next_at <= ?)
		WHERE place = 1 ORDER BY next_at, seq`, timeText(s.now()))
}

// SaveDelivery replaces what came of a delivery. It is no error when the delivery is gone.
func (s *Store) SaveDelivery(ctx context.Context, d platform.Delivery) error {
	return s.write(ctx, func(tx *tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE deliveries SET done = ?, delivered = ?, attempts = ?, next_at = ?, updated_at = ? WHERE id = ?`,
			d.Done, d.Delivered, jsonColumn{d.Attempts}, timeText(d.NextAt), timeText(tx.now), d.ID)
		return err
	})
}

// Deliveries lists the deliveries of an integration, newest first.
func (s *Store) Deliveries(ctx context.Context, integration string) ([]platform.Delivery, error) {
	return collect(ctx, s.reader, scanDelivery,
		`SELECT `+deliveryColumns+` FROM deliveries WHERE integration = ? ORDER BY seq DESC`, integration)
}

// Delivery returns CodeNotFound when there is none with this ID.
func (s *Store) Delivery(ctx context.Context, id string) (platform.Delivery, error) {
	d, err := scanDelivery(s.reader.QueryRowContext(ctx, `SELECT `+deliveryColumns+` FROM deliveries WHERE id = ?`, id))
	if err != nil {
		return platform.Delivery{}, missing(err, "activity %q not found", id)
	}
	return d, nil
}
