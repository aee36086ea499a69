package zerohold

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"

	"sluice/internal/toolkit/phparray"
)

// Fingerprint is what setup:upgrade acts on and Magento's own checks do not compare: a
// hash for each part. Equal fingerprints need no upgrade.
type Fingerprint map[string]string

// The parts. docs/toolkit.md lists the files of each and who in Magento reads them.
const (
	partModules      = "modules"      // the list of modules in config.php
	partPatches      = "patches"      // everything below Setup
	partSchema       = "schema"       // module.xml, db_schema*
	partQueues       = "queues"       // queue*.xml, communication.xml
	partIndexers     = "indexers"     // indexer.xml, mview.xml
	partIntegrations = "integrations" // integration.xml, integration/*.xml; with them acl.xml
	partComponents   = "components"   // registration.php, theme.xml
	partRecurring    = "recurring"    // modules with a recurring script, di.xml that configures setup
	partServices     = "services"     // what env.php says of databases, queues and search
)

// change is a part with the text that says that it changed.
type change struct{ part, text string }

// changes returns the parts in the order in which they are reported.
func changes() []change {
	return []change{
		{partModules, "the list of modules changed"},
		{partPatches, "data or schema patches changed"},
		{partSchema, "the schema of modules changed"},
		{partQueues, "the topology of the queues changed"},
		{partIndexers, "indexers or their subscriptions changed"},
		{partIntegrations, "integrations changed"},
		{partComponents, "the registration of modules or themes changed"},
		{partRecurring, "a module with a recurring setup script changed"},
		{partServices, "the database, queue or search service changed"},
	}
}

// codeParts are the parts that Code returns.
func codeParts() []string {
	return []string{partPatches, partSchema, partQueues, partIndexers, partIntegrations, partComponents, partRecurring}
}

// changeOf returns the text of a part.
func changeOf(part string) string {
	all := changes()
	return all[slices.IndexFunc(all, func(c change) bool { return c.part == part })].text
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
