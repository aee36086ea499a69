package envphp

import (
	"strings"

	"sluice/internal/toolkit/phparray"
)

// PutDatabase returns env.php with its db and resource sections brought up to date. split is
// true when the file stays as it is because split databases were configured by hand, which
// later steps must know.
func PutDatabase(in Input, env *phparray.Array) (after *phparray.Array, split bool, notes []Note) {
	wanted := Database(in)
	if wanted.Sub("connection").Len() == 0 {
		return env, false, []Note{notice("Database relationship configuration does not exist and database is not configured through .magento.env.yaml or env variable. Will be applied the previous database configuration.")}
	}
	notes = []Note{info("Updating env.php DB connection configuration.")}
	enabled := SplitConnections(env)
	var foreign []string
	for _, name := range enabled {
		// One without a relationship is left over from another environment, and nothing custom.
		if wanted.Has("connection", name) && !phparray.Same(env.Get("db", "connection", name, "host"), wanted.Get("connection", name, "host")) {
			foreign = append(foreign, name)
		}
	}
	if len(foreign) > 0 {
		return env, true, append(notes, warning(2021, "For split databases used custom connections: "+strings.Join(foreign, ", ")))
	}
	all := wanted.Sub("connection")
	kept := all.Only(notSplit)
	for key, v := range env.Sub("db", "connection").All() {
		if isSplit(key.String()) {
			kept.Put(key, v)
		}
	}
	db := wanted.Clone()
	db.Set("connection", kept)
	db = withSlaves(db, in)
	after = env.Clone()
	after.Set("db", db)
	if len(enabled) == 0 {
		after.Set("resource", Resources(in).Only(notSplit))
	}
	return after, false, append(notes, slaveNotes(in, wanted)...)
}

// DropForeignSplit removes the traces of a split installation from env.php when the main
// database is another one now: split databases belong to one main database. ok is false
// when there is nothing to remove.
func DropForeignSplit(in Input, env *phparray.Array) (after *phparray.Array, ok bool, notes []Note) {
	if len(SplitConnections(env)) == 0 || phparray.Same(env.Get("db", "connection", "default", "host"), Database(in).Get("connection", "default", "host")) {
		return env, false, nil
	}
	after = env.Clone()
	for _, key := range []string{"install", "db", "resource"} {
		after.Unset(key)
	}
	return after, true, []Note{notice("Previous split DB connection will be lost as new custom main connection was set")}
}
