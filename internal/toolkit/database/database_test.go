package database

import (
	"errors"
	"strings"
	"testing"

	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/phparray"
)

func TestAddress(t *testing.T) {
	for host, want := range map[string]string{
		"db.internal":             "tcp db.internal:3306",
		"db.internal:3307":        "tcp db.internal:3307",
		"/run/mysqld/mysqld.sock": "unix /run/mysqld/mysqld.sock",
		"10.0.0.1":                "tcp 10.0.0.1:3306",
		"[fd00::1]:3307":          "tcp [fd00::1]:3307",
		"fd00::1":                 "tcp [fd00::1]:3306",
	} {
		network, address := Address(host)
		if got := network + " " + address; got != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
}

func TestDriverConfig(t *testing.T) {
	c, err := driverConfig(phparray.Map("host", "db:3307", "dbname", "main", "username", "u", "password", "p@:/w"))
	if err != nil || c.Addr != "db:3307" || c.DBName != "main" || c.User != "u" || c.Passwd != "p@:/w" || c.TLS != nil {
		t.Errorf("%+v, %v", c, err)
	}
	for name, options := range map[string]*phparray.Array{
		"no file":        phparray.Map("1009", t.TempDir()+"/none.pem"),
		"no certificate": phparray.Map("1009", "database_test.go"),
		"no key":         phparray.Map("1008", "database_test.go"),
	} {
		if _, err := driverConfig(phparray.Map("host", "db", "dbname", "main", "driver_options", options)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func pool(t *testing.T, section *phparray.Array, err error) *Pool {
	t.Helper()
	p := New(func() (*phparray.Array, error) { return section, err }, journal.New(journal.Options{}))
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func TestOpenFails(t *testing.T) {
	unset := errors.New("Config DATABASE_CONFIGURATION was not defined.")
	refused := phparray.Map("connection", phparray.Map("default", phparray.Map("host", "127.0.0.1:1", "dbname", "main", "username", "u", "password", "geheim"), "empty", phparray.Map("host", "")))
	for _, c := range []struct {
		name string
		pool *Pool
		want string
	}{
		{"default", pool(t, nil, unset), "Config DATABASE_CONFIGURATION was not defined."},
		{"checkout", pool(t, refused, nil), "Connection with type checkout does not exist"},
		{"empty", pool(t, refused, nil), "the database connection empty: it has no host or dbname"},
		{"default", pool(t, refused, nil), "connect to the database default at 127.0.0.1:1: "},
	} {
		_, err := c.pool.Open(t.Context(), c.name)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}
