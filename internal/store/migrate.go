package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"sluice/internal/platform"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate runs the migrations that the file has not seen, each in a transaction of its
// own. The number of the last one is the database's user_version. A migration that has
// been released is never edited.
//
// Foreign keys are off meanwhile, because a table whose constraints change is dropped and made
// again, which would take along all rows that refer to it. They are checked before each commit.
func migrate(ctx context.Context, db *sql.DB) error {
	names, err := fs.Glob(migrations, "migrations/*.sql") // sorted: 0001_, 0002_, ...
	if err != nil {
		return err
	}
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("read schema version: %w", mapError(err))
	}
	if version > len(names) {
		return platform.Errorf(platform.CodeInvalid, "the database has schema version %d, this program knows %d; nothing was changed", version, len(names)).
			WithHint("start the newer version again, or restore the backup from before the upgrade")
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return mapError(err)
	}
	defer func() { _ = conn.Close() }() // goes back to the pool
	if _, err := conn.ExecContext(ctx, "PRAGMA foreign_keys = OFF"); err != nil {
		return mapError(err)
	}
	for i := version; i < len(names); i++ {
		if err := migrateOne(ctx, conn, names[i], i+1); err != nil {
			return fmt.Errorf("migrate to %s: %w", names[i], mapError(err))
		}
	}
	_, err = conn.ExecContext(ctx, "PRAGMA foreign_keys = ON")
	return mapError(err)
}

func migrateOne(ctx context.Context, db *sql.Conn, name string, version int) error {
	text, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = t.Rollback() }() // after a commit it does nothing
	if _, err := t.ExecContext(ctx, string(text)); err != nil {
		return err
	}
	var table string
	if err := t.QueryRowContext(ctx, `SELECT "table" FROM pragma_foreign_key_check`).Scan(&table); !errors.Is(err, sql.ErrNoRows) {
		return errors.Join(err, fmt.Errorf("rows of table %q refer to rows that are gone", table))
	}
	if _, err := t.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		return err
	}
	return t.Commit()
}
