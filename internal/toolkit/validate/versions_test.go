package validate_test

import (
	"context"
	"errors"
	"testing"

	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/toolkittest"
	"sluice/internal/toolkit/validate"
)

// answers is a database that answers queries by their text.
type answers map[string][]*phparray.Array

func (a answers) Rows(_ context.Context, query string, _ ...any) ([]*phparray.Array, error) {
	rows, ok := a[query]
	if !ok {
		return nil, errors.New("unexpected query: " + query)
	}
	return rows, nil
}

func (answers) Exec(context.Context, string, ...any) (int64, error) {
	return 0, errors.New("a validator wrote to the database")
}

func (answers) Table(name string) string { return name }

func TestTheDatabaseSaysWhatItIs(t *testing.T) {
	row := func(name, value string) *phparray.Array { return phparray.Map("Variable_name", name, "Value", value) }
	for want, rows := range map[string][]*phparray.Array{
		"mariadb": {row("version", "10.6.19-MariaDB-log")},
		"mysql":   {row("version", "8.0.30"), row("version_comment", "Source distribution")},
		"aurora":  {row("version", "5.7.12"), row("aurora_version", "2.04.0")},
	} {
		w := toolkittest.New(t, "")
		w.Kit.Platform.Relationships = phparray.Map("database", one("host", "database.internal", "type", "mysql:10.6"))
		w.Databases["default"] = answers{
			`SHOW VARIABLES LIKE "%version%"`: rows,
			"SELECT VERSION()":                {phparray.Map("VERSION()", rows[0].Text("Value"))},
		}
		got, err := validate.Environment{}.Database(t.Context(), w.Kit)
		if err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
		if version, err := (validate.Environment{}).Version(t.Context(), w.Kit, want); err != nil || len(version) != len("10.6") && len(version) != len("8.0") {
			t.Errorf("version %q, %v", version, err)
		}
	}
}

func TestAnEnvironmentWithoutServices(t *testing.T) {
	w := toolkittest.New(t, "")
	w.Shell.Print("php -r", "8.2.7")
	e := validate.Environment{}
	if got, err := e.Database(t.Context(), w.Kit); got != "" || err != nil {
		t.Errorf("database %q, %v", got, err)
	}
	for service, want := range map[string]string{"php": "8.2.7", "redis": "0", "valkey": "0", "redis-session": "0", "rabbitmq": "0", "elasticsearch": "0", "opensearch": "0"} {
		if got, err := e.Version(t.Context(), w.Kit, service); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", service, got, err, want)
		}
	}
}
