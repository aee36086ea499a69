package configstep

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/toolkit/envphp"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/tree"
)

// Dump lets Magento write its configuration into config.php and keeps what static content
// needs of it. env.php, into which Magento writes secrets and values
// that the deployment owns, is put back as it was, also after a failure.
func Dump(ctx context.Context, k *kit.Kit) error {
	version, err := k.MagentoVersion()
	if err != nil {
		return err
	}
	verbose, err := k.Stages.PostDeploy.Text(verbosityVariable)
	if err != nil {
		return err
	}
	k.Log.Info("Starting dump.")
	env, err := k.Tree.Read(tree.EnvPHP)
	if err != nil {
		return err
	}
	_, failed := k.Magento(ctx, "app:config:dump", verbose)
	if err := errors.Join(failed, k.Tree.Write(tree.EnvPHP, env)); err != nil {
		return err
	}
	if err := rewriteConfig(ctx, k); err != nil {
		return err
	}
	if version.AtLeast("2.2") {
		if _, err := k.Magento(ctx, "app:config:import", verbose); err != nil {
			return err
		}
	}
	k.Log.Info("Dump completed.")
	return nil
}

// rewriteConfig cuts config.php down to what is kept.
func rewriteConfig(ctx context.Context, k *kit.Kit) error {
	version, err := k.MagentoVersion()
	if err != nil {
		return err
	}
	name, export := tree.ConfigPHP, phparray.Export
	if !version.AtLeast("2.2") {
		name = "app/etc/config.local.php"
	}
	if version.AtLeast("2.2.5") {
		export = phparray.ExportShort
	}
	config, err := k.PHPFile(name).Read()
	if err != nil {
		return err
	}
	locales, err := adminLocales(ctx, k)
	if err != nil {
		return err
	}
	return k.Tree.Write(name, export(envphp.Dumped(config, locales, version.AtLeast("2.2"))))
}

// adminLocales are the locales that admin users have chosen.
func adminLocales(ctx context.Context, k *kit.Kit) ([]string, error) {
	db, err := k.Databases.Open(ctx, "default")
	if err != nil {
		return nil, err
	}
	rows, err := db.Rows(ctx, "SELECT DISTINCT `interface_locale` AS `locale` FROM `"+db.Table("admin_user")+"` ORDER BY `interface_locale`")
	if err != nil {
		return nil, fmt.Errorf("read the locales of admin users: %w", err)
	}
	var locales []string
	for _, row := range rows {
		if locale := row.Text("locale"); locale != "" {
			locales = append(locales, locale)
		}
	}
	return locales, nil
}
