package acceptance

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/toolkit/database/databasetest"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
)

// databases are those of one script: all its connections are one database in memory, which
// has tables from the moment that the fake Magento has installed itself.
type databases struct {
	tb     testing.TB
	fake   *databasetest.Fake
	marker string
	made   bool
}

func newDatabases(tb testing.TB, dir string) *databases {
	tb.Helper()
	return &databases{tb: tb, fake: databasetest.New(tb), marker: filepath.Join(dir, installed)}
}

// Open returns the database (kit.Databases).
func (d *databases) Open(context.Context, string) (kit.Database, error) {
	return d, d.grow() //nolint:contextcheck // the tables are of the script, not of the command
}

// reset drops the tables.
func (d *databases) reset() error {
	if !d.made {
		return nil
	}
	d.made = false
	var drop []string
	for _, t := range []string{"core_config_data", "setup_module", "admin_user", "store", "flag", "cron_schedule"} {
		drop = append(drop, "DROP TABLE "+d.fake.Table(t))
	}
	return d.must(strings.Join(drop, ";"))
}

// grow makes the tables when Magento was installed since.
func (d *databases) grow() error {
	base, err := os.ReadFile(d.marker)
	if d.made || os.IsNotExist(err) {
		return nil
	}
	d.made = true
	all := tables + fmt.Sprintf(`
INSERT INTO core_config_data (scope_id, path, value) VALUES (0, 'web/unsecure/base_url', '%[1]s'), (0, 'web/secure/base_url', '%[1]s');`, base)
	return d.must(strings.NewReplacer("TABLE ", "TABLE "+d.fake.Prefix, "INTO ", "INTO "+d.fake.Prefix).Replace(all))
}

const tables = `
CREATE TABLE core_config_data (config_id INTEGER PRIMARY KEY, scope_id INTEGER, path TEXT, value TEXT);
CREATE TABLE setup_module (module TEXT);
CREATE TABLE admin_user (interface_locale TEXT);
CREATE TABLE store (store_id INTEGER, code TEXT);
CREATE TABLE flag (flag_id INTEGER PRIMARY KEY, flag_code TEXT, state INTEGER, flag_data TEXT);
CREATE TABLE cron_schedule (schedule_id INTEGER PRIMARY KEY, job_code TEXT, status TEXT, messages TEXT);
INSERT INTO admin_user VALUES ('en_US'), ('fr_FR');`

func (d *databases) must(statements string) error {
	for s := range strings.SplitSeq(statements, ";") {
		if strings.TrimSpace(s) == "" {
			continue
		}
		if _, err := d.fake.Exec(context.Background(), s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

func (d *databases) print(w io.Writer, query string) error {
	rows, err := d.fake.Rows(context.Background(), query)
	for _, row := range rows {
		for _, v := range row.All() {
			_, _ = fmt.Fprint(w, phparray.String(v), " ")
		}
		_, _ = fmt.Fprintln(w)
	}
	return err
}

// Rows runs a query; the schema of the fake's engine has another name.
func (d *databases) Rows(ctx context.Context, query string, args ...any) ([]*phparray.Array, error) {
	query = strings.Replace(query, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?", "SELECT name AS table_name FROM sqlite_master WHERE name = ?", 1)
	return d.fake.Rows(ctx, query, args...)
}

// Exec runs a statement.
func (d *databases) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	return d.fake.Exec(ctx, statement, args...)
}

// Table returns the name of a table.
func (d *databases) Table(name string) string { return d.fake.Table(name) }
