package components

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"sluice/internal/toolkit/phparray"
)

// autoloadFiles is where Composer lists the files that every request loads.
const autoloadFiles = "vendor/composer/autoload_files.php"

// globList is where Magento since 2.2 has the patterns of registrations outside Composer.
const globList = "app/etc/registration_globlist.php"

// defaultGlobs are Magento's own patterns, which versions without a globList have in code.
func defaultGlobs() []string {
	return []string{
		"app/code/*/*/registration.php", "app/design/*/*/*/registration.php", "app/i18n/*/*/registration.php",
		"lib/internal/*/*/registration.php", "lib/internal/*/*/*/registration.php", "setup/src/*/*/registration.php",
	}
}

// Files returns the files that Magento loads to learn its components, sorted. A tree without
// Composer's list is searched for files named registration.php below vendor.
func Files(tree fs.FS) ([]string, error) {
	found := map[string]bool{}
	text, err := read(tree, autoloadFiles)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = searchVendor(tree, found)
	case err == nil:
		composerFiles(text, found)
	}
	if err != nil {
		return nil, fmt.Errorf("find registrations: %w", err)
	}
	for _, pattern := range globs(tree) {
		names, err := fs.Glob(tree, pattern)
		if err != nil {
			return nil, fmt.Errorf("find registrations: %s: %w", globList, err)
		}
		for _, name := range names {
			found[name] = true
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// composerFiles reads the list as Composer writes it: 'hash' => $vendorDir . '/file',
func composerFiles(text string, found map[string]bool) {
	entry := regexp.MustCompile(`=>\s*\$(vendorDir|baseDir)\s*\.\s*'((?:[^'\\]|\\.)*)'`)
	unescape := strings.NewReplacer(`\\`, `\`, `\'`, `'`)
	for _, m := range entry.FindAllStringSubmatch(text, -1) {
		dir := "."
		if m[1] == "vendorDir" {
			dir = "vendor"
		}
		if name := path.Join(dir, unescape.Replace(m[2])); fs.ValidPath(name) {
			found[name] = true
		}
	}
}

func searchVendor(tree fs.FS, found map[string]bool) error {
	return fs.WalkDir(tree, "vendor", func(name string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == "vendor" {
			return fs.SkipDir
		}
		if err == nil && e.Name() == "registration.php" {
			found[name] = true
		}
		return err
	})
}

// globs returns the patterns of the tree; a list that cannot be read is Magento's own.
func globs(tree fs.FS) []string {
	text, err := read(tree, globList)
	if err != nil {
		return defaultGlobs()
	}
	list, err := phparray.Parse(globList, []byte(text))
	if err != nil {
		return defaultGlobs()
	}
	var patterns []string
	for _, v := range list.All() {
		patterns = append(patterns, phparray.String(v))
	}
	return patterns
}

// maxFile bounds what is read of a file, in bytes.
const maxFile = 1 << 20

func read(tree fs.FS, name string) (string, error) {
	f, err := tree.Open(name)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	return string(text), errors.Join(err, f.Close())
}
