package sanitize

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/tree"
)

// newCryptKey gives the clone an encryption key of its own. Production's key signs the tokens
// of its web API, so anyone who can read it can be an administrator there. What was encrypted
// with it has been deleted.
func newCryptKey(k *kit.Kit) error {
	file := k.PHPFile(tree.EnvPHP)
	env, err := file.Read()
	if err != nil {
		return err
	}
	if k.Platform.Variable("CRYPT_KEY") != "" {
		k.Log.Warning("The variable CRYPT_KEY is set in this environment. If it is production's, make it not inheritable there: its key opens production's web API.")
	}
	if env.Len() > 0 {
		// The list of keys is replaced, not appended to: the old ones are production's.
		if err := file.Update(phparray.Map("crypt", phparray.Map("key", randomHex(16)))); err != nil {
			return err
		}
	}
	return removeBackups(k)
}

// removeBackups deletes copies of env.php and config.php, which have keys and passwords.
func removeBackups(k *kit.Kit) error {
	return removeFrom(k, tree.Etc, func(e fs.DirEntry) bool {
		return strings.Contains(e.Name(), ".php.") || strings.HasSuffix(e.Name(), ".bak")
	})
}

// removeFrom deletes the chosen entries of a directory, which may be missing.
func removeFrom(k *kit.Kit, dir string, chosen func(fs.DirEntry) bool) error {
	entries, err := k.Tree.Entries(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if chosen(e) {
			err = errors.Join(err, k.Tree.Remove(path.Join(dir, e.Name())))
		}
	}
	return err
}

// emptied are directories whose contents are people's, or production's.
func emptied() []string {
	return []string{
		"pub/media/customer", "pub/media/customer_address", "pub/media/custom_options/quote", "pub/media/custom_options/order", "pub/media/rma_item",
		"pub/media/negotiable_quotes_attachment", "pub/media/analytics", "pub/media/import", "pub/media/tmp",
		"pub/media/catalog/product/cache", // named by the encryption key
		"var/report", "var/session", "var/export", "var/import", "var/importexport", "var/import_history", "var/backups", "var/support", "var/cache", "var/page_cache",
	}
}

// emptyFiles empties them, and removes dumps and logs. The log that this run writes stays.
func emptyFiles(k *kit.Kit) error {
	var errs []error
	for _, dir := range emptied() {
		if k.Tree.IsDir(dir) {
			errs = append(errs, k.Tree.Clear(dir))
		}
	}
	return errors.Join(append(errs, removeFrom(k, tree.Var, isDump), removeFrom(k, tree.Media, isDump), removeFrom(k, tree.LogDir, isOldLog))...)
}

func isOldLog(e fs.DirEntry) bool {
	return !e.IsDir() && e.Name() != path.Base(tree.CloudLog) && e.Name() != path.Base(tree.ErrorLog)
}

func isDump(e fs.DirEntry) bool {
	name := e.Name()
	return !e.IsDir() && (strings.Contains(name, ".sql") || strings.HasPrefix(name, "dbdump") || strings.HasPrefix(name, "dump-") || name == path.Base(tree.AdminMail))
}
