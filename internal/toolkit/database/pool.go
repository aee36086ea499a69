package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"sluice/internal/toolkit/envphp"
	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/tree"
)

// idleTime is how long a connection is kept unused; servers end idle ones at some time.
const idleTime = 30 * time.Second

// Pool opens connections by Magento's names for them and keeps them until Close. It is safe
// for concurrent use.
type Pool struct {
	section func() (*phparray.Array, error) // the db section
	log     *journal.Logger

	mu   sync.Mutex
	open map[string]*sql.DB
}

// New returns a Pool over the db section of env.php, which is asked for when the first
// connection is opened.
func New(section func() (*phparray.Array, error), log *journal.Logger) *Pool {
	return &Pool{section: section, log: log, open: map[string]*sql.DB{}}
}

// For returns the Pool of an application: the connections that its env.php is about to get,
// or those that it has when nothing is configured.
func For(k *kit.Kit) *Pool {
	return New(func() (*phparray.Array, error) {
		in, err := envphp.Gather(k)
		if err != nil {
			return nil, err
		}
		if db := envphp.Database(in); db.Sub("connection").Len() > 0 {
			return db, nil
		}
		env, err := k.PHPFile(tree.EnvPHP).Read()
		return env.Sub("db"), err
	}, k.Log)
}

// Open returns a connection: default, indexer, checkout, sales, or one of the project's.
func (p *Pool) Open(ctx context.Context, name string) (kit.Database, error) {
	section, err := p.section()
	if err != nil {
		return nil, err
	}
	db, err := p.handle(section, name)
	if err != nil {
		return nil, err
	}
	if err := db.PingContext(ctx); err != nil {
		host := section.Text("connection", name, "host")
		return nil, fmt.Errorf("connect to the database %s at %s: %w", name, host, err)
	}
	return &connection{db: db, prefix: section.Text("table_prefix"), log: p.log}, nil
}

func (p *Pool) handle(section *phparray.Array, name string) (*sql.DB, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if db := p.open[name]; db != nil {
		return db, nil
	}
	found := section.Sub("connection", name)
	if found == nil {
		return nil, fmt.Errorf("Connection with type %s does not exist", name)
	}
	config, err := driverConfig(found)
	if err != nil {
		return nil, fmt.Errorf("the database connection %s: %w", name, err)
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("the database connection %s: %w", name, err)
	}
	db := sql.OpenDB(connector)
	db.SetConnMaxIdleTime(idleTime)
	db.SetMaxOpenConns(4)
	p.open[name] = db
	return db, nil
}

// Close ends all connections.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for name, db := range p.open {
		errs = append(errs, db.Close())
		delete(p.open, name)
	}
	return errors.Join(errs...)
}
