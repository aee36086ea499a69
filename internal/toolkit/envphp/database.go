package envphp

import (
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/services"
)

// connection is one of Magento's database connections and the relationships behind it.
type connection struct {
	name, main, slave string
	split             bool // it is a database beside the main one
	resource          string
}

// connections returns Magento's connections, in the order of env.php.
func connections() []connection {
	return []connection{
		{"default", services.Database, services.DatabaseSlave, false, "default_setup"},
		{"indexer", services.Database, "", false, ""},
		{"checkout", services.DatabaseQuote, services.DatabaseQuoteSlave, true, "checkout"},
		{"sales", services.DatabaseSales, services.DatabaseSalesSlave, true, "sales"},
	}
}

// isSplit reports whether a connection or resource belongs to a split database.
func isSplit(name string) bool { return name == "checkout" || name == "sales" }

func notSplit(name string) bool { return !isSplit(name) }

// Database makes the db section with every connection that could be used: from the
// relationships, and from DATABASE_CONFIGURATION but for connections of split databases.
func Database(in Input) *phparray.Array {
	custom := customDatabase(in)
	generated := phparray.New()
	for _, c := range connections() {
		e := services.Find(in.Relationships, c.main)
		if e.Host() == "" {
			continue
		}
		generated.SetAt(connectionOf(e, c.split), "connection", c.name)
	}
	for _, c := range connections() {
		e := services.Find(in.Relationships, c.slave)
		if c.slave == "" || e.Host() == "" || changedConnection(generated, custom, c.name) {
			continue
		}
		slave := connectionOf(e, true)
		slave.Set("synchronous_replication", true)
		generated.SetAt(slave, "slave_connection", c.name)
	}
	return phparray.Merge(generated, custom)
}

// customDatabase is DATABASE_CONFIGURATION without the connections of split databases.
func customDatabase(in Input) *phparray.Array {
	custom := in.Variables.Database.Clone()
	for _, kind := range []string{"connection", "slave_connection"} {
		given := custom.Sub(kind)
		kept := given.Only(notSplit)
		switch {
		case kept.Len() == given.Len():
		case kept.Len() == 0:
			custom.Unset(kind) // nothing of it counts; it must not replace what is generated
		default:
			custom.Set(kind, kept)
		}
	}
	return custom
}

// connectionOf makes a connection. A port other than the usual one is part of the host.
func connectionOf(e services.Endpoint, extended bool) *phparray.Array {
	host := e.Host()
	if port := e.Text("port"); port != "" && port != "3306" {
		host += ":" + port
	}
	c := phparray.Map("host", host, "username", e.Text("username"), "dbname", e.Text("path"), "password", e.Text("password"))
	if extended {
		c = phparray.Replace(c, phparray.Map("model", "mysql4", "engine", "innodb", "initStatements", "SET NAMES utf8;", "active", "1"))
	}
	return c
}

// changedConnection reports whether the project's configuration names another host or
// database for a connection than the relationship.
func changedConnection(generated, custom *phparray.Array, name string) bool {
	for _, field := range []string{"host", "dbname"} {
		own := custom.Get("connection", name, field)
		if own != nil && !phparray.Same(own, generated.Get("connection", name, field)) {
			return true
		}
	}
	return false
}

// Resources makes the resource section with every connection that could be used.
func Resources(in Input) *phparray.Array {
	db, generated := Database(in), phparray.New()
	for _, c := range connections() {
		if c.resource != "" && db.Has("connection", c.name) {
			generated.Set(c.resource, phparray.Map("connection", c.name))
		}
	}
	return phparray.Merge(generated, in.Variables.Resource.Only(notSplit))
}

// SplitConnections returns the names of the connections of split databases in the db
// section of env.php, checkout before sales.
func SplitConnections(env *phparray.Array) []string {
	var out []string
	for _, c := range connections() {
		if c.split && env.Has("db", "connection", c.name) {
			out = append(out, c.name)
		}
	}
	return out
}

// withSlaves puts the wanted slave connections into a db section: those that are not split,
// when the project asks for them and there are any.
func withSlaves(db *phparray.Array, in Input) *phparray.Array {
	slaves := db.Sub("slave_connection").Only(notSplit)
	if !in.Variables.DatabaseSlaves || slaves.Len() == 0 {
		db.Unset("slave_connection")
		return db
	}
	db.Set("slave_connection", slaves)
	return db
}

// slaveNotes say what became of the wanted slave of the main connection.
func slaveNotes(in Input, db *phparray.Array) []Note {
	custom := customDatabase(in)
	main := services.Find(in.Relationships, services.Database)
	if !in.Variables.DatabaseSlaves || main.Host() == "" || !phparray.IsBlank(custom) && !phparray.MergeRequired(custom) {
		return nil
	}
	generated := phparray.New()
	generated.SetAt(connectionOf(main, false), "connection", "default")
	switch {
	case changedConnection(generated, custom, "default"):
		return []Note{warning(2022, "You have changed db configuration that not compatible with default slave connection.")}
	case db.Has("slave_connection", "default"):
		return []Note{info("Set DB slave connection for default connection.")}
	}
	return []Note{notice("Enabling of the variable MYSQL_USE_SLAVE_CONNECTION had no effect for default connection, because default slave connection is not configured on your environment.")}
}
