package zerohold

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/tree"
)

// Variable turns zero-hold deployments off when it is false.
const Variable = "ZERO_HOLD_DEPLOY"

// flagCode is the name of the record in Magento's table flag.
const flagCode = "sluice_setup_state"

// CodeFile is where a build leaves the fingerprint of its code, so that the deployment
// need not read all of it again.
const CodeFile = tree.Init + "/setup-state.json"

// Decision is made once in a deployment and shared by its steps. The zero value is a shop
// that gets closed.
type Decision struct {
	decided   bool
	reason    string
	open      bool
	importing bool            // config.php or env.php has configuration that is not in the database yet
	imported  bool            // app:config:import ran
	system    *phparray.Array // this section of env.php before the deployment
	upgrading bool            // setup:install or setup:upgrade ran
	recorded  Fingerprint
}

// Open reports whether the shop stays open.
func (d *Decision) Open() bool { return d.open }

// Importing reports whether app:config:import has to run in a shop that stays open. Until
// then Magento refuses every request.
func (d *Decision) Importing() bool { return d.open && d.importing }

// Imported notes that app:config:import ran.
func (d *Decision) Imported() { d.imported = true }

// Fills reports whether this deployment has upgraded or imported anything so far, which fills
// caches.
func (d *Decision) Fills() bool { return d.imported || d.upgrading }

// Installing notes that setup:install is about to run.
func (d *Decision) Installing() { d.open, d.upgrading = false, true }

// Upgrading notes that setup:upgrade is about to run. It deletes the record of the last one
// first: an upgrade that fails halfway leaves a database that is like no code, also
// not like the code before it.
func (d *Decision) Upgrading(ctx context.Context, k *kit.Kit) error {
	d.open, d.upgrading = false, true
	db, err := k.Databases.Open(ctx, "default")
	if err != nil {
		return err
	}
	if _, err := db.Exec(ctx, "DELETE FROM "+db.Table("flag")+" WHERE flag_code = ?", flagCode); err != nil {
		return fmt.Errorf("delete the record of the last upgrade: %w", err)
	}
	return nil
}

// Decide returns why the shop has to be closed; "" when it need not. It decides once, and
// changes nothing: visitors may be served meanwhile. A check that cannot be made is a
// reason; an error is only one of the toolkit's own variables.
func (d *Decision) Decide(ctx context.Context, k *kit.Kit) (reason string, err error) {
	if d.decided {
		return d.reason, nil
	}
	wanted, err := k.Stages.Deploy.Bool(Variable)
	if err != nil {
		return "", err
	}
	d.decided = true
	if !wanted {
		d.reason = Variable + " is off"
		return d.reason, nil
	}
	for _, check := range []func(context.Context, *kit.Kit) (string, error){d.tree, d.database, d.configFile, d.code, d.upToDate} {
		if d.reason = orUnknown(check(ctx, k)); d.reason != "" {
			return d.reason, nil
		}
	}
	d.open = true
	return "", nil
}

// orUnknown makes a reason of a check that could not be made.
func orUnknown(reason string, err error) string {
	if err != nil {
		return "this could not be checked: " + err.Error()
	}
	return reason
}

// tree checks what files tell.
func (d *Decision) tree(_ context.Context, k *kit.Kit) (string, error) {
	switch {
	case k.Tree.HasFlag(tree.FlagEnvFileAbsence):
		return "app/etc/env.php is missing", nil
	case k.Tree.Exists(tree.MaintenanceFlag):
		return "an earlier deployment left it on", nil
	}
	onDemand, err := k.Stages.Global.Bool("SCD_ON_DEMAND")
	if err != nil {
		return "", err
	}
	skip, err := k.Stages.Deploy.Bool("SKIP_SCD")
	if err != nil {
		return "", err
	}
	if !onDemand && !skip && !k.Tree.HasFlag(tree.FlagSCDInBuild) {
		return "static content is made in this deployment", nil
	}
	return "", nil
}

