package store

import (
	"database/sql"
	"errors"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"sluice/internal/platform"
)

// mapError turns what SQLite says, recognised by its code and never by its text, into
// the platform's errors. Errors that are already the platform's pass unchanged.
func mapError(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*platform.Error](err); ok {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) {
		return &platform.Error{Code: platform.CodeNotFound, Message: "no such record", Err: err}
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return &platform.Error{Code: platform.CodeConflict, Message: "such a record exists already", Err: err}
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return &platform.Error{Code: platform.CodeNotFound, Message: "the project, environment or user does not exist", Err: err}
	}
	switch e.Code() & 0xff { // the primary code
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return &platform.Error{Code: platform.CodeUnavailable, Message: "the database is in use by another program; nothing was saved", Hint: "stop the other program, then try again", Err: err}
	case sqlite3.SQLITE_FULL:
		return &platform.Error{Code: platform.CodeUnavailable, Message: "the disk is full; nothing was saved", Hint: "free space on the disk of the data directory, then try again", Err: err}
	}
	return err
}

// missing says which record there is not, when err is about a missing record.
func missing(err error, format string, args ...any) error {
	err = mapError(err)
	if platform.ErrorCode(err) != platform.CodeNotFound {
		return err
	}
	return platform.Errorf(platform.CodeNotFound, format, args...)
}
