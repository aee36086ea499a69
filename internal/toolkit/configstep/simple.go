package configstep

import (
	"context"

	"sluice/internal/toolkit/envphp"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/tree"
)

func prepareConfig(_ context.Context, k *kit.Kit) error {
	in, err := gather(k)
	if err != nil {
		return err
	}
	k.Log.Info("Updating env.php.")
	return updateEnv(k, envphp.Prepare(in))
}

func consumersRunner(_ context.Context, k *kit.Kit) error {
	in, err := gather(k)
	if err != nil {
		return err
	}
	section := envphp.Consumers(in)
	if section == nil {
		return nil
	}
	k.Log.Info("Updating env.php cron consumers runner configuration.")
	return put(k, "cron_consumers_runner", section)
}

func queue(_ context.Context, k *kit.Kit) error {
	in, env, err := gatherWithEnv(k)
	if err != nil {
		return err
	}
	section, notes := envphp.Queue(in, env.Sub("queue"))
	envphp.Log(k.Log, notes)
	return put(k, "queue", section)
}

func session(_ context.Context, k *kit.Kit) error {
	in, err := gather(k)
	if err != nil {
		return err
	}
	section, notes := envphp.Session(in)
	envphp.Log(k.Log, notes)
	return put(k, "session", section)
}

func documentRoot(_ context.Context, k *kit.Kit) error {
	k.Log.Info("The value of the property 'directories/document_root_is_pub' set as 'true'")
	return updateEnv(k, phparray.Map("directories", phparray.Map("document_root_is_pub", true)))
}

func lock(_ context.Context, k *kit.Kit) error {
	in, err := gather(k)
	if err != nil {
		return err
	}
	section, notes := envphp.Lock(in)
	if section == nil {
		return nil
	}
	if err := put(k, "lock", section); err != nil {
		return err
	}
	envphp.Log(k.Log, notes)
	return nil
}

func remoteStorage(_ context.Context, k *kit.Kit) error {
	in, err := gather(k)
	if err != nil {
		return err
	}
	storage, ok, err := envphp.RemoteStorage(in)
	if !ok || err != nil {
		return err
	}
	code := codeStorageSet
	if storage.Driver == "" {
		code = codeStorageUnset
	}
	if err := updateEnv(k, phparray.Map("remote_storage", storage.Section())); err != nil {
		k.Log.Critical(err.Error())
		return &fault.Fault{Code: code, Message: err.Error(), Err: err}
	}
	if storage.Driver == "" {
		k.Log.Debug("Remote storage driver was reset")
	} else {
		k.Log.Infof("Remote storage driver set to: %q", storage.Driver)
	}
	return nil
}

// setCryptKey gives env.php the encryption key that belongs to the data. It never makes one: that is up to the installation of an empty database.
func setCryptKey(_ context.Context, k *kit.Kit) error {
	k.Log.Info("Checking existence of encryption key")
	env, err := envFile(k).Read()
	if err != nil {
		return fault.Wrap(codeEnvPHP, err)
	}
	if env.Text("crypt", "key") != "" {
		return nil
	}
	backup, err := k.PHPFile(tree.EnvPHPBackup).Read()
	if err != nil {
		k.Log.Warningf("Could not look for the encryption key in the backup: %v", err)
	}
	key, notes := envphp.CryptKey(env, backup, k.Platform.Variable("CRYPT_KEY"))
	envphp.Log(k.Log, notes)
	if key == "" {
		return nil
	}
	return updateEnv(k, phparray.Map("crypt", phparray.Map("key", key)))
}

func cleanupDatabase(_ context.Context, k *kit.Kit) error {
	in, env, err := gatherWithEnv(k)
	if err != nil {
		return err
	}
	after, ok, notes := envphp.DropForeignSplit(in, env)
	envphp.Log(k.Log, notes)
	if !ok {
		return nil
	}
	return save(k, envFile(k), env, after)
}

func databaseConnection(_ context.Context, k *kit.Kit) error {
	in, env, err := gatherWithEnv(k)
	if err != nil {
		return err
	}
	after, split, notes := envphp.PutDatabase(in, env)
	if !split {
		if err := save(k, envFile(k), env, after); err != nil {
			return err
		}
	}
	envphp.Log(k.Log, notes)
	if split {
		k.Tree.SetFlag(tree.FlagIgnoreSplitDB, k.Log)
	}
	return nil
}