// configFile compares the config.php of the build with the one in the mount, which Magento's
// checks will look at and which Magento writes in its own format. Modules need an upgrade;
// everything else, such as scopes, themes and system, is what app:config:import reads, which
// is also all that setup:upgrade does with it.
func (d *Decision) configFile(_ context.Context, k *kit.Kit) (string, error) {
	env, err := k.PHPFile(tree.EnvPHP).Read()
	if err != nil {
		return "", err
	}
	d.system = env.Sub("system")
	brought := k.PHPFile(tree.Init + "/" + tree.ConfigPHP)
	if !k.Tree.Exists(brought.Name) {
		return "", nil
	}
	wanted, err := brought.Read()
	if err != nil {
		return "", err
	}
	now, err := k.PHPFile(tree.ConfigPHP).Read()
	if err != nil {
		return "", err
	}
	if modulesOf(now) != modulesOf(wanted) {
		return changeOf(partModules), nil
	}
	rest := func(key string) bool { return key != "modules" }
	d.importing = !now.Only(rest).Equal(wanted.Only(rest))
	return "", nil
}

// database reads what was recorded at the last upgrade.
func (d *Decision) database(ctx context.Context, k *kit.Kit) (reason string, err error) {
	d.recorded, reason, err = recorded(ctx, k)
	return reason, err
}

