package sanitize

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"path"
	"strings"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/tree"
)

// newCryptKey gives the clone an encryption key of its own. Production's key signs the tokens
// of its web API, so whoever can read it can be an administrator there. What was encrypted
// with it has been deleted.
func newCryptKey(k *kit.Kit) error {
	file := k.PHPFile(tree.EnvPHP)
	env, err := file.Read()
	if err != nil {
		return err
	}
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return err
	}
	if k.Platform.Variable("CRYPT_KEY") != "" {
		k.Log.Warning("The variable CRYPT_KEY is set in this environment. If it is production's, make it not inheritable there: its key opens production's web API.")
	}
	if env.Len() > 0 {
		// The list of keys is replaced, not appended to: the old ones are production's.
		if err := file.Update(phparray.Map("crypt", phparray.Map("key", hex.EncodeToString(random)))); err != nil {
			return err
		}
	}
	return removeBackups(k)
}

// removeBackups deletes copies of env.php and config.php, which have keys and passwords.
func removeBackups(k *kit.Kit) error {
	entries, err := k.Tree.Entries(tree.Etc)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if name := e.Name(); strings.Contains(name, ".php.") || strings.HasSuffix(name, ".bak") {
			err = errors.Join(err, k.Tree.Remove(path.Join(tree.Etc, name)))
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
	for dir, remove := range map[string]func(name string) bool{
		tree.Var: isDump, tree.Media: isDump,
		tree.LogDir: func(name string) bool { return name != path.Base(tree.CloudLog) && name != path.Base(tree.ErrorLog) },
	} {
		entries, err := k.Tree.Entries(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		for _, e := range entries {
			if !e.IsDir() && remove(e.Name()) {
				errs = append(errs, k.Tree.Remove(path.Join(dir, e.Name())))
			}
		}
	}
	return errors.Join(errs...)
}

func isDump(name string) bool {
	return strings.Contains(name, ".sql") || strings.HasPrefix(name, "dbdump") || strings.HasPrefix(name, "dump-") || name == path.Base(tree.AdminMail)
}
