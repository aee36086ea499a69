package deploy

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// DatabaseCommand is a dump of a database that an application is connected to, or SQL for it.
type DatabaseCommand struct {
	Command // Argv is not used

	Relationship string // empty: the application's only one to a database
	Schema       string // empty: the relationship's own
	Dump         *DatabaseDump
	Query        string // of SQL; empty: what Stdin says
	Raw          bool   // print values only
}

// DatabaseDump says what a dump holds; a zero one holds everything.
type DatabaseDump struct {
	Tables     []string // these only
	Exclude    []string
	SchemaOnly bool
	Charset    string // empty: utf8mb4
}

// Database carries out a command and returns its exit status.
//
// A dump runs in the service's container: its program is of the server's version, and its
// arguments are all ours. SQL runs in the application's, where people may run commands anyway:
// the client runs commands of the shell and reads files when it is asked to.
func (s *Service) Database(ctx context.Context, c DatabaseCommand) (int, error) {
	env, current, err := s.serving(ctx, c.Project, c.Environment)
	if err != nil {
		return 0, err
	}
	app, err := choose(current.stored.Spec.Apps, c.App)
	if err != nil {
		return 0, err
	}
	raw, err := relationshipsOf(app.Env)
	if err != nil {
		return 0, err
	}
	db, err := chooseDatabase(raw, c.Relationship)
	if err != nil {
		return 0, err
	}
	schema := cmp.Or(c.Schema, db.path())
	if schema == "" && c.Dump != nil {
		return 0, platform.Errorf(platform.CodeInvalid, "the relationship %q has no schema of its own; nothing was dumped", db.relationship).
			WithHint("choose one with --schema")
	}
	req := engine.ExecRequest{
		Environment: env.ID(), Env: map[string]string{"MYSQL_PWD": db.password()},
		TTY: c.TTY, Sizes: c.Sizes, Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr,
	}
	if c.Dump != nil {
		req.Container, req.Command, req.Stdin = db.Service, db.dump(schema, *c.Dump), nil
	} else {
		req.Container, req.Release, req.Command = app.Name, current.release.ID, db.sql(schema, c)
	}
	if c.Query != "" { // not an argument: it may hold passwords
		req.Stdin, req.TTY, req.Sizes = strings.NewReader(c.Query), false, nil
	}
	return s.execute(ctx, env, req)
}

// database is an endpoint that speaks the MySQL protocol.
type database struct {
	topology.Endpoint

	relationship string
}

func (d database) path() string     { return deref(d.Path) }
func (d database) password() string { return deref(d.Password) }

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// chooseDatabase finds a database among relationships as Service.Relationships returns them.
func chooseDatabase(raw json.RawMessage, name string) (database, error) {
	var all map[string][]topology.Endpoint
	if err := json.Unmarshal(raw, &all); err != nil {
		return database{}, platform.Errorf(platform.CodeInternal, "decode the relationships: %v", err)
	}
	var found []database
	var names []string
	for _, rel := range slices.Sorted(maps.Keys(all)) {
		for _, e := range all[rel] {
			if e.Scheme == "mysql" {
				found, names = append(found, database{e, rel}), append(names, rel)
			}
		}
	}
	switch i := slices.Index(names, name); {
	case i >= 0:
		return found[i], nil
	case len(found) == 0:
		return database{}, platform.Errorf(platform.CodeNotFound, "the application has no relationship to a database")
	case name != "":
		return database{}, platform.Errorf(platform.CodeNotFound, "the application has no relationship %q to a database", name).
			WithHint("its databases are %s", strings.Join(names, ", "))
	case len(found) > 1:
		return database{}, platform.Errorf(platform.CodeInvalid, "the application has several databases").
			WithHint("choose one with --relationship: %s", strings.Join(names, ", "))
	}
	return found[0], nil
}

// program runs the first of two programs that is there. What people chose is only in the
// arguments.
func program(preferred, earlier string, args ...string) []string {
	line := `command -v ` + preferred + ` >/dev/null && exec ` + preferred + ` "$@"; exec ` + earlier + ` "$@"`
	return append([]string{"/bin/sh", "-c", line, "sh", "--no-defaults"}, args...)
}

func (d database) login(host string) []string {
	return []string{"--protocol=tcp", "--host=" + host, "--port=" + strconv.Itoa(d.Port), "--user=" + deref(d.Username)}
}

// dump returns the command that writes a dump. Rows may be as large as the server allows.
func (d database) dump(schema string, o DatabaseDump) []string {
	args := append(d.login("127.0.0.1"), "--single-transaction", "--no-tablespaces", "--max-allowed-packet=1G",
		"--default-character-set="+cmp.Or(o.Charset, "utf8mb4"))
	if o.SchemaOnly {
		args = append(args, "--no-data")
	}
	for _, table := range o.Exclude {
		args = append(args, "--ignore-table="+schema+"."+table)
	}
	args = append(args, "--", schema)
	return program("mariadb-dump", "mysqldump", append(args, o.Tables...)...)
}

// sql returns the command that runs SQL.
func (d database) sql(schema string, c DatabaseCommand) []string {
	args := append(d.login(d.Host), "--no-auto-rehash", "--default-character-set=utf8mb4", "--max-allowed-packet=1G")
	switch {
	case c.Raw:
		args = append(args, "--batch", "--raw")
	case c.Query != "":
		args = append(args, "--table")
	}
	if schema != "" {
		args = append(args, "--database="+schema)
	}
	return program("mariadb", "mysql", args...)
}
