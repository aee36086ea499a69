package deploystep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
)

// mainConnection is Magento's name for its main database.
const mainConnection = "default"

// Installed reports whether the database holds an installation. A database with half of
// one, or one whose encryption key is lost, is an error: nothing may be done to it.
func Installed(ctx context.Context, k *kit.Kit) (bool, error) {
	k.Log.Info("Checking if db exists and has tables")
	db, err := k.Databases.Open(ctx, mainConnection)
	if err != nil {
		return false, err
	}
	tables, err := tablesOf(ctx, db)
	if err != nil || len(tables) <= 1 {
		return false, err
	}
	if !tables[db.Table("core_config_data")] || !tables[db.Table("setup_module")] {
		return false, errors.New("Missing either core_config_data or setup_module table")
	}
	env, err := envPHP(k).Read()
	if err != nil {
		return false, err
	}
	if env.Text("crypt", "key") == "" && k.Platform.Variable("CRYPT_KEY") == "" {
		return false, fault.New(codeCryptKey, "Missing crypt key for upgrading Magento")
	}
	if date := env.Text("install", "date"); date != "" {
		k.Log.Info("Magento was installed on " + date)
		return true, nil
	}
	date := k.Now().UTC().Format(time.RFC1123Z)
	if err := envPHP(k).Update(phparray.Map("install", phparray.Map("date", date))); err != nil {
		return false, fmt.Errorf("note the time of the installation: %w", err)
	}
	return true, nil
}

func tablesOf(ctx context.Context, db kit.Database) (map[string]bool, error) {
	rows, err := db.Rows(ctx, "SHOW TABLES")
	if err != nil {
		return nil, err
	}
	tables := map[string]bool{}
	for _, row := range rows {
		for _, name := range row.All() {
			tables[phparray.String(name)] = true
		}
	}
	return tables, nil
}
