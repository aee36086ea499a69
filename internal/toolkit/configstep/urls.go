package configstep

import (
	"context"
	"fmt"
	"strings"

	"sluice/internal/toolkit/envphp"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/urlmap"
)

// urls lets the shop's base URLs follow the routes.
func urls(ctx context.Context, k *kit.Kit) error {
	in, err := gather(k)
	if err != nil {
		return err
	}
	ok, notes := envphp.UpdatesURLs(in, k.Platform.Live())
	envphp.Log(k.Log, notes)
	if !ok {
		warnUnreachable(ctx, k)
		return nil
	}
	k.Log.Info("Updating secure and unsecure URLs")
	k.Log.Debug("Initializing routes.")
	sites, err := urlmap.From(k.Platform.Routes)
	if err != nil {
		return err
	}
	if err := databaseURLs(ctx, k, sites); err != nil {
		return err
	}
	return envURLs(k, sites)
}

// warnUnreachable warns of a secure base URL at which nothing answers, when it is not to be
// replaced. A database that cannot be read is found by other steps.
func warnUnreachable(ctx context.Context, k *kit.Kit) {
	db, err := k.Databases.Open(ctx, "default")
	if err != nil {
		return
	}
	base, err := baseURLs(ctx, db)
	if err != nil || !urlmap.TLSOnPlainPort(k.Platform.Routes, base["secure"]) {
		return
	}
	k.Log.Warningf("The secure base URL %s is TLS on a port that serves plain HTTP: the administration and the customer login cannot be opened. "+
		"Set it to a URL of a route: php bin/magento config:set web/secure/base_url URL", base["secure"])
}

// baseURLs reads the base URLs of the default scope, by "secure" and "unsecure".
func baseURLs(ctx context.Context, db kit.Database) (map[string]string, error) {
	rows, err := db.Rows(ctx, "SELECT `path`, `value` FROM `"+db.Table("core_config_data")+"` WHERE `path` IN (?, ?) AND `scope_id` = ?", "web/unsecure/base_url", "web/secure/base_url", 0)
	base := map[string]string{}
	for _, row := range rows {
		kind := strings.TrimSuffix(strings.TrimPrefix(row.Text("path"), "web/"), "/base_url")
		base[kind] = row.Text("value")
	}
	return base, err
}

// databaseURLs replaces hosts, schemes and ports in core_config_data.
func databaseURLs(ctx context.Context, k *kit.Kit, sites urlmap.Map) error {
	k.Log.Info("Updating secure and unsecure URLs in core_config_data table.")
	db, err := k.Databases.Open(ctx, "default")
	if err != nil {
		return err
	}
	base, err := baseURLs(ctx, db)
	if err != nil {
		return fmt.Errorf("read the base URLs: %w", err)
	}
	table := "`" + db.Table("core_config_data") + "`"
	for _, r := range sites.Replacements(base) {
		n, err := replaceIn(ctx, k, db, table, r)
		if err != nil {
			return fmt.Errorf("replace the host %s in core_config_data: %w", r.Host, err)
		}
		if n > 0 {
			envphp.Log(k.Log, []envphp.Note{envphp.Replaced(r)})
		}
	}
	return nil
}

// replaceIn replaces the host in every value that has it, and returns how many changed.
func replaceIn(ctx context.Context, k *kit.Kit, db kit.Database, table string, r urlmap.Replacement) (n int64, err error) {
	rows, err := db.Rows(ctx, "SELECT `config_id`, `value` FROM "+table+" WHERE `value` LIKE ?", "%"+r.Host+"%")
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		before := row.Text("value")
		after := r.Apply(before)
		if after == before {
			continue
		}
		if n == 0 {
			k.Progress.Touch("core_config_data")
		}
		changed, err := db.Exec(ctx, "UPDATE "+table+" SET `value` = ? WHERE `config_id` = ?", after, row.Text("config_id"))
		if err != nil {
			return n, err
		}
		n += changed
	}
	return n, nil
}

// envURLs replaces the hosts in env.php, where base URLs can be fixed.
func envURLs(k *kit.Kit, sites urlmap.Map) error {
	k.Log.Info("Updating secure and unsecure URLs in app/etc/env.php file")
	env, err := envFile(k).Read()
	if err != nil {
		return fault.Wrap(codeEnvPHP, err)
	}
	after, done := envphp.ReplaceHosts(env, sites)
	for _, r := range done {
		envphp.Log(k.Log, []envphp.Note{envphp.Replaced(r)})
	}
	if len(done) == 0 {
		return nil
	}
	k.Log.Info("Write the updating base URLs configuration in the app/etc/env.php file")
	return save(k, envFile(k), env, after)
}