// recorded returns what the database was upgraded to last, or the reason why that is not known.
func recorded(ctx context.Context, k *kit.Kit) (f Fingerprint, reason string, err error) {
	db, err := k.Databases.Open(ctx, "default")
	if err != nil {
		return nil, "", err
	}
	tables, err := db.Rows(ctx, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?", db.Table("flag"))
	if err != nil {
		return nil, "", err
	}
	if len(tables) == 0 {
		return nil, "Magento is not installed", nil
	}
	rows, err := db.Rows(ctx, "SELECT flag_data FROM "+db.Table("flag")+" WHERE flag_code = ?", flagCode)
	if err != nil {
		return nil, "", err
	}
	if len(rows) == 0 {
		return nil, "no earlier deployment recorded what it upgraded", nil
	}
	if err := json.Unmarshal([]byte(rows[0].Text("flag_data")), &f); err != nil {
		return nil, "", fmt.Errorf("the record of the last upgrade: %w", err)
	}
	return f, "", nil
}

// code compares what was recorded with what is there now.
func (d *Decision) code(_ context.Context, k *kit.Kit) (string, error) {
	now, err := current(k)
	if err != nil {
		return "", err
	}
	return now.Difference(d.recorded), nil
}

// Recheck looks again when env.php has been brought up to date: services that changed need
// an upgrade, configuration in its section system an import.
func (d *Decision) Recheck(k *kit.Kit) (string, error) {
	env, err := k.PHPFile(tree.EnvPHP).Read()
	if err != nil {
		return "", err
	}
	now := maps.Clone(d.recorded)
	now[partServices] = servicesOf(env)
	reason := now.Difference(d.recorded)
	d.open = reason == ""
	d.importing = d.importing || !env.Sub("system").Equal(d.system)
	return reason, nil
}

// checkCache is where upToDate has Magento keep its cache; older versions of the toolkit
// used, and left behind, other names that begin like it.
const checkCache = "var/tmp/sluice-check"

// upToDate asks Magento: 0 is up to date. It does so with a cache of its own, because the
// old release may be serving from the shop's.
func (d *Decision) upToDate(ctx context.Context, k *kit.Kit) (string, error) {
	removeCheckCaches(k)
	defer removeCheckCaches(k)
	override, err := json.Marshal(map[string]any{"cache": ownCache()})
	if err != nil {
		return "", err
	}
	outdated := func(name string) (bool, error) {
		command := shell.MagentoCommand(name)
		command.Env = []string{"MAGENTO_DC__OVERRIDE=" + string(override)}
		_, err := k.Shell.Run(ctx, command)
		if failed, ok := errors.AsType[*shell.Failure](err); ok && failed.Code == needsUpdate {
			return true, nil
		}
		return false, err
	}
	upgrade, err := outdated("setup:db:status")
	if upgrade || err != nil {
		return "setup:db:status says that schema or data need an upgrade", err
	}
	changed, err := outdated("app:config:status")
	d.importing = d.importing || changed
	return "", err
}

// ownCache is a cache section of env.php with all caches in files. Magento takes the
// directory for one below var, also when it begins with a slash.
func ownCache() map[string]any {
	dir := strings.TrimPrefix(checkCache, tree.Var+"/")
	frontend := map[string]any{"backend": "Cm_Cache_Backend_File", "backend_options": map[string]any{"cache_dir": dir}}
	return map[string]any{"frontend": map[string]any{"default": frontend, "page_cache": frontend}}
}

// removeCheckCaches removes the cache of this check and those that earlier ones left.
func removeCheckCaches(k *kit.Kit) {
	dirs, err := fs.Glob(k.Tree.Root().FS(), checkCache+"*")
	for _, dir := range dirs {
		err = errors.Join(err, k.Tree.RemoveAll(dir))
	}
	if err != nil {
		k.Log.Debugf("Could not remove %s*: %v", checkCache, err)
	}
}

// needsUpdate is the exit status by which both commands say that there is something to do.
const needsUpdate = 2

// current returns the fingerprint of the tree and of env.php as they are.
func current(k *kit.Kit) (Fingerprint, error) {
	f, err := codeOf(k)
	if err != nil {
		return nil, err
	}
	config, err := k.PHPFile(tree.ConfigPHP).Read()
	if err != nil {
		return nil, err
	}
	env, err := k.PHPFile(tree.EnvPHP).Read()
	if err != nil {
		return nil, err
	}
	f[partModules], f[partServices] = modulesOf(config), servicesOf(env)
	return f, nil
}

// codeOf takes the fingerprint that the build left, else makes it. One of a build with
// another version of the toolkit may lack parts.
func codeOf(k *kit.Kit) (Fingerprint, error) {
	text, err := k.Tree.ReadOrNothing(CodeFile)
	if err != nil {
		return nil, err
	}
	f := Fingerprint{}
	if err := json.Unmarshal(text, &f); len(text) > 0 && err == nil {
		missing := func(part string) bool { return f[part] == "" }
		if !slices.ContainsFunc(append(codeParts(), noteMaintenance), missing) {
			return f, nil
		}
	}
	return Code(k.Tree.Root().FS(), k.Tree.Dir())
}

// WriteCode leaves the fingerprint of the code for the deployment. Code that cannot be read
// does not fail a build: the deployment will try again, and then upgrade.
func WriteCode(k *kit.Kit) error {
	f, err := Code(k.Tree.Root().FS(), k.Tree.Dir())
	if err != nil {
		k.Log.Noticef("Every deployment of this build will need maintenance mode: %v", err)
		return k.Tree.Remove(CodeFile)
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return k.Tree.Write(CodeFile, append(text, '\n'))
}

// Record notes in the database what it has been upgraded to, if it was. Failing to
// note it is logged and is not an error: the next deployment closes the shop.
func (d *Decision) Record(ctx context.Context, k *kit.Kit) {
	if !d.upgrading {
		return
	}
	if err := record(ctx, k); err != nil {
		k.Log.Noticef("The next deployment will need maintenance mode, because this one could not record what it upgraded: %v", err)
	}
}

func record(ctx context.Context, k *kit.Kit) error {
	f, err := current(k)
	if err != nil {
		return err
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	db, err := k.Databases.Open(ctx, "default")
	if err != nil {
		return err
	}
	rows, err := db.Rows(ctx, "SELECT flag_id FROM "+db.Table("flag")+" WHERE flag_code = ?", flagCode)
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		_, err = db.Exec(ctx, "UPDATE "+db.Table("flag")+" SET flag_data = ? WHERE flag_code = ?", string(text), flagCode)
		return err
	}
	_, err = db.Exec(ctx, "INSERT INTO "+db.Table("flag")+" (flag_code, state, flag_data) VALUES (?, 0, ?)", flagCode, string(text))
	return err
}
