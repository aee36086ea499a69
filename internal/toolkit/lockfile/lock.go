package lockfile

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sluice/internal/composer"
	"sluice/internal/toolkit/fault"
)

// Package is one package of a lock file.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"` // as written: 2.4.7-p3
	Type    string `json:"type"`
	Require Links  `json:"require"`
	Replace Links  `json:"replace"`
}

// Links are the packages that a package needs or stands for, with their constraints.
type Links map[string]string

// UnmarshalJSON reads an object; PHP writes an empty one as [].
func (l *Links) UnmarshalJSON(text []byte) error {
	if string(bytes.TrimSpace(text)) == "[]" {
		*l = nil
		return nil
	}
	var links map[string]string
	err := json.Unmarshal(text, &links)
	*l = links
	return err
}

// Lock is composer.lock.
type Lock struct{ packages []Package }

// Parse reads composer.lock; its packages-dev count too.
func Parse(text []byte) (*Lock, error) {
	if packages, dev, ok := scanLock(text); ok {
		return &Lock{packages: append(packages, dev...)}, nil
	}
	return decodeLock(text)
}

// decodeLock reads any lock file, and says what is wrong with it.
func decodeLock(text []byte) (*Lock, error) {
	var file struct {
		Packages    []Package       `json:"packages"`
		PackagesDev json.RawMessage `json:"packages-dev"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("composer.lock: %w", err)
	}
	var dev []Package
	if len(file.PackagesDev) > 0 {
		if err := json.Unmarshal(file.PackagesDev, &dev); err != nil {
			return nil, fmt.Errorf("composer.lock: packages-dev: %w", err)
		}
	}
	return &Lock{packages: append(file.Packages, dev...)}, nil
}

// Find returns a package by its name, else the one that replaces it with a version, as forks
// of Magento and of its libraries do. Name and Version are then those of what it replaces.
func (l *Lock) Find(name string) (Package, bool) {
	if l == nil {
		return Package{}, false
	}
	for _, p := range l.packages {
		if p.Name == name {
			return p, true
		}
	}
	for _, p := range l.packages {
		version, ok := p.Replace[name]
		if version == "self.version" {
			version = p.Version
		}
		if _, err := composer.ParseVersion(version); ok && err == nil {
			p.Name, p.Version = name, version
			return p, true
		}
	}
	return Package{}, false
}

// Has reports whether a package is locked.
func (l *Lock) Has(name string) bool {
	_, ok := l.Find(name)
	return ok
}

// codePackageMissing is that of a package that the lock file lacks.
const codePackageMissing = 25

// Get returns a package, or an error with code 25.
func (l *Lock) Get(name string) (Package, error) {
	p, ok := l.Find(name)
	if !ok {
		return Package{}, fault.New(codePackageMissing, "Package %s:* was not found", name)
	}
	return p, nil
}

// All returns the packages in the order of the file.
func (l *Lock) All() []Package {
	if l == nil {
		return nil
	}
	return l.packages
}
