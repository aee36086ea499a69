package dbdump

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/toolkit/cron"
	"sluice/internal/toolkit/deploystep"
	"sluice/internal/toolkit/envphp"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/tree"
)

// Question has to be answered with yes before people's shops are closed.
const Question = "The db-dump operation switches the site to maintenance mode, stops all active cron jobs and consumer queue processes, and disables cron jobs before starting the dump process. Your site will not receive any traffic until the operation completes. Do you wish to proceed with this process? (y/N)?"

// Options are those of the command.
type Options struct {
	Databases      []string // main, quote, sales; empty: those that exist
	RemoveDefiners bool
	Directory      string // "": var below the application
}

// source is a database by the name that users have for it.
type source struct{ name, connection string }

func sources() []source {
	return []source{{"main", "default"}, {"quote", "checkout"}, {"sales", "sales"}}
}

// Check looks at what people wrote, before anybody is asked or anything is done.
func Check(k *kit.Kit, o Options) error {
	err := checkNames(o.Databases)
	if err != nil {
		k.Log.Critical(err.Error())
	}
	return err
}

// Run dumps the databases. Whatever happens after the shop was closed, it is opened again.
func Run(ctx context.Context, k *kit.Kit, o Options) error {
	k.Log.Info("Starting backup.")
	if err := closeShop(ctx, k); err != nil {
		return err
	}
	err := dumpAll(ctx, k, o)
	if err != nil {
		k.Log.Critical(err.Error())
	}
	if err := errors.Join(err, openShop(context.WithoutCancel(ctx), k)); err != nil {
		return err
	}
	k.Log.Info("Backup completed.")
	return nil
}

func checkNames(names []string) error {
	var known []string
	for _, s := range sources() {
		known = append(known, s.name)
	}
	wrong := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(known, name) })
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("Incorrect the database names: [ %s ]. Available database names: [ %s ]", strings.Join(wrong, " "), strings.Join(known, " "))
}

func closeShop(ctx context.Context, k *kit.Kit) error {
	if err := deploystep.EnableMaintenance(ctx, k); err != nil {
		return err
	}
	return cron.Disable(ctx, k)
}

func openShop(ctx context.Context, k *kit.Kit) error {
	_, err := cron.Unlock(ctx, k, cron.ByDump)
	return errors.Join(err, cron.Enable(ctx, k), deploystep.DisableMaintenance(ctx, k))
}

// wanted is a database to dump and how to reach it.
type wanted struct {
	name       string
	connection *phparray.Array
}

func dumpAll(ctx context.Context, k *kit.Kit, o Options) error {
	in, err := envphp.Gather(k)
	if err != nil {
		return err
	}
	db := envphp.Database(in)
	if db.Sub("connection").Len() == 0 {
		written, err := k.PHPFile(tree.EnvPHP).Read()
		if err != nil {
			return err
		}
		db = written.Sub("db")
	}
	databases, err := choose(db, o.Databases)
	if err != nil {
		return err
	}
	for _, w := range databases {
		if err := one(ctx, k, o, w); err != nil {
			return err
		}
	}
	return nil
}

// choose returns the databases in the order main, quote, sales. A slave is dumped rather
// than the database that visitors use.
func choose(db *phparray.Array, names []string) ([]wanted, error) {
	var chosen []wanted
	for _, s := range sources() {
		connection := db.Sub("slave_connection", s.connection)
		if connection == nil {
			connection = db.Sub("connection", s.connection)
		}
		asked := slices.Contains(names, s.name)
		switch {
		case connection != nil && (asked || len(names) == 0):
			chosen = append(chosen, wanted{s.name, connection})
		case asked:
			return nil, fmt.Errorf("Environment does not have connection `%s` associated with database `%s`", s.connection, s.name)
		}
	}
	if len(chosen) == 0 {
		return nil, errors.New("Database configuration does not exist")
	}
	return chosen, nil
}
