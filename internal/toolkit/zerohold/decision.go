package zerohold

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"

	"sluice/internal/toolkit/kit"
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
	upgrading bool // setup:install or setup:upgrade ran
	recorded  Fingerprint
}

// Open reports whether the shop stays open.
func (d *Decision) Open() bool { return d.open }

// Installing is told when setup:install is about to run.
func (d *Decision) Installing() { d.open, d.upgrading = false, true }

// Upgrading is told when setup:upgrade is about to run. It takes the record of the last one
// back first: an upgrade that fails halfway leaves a database that is like no code, also
// not like the code before it.
func (d *Decision) Upgrading(ctx context.Context, k *kit.Kit) error {
	d.open, d.upgrading = false, true
	db, err := k.Databases.Open(ctx, "default")
	if err != nil {
		return err
	}
	if _, err := db.Exec(ctx, "DELETE FROM "+db.Table("flag")+" WHERE flag_code = ?", flagCode); err != nil {
		return fmt.Errorf("take back the record of the last upgrade: %w", err)
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
	for _, check := range []func(context.Context, *kit.Kit) (string, error){d.tree, d.database, configFile, d.code, upToDate} {
		if d.reason = told(check(ctx, k)); d.reason != "" {
			return d.reason, nil
		}
	}
	d.open = true
	return "", nil
}

// told makes a reason of a check that could not be made.
func told(reason string, err error) string {
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

// configFile compares what the config.php of the build says with the one in the mount,
// which Magento's checks will look at and which Magento writes in its own format.
func configFile(_ context.Context, k *kit.Kit) (string, error) {
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
	rest := func(key string) bool { return key != "modules" }
	switch {
	case modulesOf(now) != modulesOf(wanted):
		return changeOf(partModules), nil
	case !now.Only(rest).Equal(wanted.Only(rest)):
		return "app/etc/config.php changed", nil
	}
	return "", nil
}

// database reads what was recorded at the last upgrade.
func (d *Decision) database(ctx context.Context, k *kit.Kit) (string, error) {
	db, err := k.Databases.Open(ctx, "default")
	if err != nil {
		return "", err
	}
	tables, err := db.Rows(ctx, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?", db.Table("flag"))
	if err != nil {
		return "", err
	}
	if len(tables) == 0 {
		return "Magento is not installed", nil
	}
	rows, err := db.Rows(ctx, "SELECT flag_data FROM "+db.Table("flag")+" WHERE flag_code = ?", flagCode)
	if err != nil {
		return "", err
	}
	if len(rows) == 0 {
		return "no earlier deployment recorded what it upgraded", nil
	}
	if err := json.Unmarshal([]byte(rows[0].Text("flag_data")), &d.recorded); err != nil {
		return "", fmt.Errorf("the record of the last upgrade: %w", err)
	}
	return "", nil
}

// code compares what was recorded with what is there now.
func (d *Decision) code(_ context.Context, k *kit.Kit) (string, error) {
	now, err := current(k)
	if err != nil {
		return "", err
	}
	return now.Difference(d.recorded), nil
}

// Recheck compares the services again when env.php has been brought up to date.
func (d *Decision) Recheck(k *kit.Kit) (string, error) {
	env, err := k.PHPFile(tree.EnvPHP).Read()
	if err != nil {
		return "", err
	}
	now := maps.Clone(d.recorded)
	now[partServices] = servicesOf(env)
	reason := now.Difference(d.recorded)
	d.open = reason == ""
	return reason, nil
}

// upToDate asks Magento: 0 is up to date. It does so with a cache of its own, because the
// old release may be serving from the shop's.
func upToDate(ctx context.Context, k *kit.Kit) (reason string, err error) {
	dir, err := os.MkdirTemp("", "sluice-check-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	override, err := json.Marshal(map[string]any{"cache": ownCache(dir)})
	if err != nil {
		return "", err
	}
	for _, check := range []struct{ command, reason string }{
		{"setup:db:status", "setup:db:status says that schema or data need an upgrade"},
		{"app:config:status", "app:config:status says that configuration needs an import"},
	} {
		command := shell.MagentoCommand(check.command)
		command.Env = []string{"MAGENTO_DC__OVERRIDE=" + string(override)}
		_, err := k.Shell.Run(ctx, command)
		if failed, ok := errors.AsType[*shell.Failure](err); ok && failed.Code == needsUpdate {
			return check.reason, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", nil
}

// ownCache is a cache section of env.php with all caches in files below dir.
func ownCache(dir string) map[string]any {
	frontend := map[string]any{"backend": "Cm_Cache_Backend_File", "backend_options": map[string]any{"cache_dir": dir}}
	return map[string]any{"frontend": map[string]any{"default": frontend, "page_cache": frontend}}
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

// codeOf takes the fingerprint that the build left, else makes it.
func codeOf(k *kit.Kit) (Fingerprint, error) {
	text, err := k.Tree.ReadOrNothing(CodeFile)
	if err != nil {
		return nil, err
	}
	f := Fingerprint{}
	if err := json.Unmarshal(text, &f); len(text) > 0 && err == nil {
		return f, nil
	}
	return Code(k.Tree.Root().FS())
}

// WriteCode leaves the fingerprint of the code for the deployment.
func WriteCode(k *kit.Kit) error {
	f, err := Code(k.Tree.Root().FS())
	if err != nil {
		return err
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return k.Tree.Write(CodeFile, append(text, '\n'))
}

// Record notes in the database what it has been brought to, when it was. That this cannot
// be noted is logged and no error: the next deployment closes the shop.
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
