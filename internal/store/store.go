package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"time"

	_ "modernc.org/sqlite" // the "sqlite" driver
)

// readers is how many reads run side by side.
const readers = 4

// Store is the state of the control plane. Its methods are safe for concurrent use.
type Store struct {
	writer  *sql.DB // one connection
	reader  *sql.DB // read-only connections
	sealer  *Sealer
	subnets netip.Prefix
	now     func() time.Time
}

// Option changes how a Store works.
type Option func(*Store)

// WithSubnets sets the pool out of which every environment gets a /24; the default is
// 10.213.0.0/16. With the zero prefix environments get none: an engine without the capability
// Subnets chooses networks itself.
func WithSubnets(pool netip.Prefix) Option {
	return func(s *Store) { s.subnets = pool.Masked() }
}

// WithClock sets the source of the times that the store records.
func WithClock(now func() time.Time) Option {
	return func(s *Store) { s.now = now }
}

// Open opens the database file at path, creating it with mode 0600 when there is none,
// and brings its tables up to date. It refuses a file that was sealed with another key
// or written by a newer version.
func Open(ctx context.Context, path string, sealer *Sealer, opts ...Option) (*Store, error) {
	s := &Store{sealer: sealer, subnets: defaultSubnets(), now: time.Now}
	for _, opt := range opts {
		opt(s)
	}
	if err := checkPool(s.subnets); err != nil {
		return nil, err
	}
	if err := createPrivate(path); err != nil {
		return nil, fmt.Errorf("create database: %w", err)
	}
	if err := s.connect(path); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), s.Close())
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), s.Close())
	}
	return s, nil
}

// Close closes the database.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.reader, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// createPrivate creates the file before SQLite does, which would make it readable for
// all; the journal files take over its mode.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator chose it
	if err != nil {
		return err
	}
	return f.Close()
}

func (s *Store) connect(path string) error {
	var err error
	// A commit reaches the disk before it is reported: an accepted push must survive a power cut.
	if s.writer, err = sql.Open("sqlite", dsn(path, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)")); err != nil {
		return err
	}
	s.writer.SetMaxOpenConns(1)
	if s.reader, err = sql.Open("sqlite", dsn(path, "query_only(1)")); err != nil {
		return err
	}
	s.reader.SetMaxOpenConns(readers)
	return nil
}

func dsn(path string, pragmas ...string) string {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{"busy_timeout(10000)"}, pragmas...)}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

func (s *Store) prepare(ctx context.Context) error {
	if err := migrate(ctx, s.writer); err != nil {
		return err
	}
	return s.write(ctx, func(tx *tx) error { return tx.checkSeal(ctx, s.sealer) })
}

// tx is a write transaction with the one time that all of its records carry.
type tx struct {
	*sql.Tx
	now time.Time
}

// write runs fn in a transaction and commits it when fn returns nil.
func (s *Store) write(ctx context.Context, fn func(*tx) error) error {
	t, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return mapError(err)
	}
	defer func() { _ = t.Rollback() }() // after a commit it does nothing
	if err := fn(&tx{Tx: t, now: s.now().UTC()}); err != nil {
		return mapError(err)
	}
	return mapError(t.Commit())
}

// exec runs one statement in a transaction of its own.
func (s *Store) exec(ctx context.Context, query string, args ...any) error {
	return s.write(ctx, func(tx *tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
}

// deleteOne runs a DELETE and returns notFound when it removes nothing.
func (s *Store) deleteOne(ctx context.Context, notFound error, query string, args ...any) error {
	return s.write(ctx, func(tx *tx) error {
		res, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return notFound
	})
}

// scanner is a row: *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// queryer reads: a *sql.DB or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// collect reads all rows of a query.
func collect[T any](ctx context.Context, q queryer, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, mapError(err)
	}
	defer func() { _ = rows.Close() }() // its error is that of rows.Err
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, mapError(err)
		}
		all = append(all, v)
	}
	return all, mapError(rows.Err())
}
