package tree

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"sluice/internal/composer"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/lockfile"
)

// lockFile is what was read of composer.lock, and the file it was read of.
type lockFile struct {
	mu   sync.Mutex
	file fs.FileInfo
	lock *lockfile.Lock
}

// Lock returns composer.lock; a missing file is an empty one. The file is a megabyte and
// nearly every step asks for it, so it is read again only when it has changed.
func (t *Tree) Lock() (*lockfile.Lock, error) {
	info, err := t.root.Stat(ComposerLock)
	if errors.Is(err, fs.ErrNotExist) {
		return &lockfile.Lock{}, nil
	}
	if err != nil {
		return &lockfile.Lock{}, err
	}
	t.locked.mu.Lock()
	defer t.locked.mu.Unlock()
	if old := t.locked.file; old != nil && old.ModTime().Equal(info.ModTime()) && old.Size() == info.Size() && os.SameFile(old, info) {
		return t.locked.lock, nil
	}
	b, err := t.Read(ComposerLock)
	if err != nil {
		return &lockfile.Lock{}, err
	}
	lock, err := lockfile.Parse(b)
	if err != nil {
		return lock, err
	}
	t.locked.file, t.locked.lock = info, lock
	return lock, nil
}

// RootPackage returns name and version of composer.json.
func (t *Tree) RootPackage() (name, version string, err error) {
	b, err := t.ReadOrNothing(ComposerJSON)
	if err != nil || b == nil {
		return "", "", err
	}
	var p struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return "", "", fmt.Errorf("composer.json: %w", err)
	}
	return p.Name, p.Version, nil
}

// basePackage is what says Magento's version.
const basePackage = "magento/magento2-base"

// MagentoVersion returns Magento's version: fromGit (the variable
// DEPLOYED_MAGENTO_VERSION_FROM_GIT) when given, else that of the locked
// magento/magento2-base, else of the root package.
func (t *Tree) MagentoVersion(fromGit string) (composer.Version, error) {
	if fromGit != "" {
		return composer.ParseVersion(fromGit)
	}
	lock, err := t.Lock()
	if err != nil {
		return composer.Version{}, err
	}
	if p, ok := lock.Find(basePackage); ok {
		return composer.ParseVersion(p.Version)
	}
	_, version, err := t.RootPackage()
	if err != nil {
		return composer.Version{}, err
	}
	if version == "" {
		return composer.Version{}, noVersion("Magento version cannot be resolved")
	}
	return composer.ParseVersion(version)
}

// GitInstallation reports whether Magento's code is in the repository itself and not in
// Composer's packages. Nothing to tell by is an error.
func (t *Tree) GitInstallation(fromGit string) (bool, error) {
	if fromGit != "" {
		return true, nil
	}
	lock, err := t.Lock()
	if err != nil {
		return false, err
	}
	if lock.Has(basePackage) {
		return false, nil
	}
	_, version, err := t.RootPackage()
	if err != nil {
		return false, err
	}
	if version == "" {
		return false, noVersion("Version cannot be determined")
	}
	return true, nil
}

// noVersion is the error of a project that does not say which Magento it is.
func noVersion(message string) error {
	return &fault.Fault{
		Message: message,
		Suggestion: "Commit composer.lock with " + basePackage + ", or with a package that replaces it by a version. Without Composer, set DEPLOYED_MAGENTO_VERSION_FROM_GIT " +
			"in stage.global of .magento.env.yaml; patches of m2-hotfixes are not applied then.",
	}
}
