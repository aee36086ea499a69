package database

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/toolkit/phparray"
)

// Session is one connection for as long as it is open: its variables, settings and
// transactions hold from one statement to the next. Unlike the connections of Open it logs
// nothing, because its statements and their arguments may be personal data or keys.
type Session struct {
	conn   *sql.Conn
	prefix string
}

// Session opens a session of a connection, which the caller closes.
func (p *Pool) Session(ctx context.Context, name string) (*Session, error) {
	section, err := p.section()
	if err != nil {
		return nil, err
	}
	db, err := p.handle(section, name)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the database %s at %s: %w", name, section.Text("connection", name, "host"), err)
	}
	return &Session{conn: conn, prefix: section.Text("table_prefix")}, nil
}

// Endpoint is a database of the application and where it is.
type Endpoint struct {
	Connections []string // Magento's names for it
	Host        string   // as env.php has it, perhaps with a port
	Database    string
}

// Endpoints returns the databases that the application's connections lead to, each once,
// default first.
func (p *Pool) Endpoints() ([]Endpoint, error) {
	section, err := p.section()
	if err != nil {
		return nil, err
	}
	names := section.Sub("connection").Keys()
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(strings.TrimPrefix(a, "default"), strings.TrimPrefix(b, "default"))
	})
	var all []Endpoint
	for _, name := range names {
		c := section.Sub("connection", name)
		e := Endpoint{Host: c.Text("host"), Database: c.Text("dbname")}
		if i := slices.IndexFunc(all, func(o Endpoint) bool { return o.Host == e.Host && o.Database == e.Database }); i >= 0 {
			all[i].Connections = append(all[i].Connections, name)
			continue
		}
		e.Connections = []string{name}
		all = append(all, e)
	}
	return all, nil
}

// Table returns the name of a table with the installation's prefix.
func (s *Session) Table(name string) string { return s.prefix + name }

// Exec runs a statement and returns how many rows it changed.
func (s *Session) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	result, err := s.conn.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Rows runs a query; each row maps its columns in order to null, integers, floats or texts.
func (s *Session) Rows(ctx context.Context, query string, args ...any) ([]*phparray.Array, error) {
	rows, err := s.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows)
}

// Close ends the connection; what it had not committed is undone by the server.
func (s *Session) Close() error {
	// The connection must not go back to the pool with its settings and variables.
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	return s.conn.Close()
}
