package deploystep

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/toolkit/envphp"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/tree"
)

// part is a part of the data that can have a database of its own.
type part struct{ name, connection string }

// parts are in the order of messages.
func parts() []part { return []part{{"sales", "sales"}, {"quote", "checkout"}} }

// splitDB moves parts of the data into databases of their own, as SPLIT_DB says. What was
// split once stays so.
func splitDB(ctx context.Context, k *kit.Kit) error {
	if k.Tree.HasFlag(tree.FlagIgnoreSplitDB) {
		k.Log.Info("Enabling a split database will be skipped. The flag ignore_split_db was detected.")
		k.Tree.DeleteFlag(tree.FlagIgnoreSplitDB, k.Log)
		return nil
	}
	in, err := envphp.Gather(k)
	if err != nil {
		return err
	}
	var wanted []string
	for _, v := range in.Variables.SplitDB.All() {
		wanted = append(wanted, phparray.String(v))
	}
	db := envphp.Database(in)
	env, err := envPHP(k).Read()
	if err != nil {
		return err
	}
	enabled := enabledParts(env)
	if missing := wantedWithout(wanted, db); len(missing) > 0 {
		k.Log.Warn(codeSplitNoLink, "Enabling a split database will be skipped. Relationship do not have configuration for next types: "+strings.Join(missing, ", "))
		return nil
	}
	if gone := without(enabled, wanted); len(gone) > 0 {
		k.Log.Warn(codeSplitGone, "The SPLIT_DB variable is missing the configuration for split connection types: "+strings.Join(gone, ", "))
		return nil
	}
	for _, name := range without(wanted, enabled) {
		if err := split(ctx, k, name, db); err != nil {
			return err
		}
	}
	if !in.Variables.DatabaseSlaves {
		return nil
	}
	return splitSlaves(k, db)
}

// enabledParts returns the parts that env.php has connections for.
func enabledParts(env *phparray.Array) []string {
	var names []string
	for _, p := range parts() {
		if env.Has("db", "connection", p.connection) {
			names = append(names, p.name)
		}
	}
	return names
}

// wantedWithout returns the wanted parts that have no connection.
func wantedWithout(wanted []string, db *phparray.Array) []string {
	var names []string
	for _, p := range parts() {
		if slices.Contains(wanted, p.name) && !db.Has("connection", p.connection) {
			names = append(names, p.name)
		}
	}
	return names
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(some, name) })
}

// split moves one part; bin/magento writes the connection into env.php.
func split(ctx context.Context, k *kit.Kit, name string, db *phparray.Array) error {
	i := slices.IndexFunc(parts(), func(p part) bool { return p.name == name })
	if i < 0 {
		return fmt.Errorf("SPLIT_DB has no part %q; it may be quote or sales", name)
	}
	to := db.Sub("connection", parts()[i].connection)
	_, err := k.Magento(ctx, "setup:db-schema:split-"+name,
		"--host="+to.Text("host"), "--dbname="+to.Text("dbname"), "--username="+to.Text("username"), "--password="+to.Text("password"))
	if err != nil {
		return fault.Wrap(codeSplit, err)
	}
	k.Log.Infof("%s tables were split to DB %s in %s", strings.ToUpper(name[:1])+name[1:], to.Text("dbname"), to.Text("host"))
	return runUpgrade(ctx, k, codeSplit)
}

// splitSlaves gives split connections their slaves.
func splitSlaves(k *kit.Kit, db *phparray.Array) error {
	var lines []func()
	err := envPHP(k).Edit(func(env *phparray.Array) *phparray.Array {
		for _, name := range envphp.SplitConnections(env) {
			slave := db.Sub("slave_connection", name)
			if slave == nil {
				lines = append(lines, func() {
					k.Log.Warn(codeSplitSlave, fmt.Sprintf("Slave connection for '%s' connection not set. The `relationships` configuration in the .magento.app.yaml file is missing the configuration for this slave connection", name))
				})
				continue
			}
			env.SetAt(slave.Clone(), "db", "slave_connection", name)
			lines = append(lines, func() { k.Log.Infof("Slave connection for '%s' connection was set", name) })
		}
		return env
	})
	if err != nil {
		return &fault.Fault{Code: codeEnvPHP, Message: "Cannot write slave connection(s) to the `./app/etc/env.php`", Err: err}
	}
	for _, log := range lines {
		log()
	}
	return nil
}
