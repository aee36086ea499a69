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

// urls lets the shop's base URLs follow the routes (spec: ece-tools 5.10).
func urls(ctx context.Context, k *kit.Kit) error {
	in, err := gather(k)
	if err != nil {
		return err
	}
	ok, notes := envphp.UpdatesURLs(in, k.Platform.MasterLike())
	envphp.Log(k.Log, notes)
	if !ok {
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

// databaseURLs replaces the hosts in core_config_data.
func databaseURLs(ctx context.Context, k *kit.Kit, sites urlmap.Map) error {
	k.Log.Info("Updating secure and unsecure URLs in core_config_data table.")
	db, err := k.Databases.Open(ctx, "default")
	if err != nil {
		return err
	}
	table := "`" + db.Table("core_config_data") + "`"
	rows, err := db.Rows(ctx, "SELECT `path`, `value` FROM "+table+" WHERE `path` IN (?, ?) AND `scope_id` = ?", "web/unsecure/base_url", "web/secure/base_url", 0)
	if err != nil {
		return fmt.Errorf("read the base URLs: %w", err)
	}
	base := map[string]string{}
	for _, row := range rows {
		kind := strings.TrimSuffix(strings.TrimPrefix(row.Text("path"), "web/"), "/base_url")
		base[kind] = row.Text("value")
	}
	for _, r := range envphp.Replacements(base, sites) {
		k.Progress.Touch("core_config_data")
		n, err := db.Exec(ctx, "UPDATE "+table+" SET `value` = REPLACE(`value`, ?, ?) WHERE `value` LIKE ?", r.Old, r.New, "%"+r.Old+"%")
		if err != nil {
			return fmt.Errorf("replace the host %s in core_config_data: %w", r.Old, err)
		}
		if n > 0 {
			envphp.Log(k.Log, []envphp.Note{r.Note()})
		}
	}
	return nil
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
		envphp.Log(k.Log, []envphp.Note{r.Note()})
	}
	if len(done) == 0 {
		return nil
	}
	k.Log.Info("Write the updating base URLs configuration in the app/etc/env.php file")
	return save(k, envFile(k), env, after)
}
