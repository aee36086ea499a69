package envphp

import (
	"errors"

	"sluice/internal/toolkit/phparray"
)

// Prepare returns the keys that prepare-config puts over env.php.
func Prepare(in Input) *phparray.Array {
	keys := phparray.Map(
		"static_content_on_demand_in_production", number(in.Variables.OnDemand),
		"force_html_minification", number(in.Variables.SkipMinification),
	)
	if in.Variables.XFrame != "" {
		keys.Set("x-frame-options", in.Variables.XFrame)
	}
	return keys
}

// Consumers makes the cron_consumers_runner section; nil before Magento 2.2, which does not
// know it. Only a boolean turns the consumers on: the text "true" does
// not, as ever.
func Consumers(in Input) *phparray.Array {
	if !in.Magento.AtLeast("2.2") {
		return nil
	}
	custom := in.Variables.Consumers
	or := func(key string, fallback any) any {
		if v := custom.Get(key); v != nil {
			return v
		}
		return fallback
	}
	return phparray.Map(
		"cron_run", custom.Get("cron_run") == true,
		"max_messages", or("max_messages", 10000),
		"consumers", or("consumers", phparray.New()),
		"multiple_processes", or("multiple_processes", phparray.New()),
	)
}

// Lock makes the lock section; nil before Magento 2.2.5, which does not know it. Files are used only when the platform says where.
func Lock(in Input) (*phparray.Array, []Note) {
	if !in.Magento.AtLeast("2.2.5") {
		return nil, nil
	}
	if in.LocksDir != "" && in.Variables.LockProvider == "file" {
		return phparray.Map("provider", "file", "config", phparray.Map("path", in.LocksDir)), []Note{lockNote("file")}
	}
	return phparray.Map("provider", "db", "config", phparray.Map("prefix", nil)), []Note{lockNote("db")}
}

func lockNote(provider string) Note { return info(`The lock provider "` + provider + `" was set.`) }

// Storage is the wanted remote storage; Driver is empty when there is none.
type Storage struct {
	Driver, Prefix, Bucket, Region, Key, Secret string
}

// RemoteStorage reads REMOTE_STORAGE; ok is false before Magento 2.4.2, which does not know
// it.
func RemoteStorage(in Input) (s Storage, ok bool, err error) {
	custom := in.Variables.RemoteStorage
	if !in.Magento.AtLeast("2.4.2") {
		return Storage{}, false, nil
	}
	if custom.Text("driver") == "" {
		return Storage{}, true, nil
	}
	config := custom.Sub("config")
	s = Storage{
		Driver: custom.Text("driver"), Prefix: custom.Text("prefix"),
		Bucket: config.Text("bucket"), Region: config.Text("region"), Key: config.Text("key"), Secret: config.Text("secret"),
	}
	if s.Bucket == "" || s.Region == "" {
		return Storage{}, true, errors.New("Bucket and region are required configurations")
	}
	return s, true, nil
}

// Section is what is put over the remote_storage section of env.php. Without a driver, that
// of files takes its place and the old config stays behind, as ever.
func (s Storage) Section() *phparray.Array {
	if s.Driver == "" {
		return phparray.Map("driver", "file")
	}
	config := phparray.Map("bucket", s.Bucket, "region", s.Region)
	if s.Prefix != "" {
		config.Set("prefix", s.Prefix)
	}
	if s.Key != "" && s.Secret != "" {
		config.Set("credentials", phparray.Map("key", s.Key, "secret", s.Secret))
	}
	return phparray.Map("driver", s.Driver, "config", config)
}

// CryptKey chooses the encryption key for an env.php that has none: the platform's
// variable, else that of the backup. A new key must never take the place of one that data
// was encrypted with.
func CryptKey(env, backup *phparray.Array, variable string) (key string, notes []Note) {
	if env.Text("crypt", "key") != "" {
		return "", nil
	}
	saved := backup.Text("crypt", "key")
	if variable != "" {
		if saved != "" && saved != variable {
			notes = []Note{warning(0, "CRYPT_KEY differs from the key in app/etc/env.php.bak: what was encrypted with that one cannot be read.")}
		}
		return variable, append(notes, info("Setting encryption key from CRYPT_KEY"))
	}
	if saved != "" {
		notes = []Note{notice("Setting encryption key from app/etc/env.php.bak, because app/etc/env.php has none and CRYPT_KEY is not set.")}
	}
	return saved, notes
}
