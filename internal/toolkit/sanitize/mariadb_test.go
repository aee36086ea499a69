package sanitize

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // the tests' own connection
	"github.com/google/go-cmp/cmp"

	"sluice/internal/toolkit/database"
	"sluice/internal/toolkit/database/databasetest"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/toolkittest"
)

// server is a MariaDB with a shop in it.
type server struct {
	host string
	db   *sql.DB
}

// load replaces the database: the tables of shop.sql with the data of data.sql, without a
// prefix, and what else a test has.
func (s server) load(t *testing.T, more ...string) {
	t.Helper()
	statements := append(strings.Split(fixture(t, "shop.sql")+fixture(t, "data.sql"), ";\n"), more...)
	all := append([]string{"DROP DATABASE main", "CREATE DATABASE main", "USE main", "SET foreign_key_checks = 0", "SET timestamp = 1600000000"}, statements...)
	conn := must(s.db.Conn(t.Context()))
	defer conn.Close() //nolint:errcheck // a test's connection
	for _, statement := range all {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	// As in a copy of files, all rows are on the disk.
	tables := strings.Join(s.column(t, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' AND table_type = 'BASE TABLE'"), ", ")
	for _, statement := range []string{"SET foreign_key_checks = 1, timestamp = DEFAULT", "FLUSH TABLES " + tables + " FOR EXPORT", "UNLOCK TABLES"} {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// dump returns every row of every table as text, by table, without times that are now.
func (s server) dump(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range s.column(t, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' AND table_type = 'BASE TABLE' ORDER BY 1") {
		columns := s.column(t, "SELECT CONCAT('COALESCE(`', column_name, '`, \"NULL\")') FROM information_schema.columns WHERE table_schema = 'main' AND table_name = '"+name+"' AND NOT (table_name IN ('core_config_data', 'flag') AND extra LIKE '%on update%') ORDER BY ordinal_position")
		out[name] = strings.Join(s.column(t, "SELECT CONCAT_WS(' | ', "+strings.Join(columns, ", ")+") FROM `"+name+"` ORDER BY 1"), "\n")
	}
	return out
}

func (s server) column(t *testing.T, query string) []string {
	t.Helper()
	rows, err := s.db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close() //nolint:errcheck // a test's query
	var out []string
	for rows.Next() {
		var v sql.NullString
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v.String)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func (s server) one(t *testing.T, query string) string {
	t.Helper()
	return strings.Join(s.column(t, query), ",")
}

// answers compares what queries return.
func (s server) answers(t *testing.T, wanted map[string]string) {
	t.Helper()
	for query, want := range wanted {
		if got := s.one(t, query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

// shop is a World of an environment whose database is the server, and its databases.
func (s server) shop(t *testing.T, files string) (*toolkittest.World, []Database) {
	t.Helper()
	w := toolkittest.New(t, "-- app/etc/env.php --\n<?php return ['crypt' => ['key' => 'productionkey'], 'db' => ['table_prefix' => '']];\n"+
		"-- app/etc/env.php.bak --\n<?php return ['crypt' => ['key' => 'productionkey']];\n-- pub/media/customer/c/a/canary.jpg --\nx\n-- pub/media/catalog/product/a.jpg --\nx\n-- var/log/system.log --\ncanary\n-- var/dump.sql.gz --\nx\n"+files)
	host, port, _ := net.SplitHostPort(s.host)
	w.Kit.Platform.Type = "development"
	w.Kit.Platform.Relationships.SetAt(host, "database", "0", "host")
	w.Kit.Platform.Relationships.SetAt(port, "database", "0", "port")
	section := phparray.Map("connection", phparray.Map("default", phparray.Map("host", s.host, "dbname", "main", "username", "user", "password", "geheim")))
	pool := database.New(func() (*phparray.Array, error) { return section, nil }, w.Kit.Log)
	t.Cleanup(func() { _ = pool.Close() })
	return w, []Database{{Connection: "default", Host: s.host, Open: func(ctx context.Context) (Session, error) { return pool.Session(ctx, "default") }}}
}

// TestMariaDB sanitises a shop on a real server.
func TestMariaDB(t *testing.T) {
	host := databasetest.StartMariaDB(t)
	db := must(sql.Open("mysql", "user:geheim@tcp("+host+")/main?multiStatements=false"))
	t.Cleanup(func() { _ = db.Close() })
	s := server{host, db}
	t.Run("everything", s.everything)
	t.Run("kept", s.kept)
	t.Run("configuration only", s.configurationOnly)
	t.Run("strip", s.strip)
	t.Run("seeds", s.seeds)
	t.Run("interrupted", s.interrupted)
	t.Run("key lost", s.keyLost)
	t.Run("refusals", s.refusals)
	t.Run("large", s.large)
}

const (
	exportTable   = "CREATE TABLE export_cl (version_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, entity_id int unsigned NOT NULL)"
	exportTrigger = "CREATE TRIGGER export_orders AFTER UPDATE ON sales_order FOR EACH ROW INSERT INTO export_cl (entity_id) VALUES (NEW.entity_id)"
)

func (s server) everything(t *testing.T) {
	s.load(t, exportTable, exportTrigger, "CREATE VIEW inventory_stock_1 AS SELECT entity_id, customer_email FROM sales_order")
	before := s.dump(t)
	w, databases := s.shop(t, "")
	w.Kit.Platform.Variables.Set("ADMIN_EMAIL", "me@agency.example")
	w.Kit.Platform.Variables.Set("ADMIN_PASSWORD", "s3cretpassword")
	if err := Run(t.Context(), w.Kit, databases, Options{Mode: ModeFull, rangeRows: 2, atOnce: 1}); err != nil {
		t.Fatalf("%v\n%s", err, w.Log())
	}
	after := s.dump(t)
	for name, text := range after {
		for line := range strings.Lines(strings.ToLower(text)) {
			if strings.Contains(line, "canary") && !strings.HasPrefix(line, "8 | default | 0 | customer/captcha") && !strings.Contains(line, "newsletter/api_key") {
				t.Errorf("%s still has %s", name, line)
			}
		}
	}
	s.answers(t, map[string]string{
		"SELECT COUNT(*) FROM customer_entity":                   "3",
		"SELECT COUNT(DISTINCT email) FROM customer_entity":      "2", // one person in two websites
		"SELECT COUNT(DISTINCT customer_email) FROM sales_order": "2", // the guest is one person
		"SELECT COUNT(*) FROM sales_order o JOIN customer_entity c ON c.email = o.customer_email AND c.entity_id = o.customer_id":              "1",
		"SELECT COUNT(*) FROM newsletter_subscriber n JOIN customer_entity c ON c.email = n.subscriber_email AND c.entity_id = n.customer_id":  "1",
		"SELECT COUNT(*) FROM newsletter_subscriber n JOIN sales_order o ON o.customer_email = n.subscriber_email WHERE o.customer_id IS NULL": "2",
		"SELECT COUNT(*) FROM sales_order_grid g JOIN sales_order o USING (entity_id) WHERE g.customer_email = o.customer_email":               "3",
		"SELECT SUM(grand_total) FROM sales_order":                                  "50.5000",
		"SELECT COUNT(*) FROM sales_order WHERE updated_at = '2020-01-02 03:04:05'": "3",
		"SELECT COUNT(*) FROM customer_entity WHERE password_hash IS NULL":          "3",
		"SELECT COUNT(*) FROM quote_item":                                           "0",
		"SELECT value FROM customer_entity_varchar WHERE attribute_id = 202":        "17",
		"SELECT detail FROM review_detail WHERE review_id = 1":                      "Approved by the shop",
		"SELECT query_text FROM search_query":                                       "lamp",
		"SELECT code FROM salesrule_coupon WHERE type = 0":                          "SUMMER",
		"SELECT method_title FROM (SELECT JSON_VALUE(additional_information, '$.method_title') AS method_title FROM sales_order_payment WHERE entity_id = 1) x": "PayPal",
		"SELECT COALESCE(additional_information, 'none') FROM sales_order_payment WHERE entity_id = 2":                                                          "none",
		"SELECT JSON_VALUE(product_options, '$.options[1].value') FROM sales_order_item":                                                                        "Red",
		"SELECT JSON_VALUE(product_options, '$.options[0].label') FROM sales_order_item":                                                                        "Engraving",
		"SELECT JSON_VALUE(product_options, '$.info_buyRequest.qty') FROM sales_order_item":                                                                     "2",
		"SELECT COUNT(*) FROM sales_payment_transaction a JOIN sales_payment_transaction b ON a.txn_id = b.parent_txn_id":                                       "1",
		"SELECT LEFT(postcode, 2) FROM sales_order_address WHERE entity_id = 3":                                                                                 "SW",
		"SELECT postcode REGEXP '^SW[0-9][A-Z] [0-9][A-Z]{2}$' FROM sales_order_address WHERE entity_id = 3":                                                    "1",
		"SELECT postcode REGEXP '^10[0-9]{2} [A-Z]{2}$' FROM sales_order_address WHERE entity_id = 4":                                                           "1",
		"SELECT YEAR(dob) FROM customer_entity WHERE entity_id = 1":                                                                                             "1977",
		"SELECT prefix FROM sales_sequence_profile":                                                                                                             "FR",
		"SELECT GROUP_CONCAT(is_active ORDER BY user_id) FROM admin_user":                                                                                       "0,0,1",
		"SELECT COUNT(*) FROM admin_user WHERE password = '*'":                                                                                                  "2",
		"SELECT parent_id FROM authorization_role WHERE role_name = 'admin'":                                                                                    "1",
		"SELECT role_name FROM authorization_role WHERE role_id = 1":                                                                                            "Administrators",
		"SELECT COUNT(*) FROM integration WHERE consumer_id IS NULL AND status = 0":                                                                             "1",
		"SELECT GROUP_CONCAT(CONCAT(scope, ' ', path, '=', value) ORDER BY path SEPARATOR ' ') FROM core_config_data":                                           "default admin/usage/enabled=0 default customer/captcha/forms=user_login default design/search_engine_robots/default_robots=NOINDEX,NOFOLLOW default general/store_information/name=Shop default newsletter/api_key=canarywarn default payment/checkmo/active=1 default payment/paypal_express/active=0 default system/smtp/disable=1 default vendor_erp/general/colour=red default web/unsecure/base_url=https://shop.invalid.fr/",
		"SELECT GROUP_CONCAT(flag_code ORDER BY flag_code) FROM flag":                                                                                           "sluice_sanitized,system_config_snapshot",
		"SELECT flag_data FROM flag WHERE flag_code = 'system_config_snapshot'":                                                                                 `{"default":{"payment":{"braintree":{}},"web":{"seo":{"use_rewrites":"1"}}},"websites":{"base":{"carriers":{"ups":{}}}}}`,
		"SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = 'main'":                                                                        "1",
		"SELECT COUNT(*) FROM export_cl":                                                                                                                        "0",
		"SELECT COUNT(*) FROM information_schema.tables WHERE table_name LIKE 'sluice_%' AND table_schema = 'main'":                                             "0",
	})
	if before["cms_block"] != after["cms_block"] {
		t.Error("cms_block was changed")
	}
	s.orphans(t)
	s.remains(t)
	s.files(t, w)
	noValues(t, w.Log())
	if log := w.Log(); !strings.Contains(log, "cms_block.content has e-mail addresses in 1 rows") || !strings.Contains(log, "newsletter/api_key may be a secret") {
		t.Error(log)
	}
	if want := "touch personal data,step sanitize: configuration"; !strings.HasPrefix(strings.Join(w.Progress.Lines, ","), want) {
		t.Errorf("progress %v", w.Progress.Lines)
	}

	again, databases := s.shop(t, "")
	if err := Run(t.Context(), again.Kit, databases, Options{Mode: ModeFull}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(after, s.dump(t)); diff != "" {
		t.Errorf("the second run changed (-before +after):\n%s", diff)
	}
	if err := Run(t.Context(), again.Kit, databases, Options{Mode: ModeCheck}); err != nil {
		t.Error(err)
	}
}

// orphans: key checks are off during a run, so nothing but this would notice.
func (s server) orphans(t *testing.T) {
	t.Helper()
	shop := declared(t, "", fixture(t, "shop.sql"))
	for _, r := range shop.references {
		key := shop.tables[r.to].key
		if n := s.one(t, fmt.Sprintf("SELECT COUNT(*) FROM %s c LEFT JOIN %s p ON p.%s = c.%s WHERE c.%s IS NOT NULL AND p.%s IS NULL", r.table, r.to, key, r.column, r.column, key)); n != "0" {
			t.Errorf("%s rows of %s refer to rows of %s that are gone", n, r.table, r.to)
		}
	}
}

// remains: an UPDATE leaves the old values in the server's files, also in the words of full-text
// indexes. The undo log and the redo log are not looked at: only a reload is free of them.
func (s server) remains(t *testing.T) {
	t.Helper()
	const find = "cd /var/lib/mysql/main && ls *.ibd | wc -l && grep -l -a -i -E 'canary(one|given|family|street|city|boss|secret|pass|key|nick|raw|engraving|protect|coupon|trans)|canary[.]' *.ibd"
	out, _ := exec.CommandContext(t.Context(), "docker", "exec", databasetest.Container(), "sh", "-c", find).CombinedOutput() // grep finds nothing: status 1
	count, left, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if n, err := strconv.Atoi(count); err != nil || n < 20 || left != "" {
		t.Errorf("%s files, of which these have old values: %s", count, left)
	}
}

// configurationOnly: people stay, live keys do not, and a full run can follow.
func (s server) configurationOnly(t *testing.T) {
	s.load(t)
	before := s.dump(t)
	w, databases := s.shop(t, "")
	if err := Run(t.Context(), w.Kit, databases, Options{Mode: ModeKeep}); err != nil {
		t.Fatal(err)
	}
	after := s.dump(t)
	for name := range before {
		if changed := before[name] != after[name]; changed != (name == "core_config_data" || name == "flag") {
			t.Errorf("%s changed: %t", name, changed)
		}
	}
	if strings.Contains(after["core_config_data"], "private_key") || strings.Contains(after["flag"], "canarykey") {
		t.Error("live keys were kept")
	}
	s.files(t, w)
	if err := Run(t.Context(), w.Kit, databases, Options{Mode: ModeFull}); err != nil {
		t.Fatal(err)
	}
	if n := s.one(t, "SELECT COUNT(*) FROM customer_entity WHERE email LIKE '%canary%'"); n != "0" {
		t.Errorf("%s customers are still real after the full run", n)
	}
}

// files are what is left in the tree.
func (s server) files(t *testing.T, w *toolkittest.World) {
	t.Helper()
	env := must(w.Kit.PHPFile("app/etc/env.php").Read())
	if key := env.Text("crypt", "key"); len(key) != 32 || key == "productionkey" {
		t.Errorf("the encryption key is %q", key)
	}
	for name, there := range map[string]bool{
		"app/etc/env.php.bak": false, "pub/media/customer/c/a/canary.jpg": false, "pub/media/catalog/product/a.jpg": true, "var/log/system.log": false, "var/dump.sql.gz": false,
	} {
		if _, err := os.Stat(filepath.Join(w.Dir, name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// noValues makes sure that a log has nothing of the customers.
func noValues(t *testing.T, log string) {
	t.Helper()
	for _, word := range []string{"canary", "shop.invalid.fr/", "@shop.invalid.fr", "s3cret", "@example.com"} {
		if strings.Contains(strings.ToLower(log), word) {
			t.Errorf("the log has %s:\n%s", word, log)
		}
	}
}

func (s server) kept(t *testing.T) {
	s.load(t)
	w, databases := s.shop(t, "-- .sluice.yaml --\nclone: {sanitize: {keep_customers: [agency.example.dev], keep_staff: [dev@agency.example.dev], config: {newsletter/api_key: none, carriers/ups/password: keep}}}\n")
	if err := Run(t.Context(), w.Kit, databases, Options{Mode: ModeFull}); err != nil {
		t.Fatal(err)
	}
	s.answers(t, map[string]string{
		"SELECT CONCAT_WS(' ', email, firstname, lastname, COALESCE(password_hash, 'none'), COALESCE(rp_token, 'none')) FROM customer_entity WHERE entity_id = 3": "qa@agency.example.dev Quality Tester none none",
		"SELECT CONCAT_WS(' ', city, street, postcode) FROM customer_address_entity WHERE entity_id = 2":                                                          "Agencytown Agencystrasse 1 10115",
		"SELECT value FROM customer_entity_varchar WHERE entity_id = 3":                                                                                           "Agencynick",
		"SELECT CONCAT_WS(' ', email, username, firstname, is_active, password) FROM admin_user WHERE user_id = 2":                                                "dev@agency.example.dev dev Dev 1 *",
		"SELECT role_name FROM authorization_role WHERE role_id = 3":                                                                                              "Dev",
		"SELECT COUNT(*) FROM customer_address_entity WHERE city = 'Canarycity'":                                                                                  "0",
		"SELECT GROUP_CONCAT(value ORDER BY path) FROM core_config_data WHERE path IN ('newsletter/api_key', 'carriers/ups/password')":                            "canarypass,none",
	})
}

func (s server) strip(t *testing.T) {
	s.load(t)
	w, databases := s.shop(t, "")
	if err := Run(t.Context(), w.Kit, databases, Options{Mode: ModeStrip}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"customer_entity", "customer_address_entity", "customer_grid_flat", "sales_order", "sales_order_grid", "sales_order_item", "quote"} {
		if n := s.one(t, "SELECT COUNT(*) FROM "+name); n != "0" {
			t.Errorf("%s has %s rows", name, n)
		}
	}
	if n := s.one(t, "SELECT COUNT(*) FROM review_detail"); n != "2" {
		t.Errorf("review_detail has %s rows", n)
	}
}

// seeds: one seed gives equal data, none gives other fakes each time.
func (s server) seeds(t *testing.T) {
	sanitized := func(seed string) map[string]string {
		s.load(t)
		w, databases := s.shop(t, "")
		if err := Run(t.Context(), w.Kit, databases, Options{Mode: ModeFull, Seed: seed}); err != nil {
			t.Fatal(err)
		}
		return s.dump(t)
	}
	if diff := cmp.Diff(sanitized("a"), sanitized("a")); diff != "" {
		t.Errorf("two runs with one seed differ:\n%s", diff)
	}
	email := func() string { sanitized(""); return s.one(t, "SELECT email FROM customer_entity WHERE entity_id = 1") }
	if a, b := email(), email(); a == b || !strings.HasSuffix(a, "@example.com") {
		t.Errorf("two runs without a seed gave %s and %s", a, b)
	}
}

// failing is a session that is lost before the statement with a number.
type failing struct {
	Session

	left *int
}

var errLost = errors.New("the connection is lost")

func (f failing) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	if *f.left--; *f.left < 0 {
		return 0, errLost
	}
	return f.Session.Exec(ctx, statement, args...)
}

// failAt are databases whose connections are lost before the statement with a number.
func failAt(databases []Database, statement int) []Database {
	broken := slices.Clone(databases)
	broken[0].Open = func(ctx context.Context) (Session, error) {
		db, err := databases[0].Open(ctx)
		return failing{db, &statement}, err
	}
	return broken
}

// interrupted: wherever a run ends, the next one gives what an uninterrupted one would have.
func (s server) interrupted(t *testing.T) {
	options := Options{Mode: ModeFull, Seed: "seed", atOnce: 1, rangeRows: 2}
	s.load(t, exportTable, exportTrigger)
	w, databases := s.shop(t, "")
	if err := Run(t.Context(), w.Kit, databases, options); err != nil {
		t.Fatal(err)
	}
	want := s.dump(t)
	points := 0
	for at := 15; ; at += 31 {
		s.load(t, exportTable, exportTrigger)
		w, databases := s.shop(t, "")
		serial := options
		serial.oneByOne = true
		err := Run(t.Context(), w.Kit, failAt(databases, at), serial)
		if err == nil {
			break
		}
		points++
		if !errors.Is(err, errLost) && !strings.Contains(err.Error(), errLost.Error()) {
			t.Fatalf("at statement %d: %v", at, err)
		}
		if flag := s.one(t, "SELECT COUNT(*) FROM flag WHERE flag_code = 'sluice_sanitized'"); flag != "0" && at < 100 {
			t.Errorf("at statement %d: marked", at)
		}
		if err := Run(t.Context(), w.Kit, databases, options); err != nil {
			t.Fatalf("after statement %d: %v", at, err)
		}
		got := s.dump(t)
		delete(got, "sluice_sanitize") // its removal is the last statement
		delete(got, "sluice_sanitize_key")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("after statement %d:\n%s", at, diff)
		}
		if n := s.one(t, "SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = 'main'"); n != "1" {
			t.Errorf("after statement %d: %s triggers", at, n)
		}
	}
	if points < 5 {
		t.Errorf("interrupted at %d points only", points)
	}
}

// keyLost: a server that was restarted has forgotten the key.
func (s server) keyLost(t *testing.T) {
	s.load(t)
	w, databases := s.shop(t, "")
	if err := Run(t.Context(), w.Kit, failAt(databases, 60), Options{Mode: ModeFull, oneByOne: true}); err == nil {
		t.Fatal("no error")
	}
	if engine := s.one(t, "SELECT engine FROM information_schema.tables WHERE table_schema = 'main' AND table_name = 'sluice_sanitize_key'"); engine != "MEMORY" {
		t.Errorf("the key is in a table of %s", engine)
	}
	if _, err := s.db.ExecContext(t.Context(), "DELETE FROM main.sluice_sanitize_key"); err != nil {
		t.Fatal(err)
	}
	err := Run(t.Context(), w.Kit, databases, Options{Mode: ModeFull})
	if _, ok := errors.AsType[*RefusedError](err); !ok || !strings.Contains(err.Error(), "its key is gone") {
		t.Error(err)
	}
}

func (s server) refusals(t *testing.T) {
	unknown := []string{
		"CREATE TABLE vendor_leads (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, email varchar(255) NULL)", "ALTER TABLE sales_order ADD delivery_phone varchar(20) NULL",
		"CREATE TABLE vendor_settings (id int NOT NULL PRIMARY KEY, v text NULL)", "INSERT INTO vendor_settings VALUES (1, '{\"mail\": \"canary.hidden@shop.invalid.fr\"}')",
	}
	s.load(t, unknown...)
	before := s.dump(t)
	for name, c := range map[string]struct {
		change func(w *toolkittest.World, d []Database, o *Options)
		want   []string
	}{
		"production":     {func(w *toolkittest.World, _ []Database, _ *Options) { w.Kit.Platform.Type = "production" }, []string{"of type production"}},
		"no type":        {func(w *toolkittest.World, _ []Database, _ *Options) { w.Kit.Platform.Type = "" }, []string{"does not say the type"}},
		"another host":   {func(_ *toolkittest.World, d []Database, _ *Options) { d[0].Host = "rds.shop.invalid.fr" }, []string{"rds.shop.invalid.fr", "may be production's"}},
		"unknown mode":   {func(_ *toolkittest.World, _ []Database, o *Options) { o.Mode = "all" }, []string{`the mode "all" is not known`}},
		"unknown tables": {func(*toolkittest.World, []Database, *Options) {}, []string{"vendor_leads.email", "sales_order.delivery_phone", "vendor_settings.v", "nothing was changed", "delivery_phone: phone # a telephone number"}},
		"settings": {func(w *toolkittest.World, _ []Database, _ *Options) {
			if err := os.WriteFile(filepath.Join(w.Dir, ".sluice.yaml"), []byte("clone: {sanitize: {unknown: maybe}}\n"), 0o600); err != nil {
				panic(err)
			}
		}, []string{"clone.sanitize.unknown cannot be"}},
	} {
		t.Run(name, func(t *testing.T) {
			w, databases := s.shop(t, "")
			o := Options{Mode: ModeFull}
			c.change(w, databases, &o)
			err := Run(t.Context(), w.Kit, databases, o)
			if _, ok := errors.AsType[*RefusedError](err); !ok {
				t.Fatalf("%v is not a refusal", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %s", err, want)
				}
			}
			noValues(t, err.Error()+w.Log())
		})
	}
	if diff := cmp.Diff(before, s.dump(t)); diff != "" {
		t.Errorf("a refused run changed something:\n%s", diff)
	}
	for _, mode := range []string{"warn", "fake", "clear"} {
		s.load(t, unknown...)
		w, databases := s.shop(t, "-- .sluice.yaml --\nclone: {sanitize: {unknown: "+mode+"}}\n")
		err := Run(t.Context(), w.Kit, databases, Options{Mode: ModeFull})
		noValues(t, fmt.Sprint(err)+w.Log())
		if mode == "warn" {
			if err == nil || !strings.Contains(err.Error(), "vendor_settings.v has e-mail addresses in 1 rows") {
				t.Errorf("%s: %v", mode, err)
			}
		} else if err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

// large: many rows are changed in ranges, and what is in memory does not grow with them.
func (s server) large(t *testing.T) {
	const orders = 40_000
	s.load(t,
		fmt.Sprintf("INSERT INTO sales_order (customer_email, customer_firstname, grand_total, increment_id) SELECT CONCAT('many', seq, '@shop.invalid.fr'), 'Canarygiven', 1, seq FROM seq_1_to_%d", orders),
		fmt.Sprintf("INSERT INTO sales_order_item (order_id, product_options) SELECT seq, CONCAT('{\"info_buyRequest\":{\"qty\":1},\"secret\":\"canary', REPEAT('x', 400), seq, '\"}') FROM seq_1_to_%d", orders))
	w, databases := s.shop(t, "")
	begun := time.Now()
	if err := Run(t.Context(), w.Kit, databases, Options{Mode: ModeFull, atOnce: 10_000, rangeRows: 7000}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d orders and as many items with JSON in %v", orders, time.Since(begun))
	s.answers(t, map[string]string{
		"SELECT COUNT(DISTINCT customer_email) FROM sales_order":                         strconv.Itoa(orders + 2),
		"SELECT COUNT(*) FROM sales_order WHERE customer_email NOT LIKE '%@example.com'": "0",
		"SELECT COUNT(*) FROM sales_order_item WHERE product_options LIKE '%canary%'":    "0",
		"SELECT COUNT(*) FROM sales_order_item WHERE product_options LIKE '%\"qty\":1%'": strconv.Itoa(orders),
	})
	noValues(t, w.Log())
}
