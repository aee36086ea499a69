package deploy_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"sluice/internal/deploy"
	"sluice/internal/engine"
	"sluice/internal/platform"
)

// databaseShop has two relationships to one database, one of which may only read.
var databaseShop = map[string]string{
	".magento.app.yaml": "name: mymagento\ntype: php:8.2\ndisk: 128\nrelationships: { database: 'mysql:admin', report: 'mysql:reader' }\n" +
		"web: { locations: { '/': { root: web } } }\n",
	".magento/services.yaml": "mysql:\n  type: mysql:10.11\n  disk: 256\n  configuration:\n    schemas: [main, other]\n    endpoints:\n" +
		"      admin: { default_schema: main, privileges: { main: admin, other: admin } }\n      reader: { privileges: { main: ro } }\n",
	".magento/routes.yaml": "'http://{default}/': { type: upstream, upstream: 'mymagento:http' }\n",
	"web/index.html":       "hello",
}

func TestDatabaseCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	log, a := w.push(databaseShop)
	if a.Result != platform.ResultSuccess {
		t.Fatalf("push:\n%s", log)
	}
	var got engine.ExecRequest
	w.engine.OnExec(func(_ context.Context, req engine.ExecRequest) (int, error) {
		got = req
		if req.Stdin != nil {
			data, err := io.ReadAll(req.Stdin)
			got.Dir = string(data)
			return 3, err
		}
		return 3, nil
	})
	s := w.service(nil)
	run := func(c deploy.DatabaseCommand) error {
		t.Helper()
		got = engine.ExecRequest{}
		c.Project, c.Environment = "shop", "main"
		code, err := s.Database(t.Context(), c)
		if err == nil && code != 3 {
			t.Errorf("status = %d, want that of the command", code)
		}
		return err
	}

	dump := &deploy.DatabaseDump{Tables: []string{"--tab=/tmp"}, Exclude: []string{"cache"}, SchemaOnly: true}
	if err := run(deploy.DatabaseCommand{Relationship: "database", Dump: dump, Command: deploy.Command{Stdin: strings.NewReader("x")}}); err != nil {
		t.Fatal(err)
	}
	line := strings.Join(got.Command, " ")
	if got.Container != "mysql" || got.Release != "" || got.Stdin != nil {
		t.Errorf("a dump ran in %q of release %q", got.Container, got.Release)
	}
	for _, want := range []string{"--user=admin", "--single-transaction", "--no-data", "--ignore-table=main.cache", "-- main --tab=/tmp"} {
		if !strings.Contains(line, want) {
			t.Errorf("dump = %s, want %s in it", line, want)
		}
	}
	password := got.Env["MYSQL_PWD"]
	if password == "" || strings.Contains(line, password) {
		t.Errorf("the password %q is empty or an argument", password)
	}

	if err := run(deploy.DatabaseCommand{Relationship: "report", Schema: "main", Query: "SELECT 'secret'", Raw: true}); err != nil {
		t.Fatal(err)
	}
	line = strings.Join(got.Command, " ")
	if got.Container != "mymagento" || got.Release == "" || got.Dir != "SELECT 'secret'" || strings.Contains(line, "secret") {
		t.Errorf("SQL ran in %q with %q and the input %q", got.Container, line, got.Dir)
	}
	if !slices.Contains(got.Command, "--host=report.internal") || !slices.Contains(got.Command, "--user=reader") || !slices.Contains(got.Command, "--raw") {
		t.Errorf("SQL = %s", line)
	}
}

func TestDatabaseRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if log, a := w.push(databaseShop); a.Result != platform.ResultSuccess {
		t.Fatalf("push:\n%s", log)
	}
	for _, c := range []struct {
		name string
		cmd  deploy.DatabaseCommand
		want string
	}{
		{"several", deploy.DatabaseCommand{}, "the application has several databases"},
		{"unknown", deploy.DatabaseCommand{Relationship: "cache"}, `the application has no relationship "cache" to a database`},
		{"no schema", deploy.DatabaseCommand{Relationship: "report", Dump: &deploy.DatabaseDump{}}, `the relationship "report" has no schema of its own; nothing was dumped`},
		{"no app", deploy.DatabaseCommand{Command: deploy.Command{App: "x"}}, `application "x" not found`},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cmd.Project, c.cmd.Environment = "shop", "main"
			if _, err := w.service(nil).Database(t.Context(), c.cmd); err == nil || err.Error() != c.want {
				t.Errorf("error = %v, want %q", err, c.want)
			}
		})
	}
}
