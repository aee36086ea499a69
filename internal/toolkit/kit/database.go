package kit

import (
	"context"

	"sluice/internal/toolkit/phparray"
)

// Databases opens the databases of the application.
type Databases interface {
	// Open returns a connection by Magento's name for it: default, checkout, sales,
	// indexer; it is shared and closed by its owner. An environment without it is an error.
	Open(ctx context.Context, connection string) (Database, error)
}

// Database is one connection. Queries use ? for their arguments.
type Database interface {
	// Rows runs a query; each row maps its columns in order to values.
	Rows(ctx context.Context, query string, args ...any) ([]*phparray.Array, error)
	// Exec runs a statement and returns how many rows it changed.
	Exec(ctx context.Context, statement string, args ...any) (int64, error)
	// Table returns the name of a table with the prefix of this installation.
	Table(name string) string
}
