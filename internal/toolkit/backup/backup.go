// Package backup keeps copies of the configuration files beside them, FILE.bak, lists them
// and brings them back: for post-deploy and for the commands backup:*.
package backup

import (
	"fmt"
	"io"
	"slices"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/tree"
)

const (
	suffix      = ".bak"
	codeNotMade = 3004
)

// Files returns the files that are saved, by the names that users give.
func Files(k *kit.Kit) ([]string, error) {
	files := []string{tree.EnvPHP, tree.ConfigPHP}
	version, err := k.MagentoVersion()
	if err != nil {
		return nil, err
	}
	if !version.AtLeast("2.2") {
		files = append(files, "app/etc/config.local.php")
	}
	return files, nil
}

// Create saves the files. One that cannot be saved is a warning.
func Create(k *kit.Kit) error {
	k.Log.Info("Create backup of important files.")
	files, err := Files(k)
	if err != nil {
		return err
	}
	for _, name := range files {
		if !k.Tree.Exists(name) {
			k.Log.Noticef("File %s does not exist. Skipped.", name)
			continue
		}
		if err := save(k, name, name+suffix); err != nil {
			k.Log.Debug(err.Error())
			k.Log.Warn(codeNotMade, fmt.Sprintf("Failed to create backup %s for %s.", name+suffix, name))
			continue
		}
		k.Log.Infof("Successfully created backup %s for %s.", name+suffix, name)
	}
	return nil
}

// save copies at once: a crash leaves the old copy.
func save(k *kit.Kit, from, to string) error {
	content, err := k.Tree.Read(from)
	if err != nil {
		return err
	}
	return k.Tree.Write(to, content)
}

// List prints which files have a copy.
func List(k *kit.Kit, w io.Writer) error {
	files, err := Files(k)
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(name string) bool { return !k.Tree.Exists(name + suffix) })
	if len(files) == 0 {
		_, err := fmt.Fprintln(w, "There are no files in the backup")
		return err
	}
	if _, err := fmt.Fprintln(w, "The list of backup files:"); err != nil {
		return err
	}
	for _, name := range files {
		if _, err := fmt.Fprintln(w, name); err != nil {
			return err
		}
	}
	return nil
}

// Question is what has to be answered with yes before files are overwritten.
const Question = "Command backup:restore with option --force will rewrite your existed files. Do you want to continue [y/N]?"

// Restore brings copies back: that of one file, or all when file is "". Files that exist
// are overwritten with force only.
func Restore(k *kit.Kit, w io.Writer, file string, force bool) error {
	files, err := Files(k)
	if err != nil {
		return err
	}
	if file != "" {
		if !slices.Contains(files, file) {
			_, err := fmt.Fprintf(w, "There is no %s file in the backup list. Run backup:list to show files from backup list.\n", file)
			return err
		}
		files = []string{file}
	}
	for _, name := range files {
		line, err := restore(k, name, force)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func restore(k *kit.Kit, name string, force bool) (string, error) {
	switch {
	case !k.Tree.Exists(name + suffix):
		return fmt.Sprintf("Backup for %s does not exist. Skipped.", name), nil
	case k.Tree.Exists(name) && !force:
		return name + " file exists! If you want to rewrite existed files use --force", nil
	}
	return fmt.Sprintf("Backup file %s was restored.", name), save(k, name+suffix, name)
}
