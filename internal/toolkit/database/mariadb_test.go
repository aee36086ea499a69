package database_test

import (
	"bytes"
	"strings"
	"testing"

	"sluice/internal/toolkit/database"
	"sluice/internal/toolkit/database/databasetest"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
)

// TestMariaDB runs the suite against a server of the catalog in a container of its own.
func TestMariaDB(t *testing.T) {
	host := databasetest.StartMariaDB(t)
	var log bytes.Buffer
	section := phparray.Map("table_prefix", "suite_", "connection", phparray.Map("default", phparray.Map("host", host, "dbname", "main", "username", "user", "password", "geheim")))
	p := database.New(
		func() (*phparray.Array, error) { return section, nil },
		journal.New(journal.Options{}, journal.Sink{Handler: journal.Lines(&log), Min: fault.Debug}),
	)
	t.Cleanup(func() { _ = p.Close() })
	databasetest.Run(t, func(t *testing.T) kit.Database {
		t.Helper()
		db, err := p.Open(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		return db
	})
	if text := log.String(); !strings.Contains(text, "DEBUG: Query: SHOW TABLES") || !strings.Contains(text, `DEBUG: Query bindings: ["web/unsecure/base_url"`) || strings.Contains(text, "geheim") {
		t.Errorf("log:\n%s", text)
	}
	section.SetAt("falsch", "connection", "other", "password")
	for key, v := range map[string]string{"host": host, "dbname": "main", "username": "user"} {
		section.SetAt(v, "connection", "other", key)
	}
	if _, err := p.Open(t.Context(), "other"); err == nil || strings.Contains(err.Error(), "falsch") || !strings.Contains(err.Error(), "Access denied") {
		t.Errorf("a wrong password: %v", err)
	}
}
