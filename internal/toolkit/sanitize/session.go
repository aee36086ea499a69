package sanitize

import (
	"context"
	"fmt"

	"sluice/internal/toolkit/kit"
)

// Session is one connection that keeps its settings and logs nothing.
type Session interface {
	kit.Database
	Close() error
}

// ownMode sets the SQL mode of the run's own statements; triggers are created in theirs.
const ownMode = "SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION'"

// prepare sets up a session: no key checks, times as they are, no lock of what is only read.
// What the account may not set is left out, but for the logs that would show the key.
func prepare(ctx context.Context, db Session, key string) error {
	for _, statement := range []string{
		"SET SESSION foreign_key_checks = 0", "SET SESSION unique_checks = 1", "SET SESSION time_zone = '+00:00'", ownMode,
		"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET SESSION innodb_lock_wait_timeout = 600", "SET SESSION wait_timeout = 86400",
	} {
		if _, err := db.Exec(ctx, statement); err != nil {
			return err
		}
	}
	for _, statement := range []string{"SET SESSION sql_log_bin = 0", "SET SESSION slow_query_log = 0", "SET SESSION sql_log_off = 1", "SET SESSION net_write_timeout = 600"} {
		_, _ = db.Exec(ctx, statement) // needs a privilege that few accounts have; the query below finds out whether the key would be logged
	}
	rows, err := db.Rows(ctx, "SELECT @@global.general_log AS l, @@session.sql_log_off AS o")
	if err != nil {
		return err
	}
	if number(rows[0], "l") == 1 && number(rows[0], "o") == 0 {
		return refuse("the database logs all statements, so the key of the fakes would be in its log", "turn general_log off and run the command again")
	}
	if key == "" {
		return nil
	}
	_, err = db.Exec(ctx, "SET @k = ?", key)
	return err
}

// workers are sessions that statements run in, several at a time.
type workers struct {
	all  []Session
	free chan Session
}

// parallel is how many statements run at a time.
const parallel = 3

func openWorkers(ctx context.Context, open func(context.Context) (Session, error), key string) (*workers, error) {
	w := &workers{free: make(chan Session, parallel)}
	for range parallel {
		db, err := open(ctx)
		if err == nil {
			w.all = append(w.all, db)
			err = prepare(ctx, db, key)
		}
		if err != nil {
			w.close()
			return nil, err
		}
		w.free <- db
	}
	return w, nil
}

// with runs something in a session that is free.
func (w *workers) with(ctx context.Context, do func(Session) error) error {
	select {
	case db := <-w.free:
		defer func() { w.free <- db }()
		return do(db)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (w *workers) close() {
	for _, db := range w.all {
		_ = db.Close() // nothing is left in it
	}
}

// within runs something in a transaction.
func within(ctx context.Context, db Session, do func() error) error {
	if _, err := db.Exec(ctx, "START TRANSACTION"); err != nil {
		return err
	}
	err := do()
	if err == nil {
		_, err = db.Exec(ctx, "COMMIT")
	}
	if err != nil {
		_, _ = db.Exec(context.WithoutCancel(ctx), "ROLLBACK") // the server does it when the connection is gone
	}
	return err
}

// RefusedError is the error of a run that did not change anything.
type RefusedError struct{ Why, Fix string }

func refuse(why, fix string) *RefusedError { return &RefusedError{why, fix} }

// Error says why, and what to do.
func (r *RefusedError) Error() string {
	return fmt.Sprintf("data:sanitize refused: %s; nothing was changed. Next: %s", r.Why, r.Fix)
}
