package zerohold

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sluice/internal/toolkit/phparray"
)

// Fingerprint is what setup:upgrade acts on and Magento's own checks do not compare: a
// hash for each part. Equal fingerprints need no upgrade.
type Fingerprint map[string]string

// The parts, with what a change of each is called.
const (
	partModules  = "modules"  // the list of modules in config.php
	partQueues   = "queues"   // queue*.xml and communication.xml
	partSchema   = "schema"   // module.xml, db_schema*.{xml,json}
	partPatches  = "patches"  // PHP files below Setup
	partServices = "services" // what env.php says of databases, queues and search
)

// changes names the parts in the order in which they are told.
func changes() []struct{ part, text string } {
	return []struct{ part, text string }{
		{partModules, "the list of modules changed"},
		{partPatches, "data or schema patches changed"},
		{partSchema, "the schema of modules changed"},
		{partQueues, "the topology of the queues changed"},
		{partServices, "the database, queue or search service changed"},
	}
}

// changeOf returns what a change of a part is called.
func changeOf(part string) string {
	for _, c := range changes() {
		if c.part == part {
			return c.text
		}
	}
	return ""
}

// Difference says what differs between two fingerprints; "" when nothing does. A part that
// one of them lacks differs.
func (f Fingerprint) Difference(other Fingerprint) string {
	for _, c := range changes() {
		if f[c.part] == "" || f[c.part] != other[c.part] {
			return c.text
		}
	}
	return ""
}

// Code returns the parts that are in the code: everything below app/code and vendor that
// setup:upgrade reads. It takes about a second on a cold disk.
func Code(tree fs.FS) (Fingerprint, error) {
	hashes := map[string]hash.Hash{partQueues: sha256.New(), partSchema: sha256.New(), partPatches: sha256.New()}
	for _, dir := range []string{"app/code", "vendor"} {
		err := fs.WalkDir(tree, dir, func(name string, e fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist) && name == dir:
				return fs.SkipDir
			case err != nil:
				return err
			case e.IsDir() && passedOver(e.Name()):
				return fs.SkipDir
			case !e.Type().IsRegular():
				return nil
			}
			part := partOf(name)
			if part == "" {
				return nil
			}
			return addFile(hashes[part], tree, name)
		})
		if err != nil {
			return nil, err
		}
	}
	f := Fingerprint{}
	for part, h := range hashes {
		f[part] = hex.EncodeToString(h.Sum(nil))
	}
	return f, nil
}

// passedOver are directories that hold nothing for setup:upgrade, and many files.
func passedOver(name string) bool {
	return slices.Contains([]string{"view", "Test", "Tests", "test", "tests", "i18n", "node_modules", ".git", "docs"}, name)
}

func partOf(name string) string {
	base, dir := path.Base(name), path.Base(path.Dir(name))
	switch {
	case dir == "etc" && (strings.HasPrefix(base, "queue") || base == "communication.xml"):
		return partQueues
	case dir == "etc" && (base == "module.xml" || strings.HasPrefix(base, "db_schema")):
		return partSchema
	case strings.Contains(name, "/Setup/") && strings.HasSuffix(base, ".php"):
		return partPatches
	}
	return ""
}

func addFile(h hash.Hash, tree fs.FS, name string) error {
	f, err := tree.Open(name)
	if err != nil {
		return err
	}
	_, _ = io.WriteString(h, name+"\x00") // a hash does not fail
	_, err = io.Copy(h, f)
	return errors.Join(err, f.Close())
}

// modulesOf returns the hash of the list of modules in config.php, whatever its order:
// setup:upgrade sorts it.
func modulesOf(config *phparray.Array) string {
	h := sha256.New()
	modules := config.Sub("modules")
	for _, name := range slices.Sorted(slices.Values(modules.Keys())) {
		_, _ = io.WriteString(h, name+"="+modules.Text(name)+"\n") // a hash does not fail
	}
	return hex.EncodeToString(h.Sum(nil))
}

// servicesOf returns the hash of what env.php says of the services that setup:upgrade
// writes to. Passwords are left out: a new one changes no data.
func servicesOf(env *phparray.Array) string {
	h := sha256.New()
	var walk func(prefix string, a *phparray.Array)
	walk = func(prefix string, a *phparray.Array) {
		for key, v := range a.All() {
			at := prefix + "/" + key.String()
			if below, ok := v.(*phparray.Array); ok {
				walk(at, below)
				continue
			}
			if !strings.Contains(strings.ToLower(key.String()), "password") {
				_, _ = io.WriteString(h, at+"="+phparray.String(v)+"\n") // a hash does not fail
			}
		}
	}
	for _, section := range [][]string{{"db"}, {"resource"}, {"queue"}, {"remote_storage"}, {"system", "default", "catalog", "search"}} {
		walk(strings.Join(section, "/"), env.Sub(section...))
	}
	return hex.EncodeToString(h.Sum(nil))
}
