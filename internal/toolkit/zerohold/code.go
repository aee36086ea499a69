package zerohold

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sluice/internal/toolkit/components"
)

// Code returns the parts of the fingerprint that are in the code: every file that
// setup:upgrade or a recurring script reads, and its name. Links are followed, as PHP does.
// dir is the absolute path of tree, which absolute links may begin with. A file that cannot
// be read and a link that leads out of the tree are errors: setup:upgrade could read them.
// It takes seconds on a cold disk.
func Code(tree fs.FS, dir string) (Fingerprint, error) {
	c := &code{tree: tree, dir: dir, hashes: map[string]hash.Hash{partACL: sha256.New(), partOwnXML: sha256.New()}, linked: map[string]bool{}}
	for _, part := range codeParts() {
		c.hashes[part] = sha256.New()
	}
	roots, err := rootsOf(tree)
	if err != nil {
		return nil, err
	}
	for _, root := range roots {
		if _, err := fs.Stat(tree, root); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := c.walk(root, root, module{}); err != nil {
			return nil, fmt.Errorf("read what setup:upgrade reads: %w", err)
		}
	}
	if c.integrations {
		_, _ = c.hashes[partIntegrations].Write(c.hashes[partACL].Sum(nil)) // a hash does not fail
	}
	if c.foreign {
		_, _ = c.hashes[partRecurring].Write(c.hashes[partOwnXML].Sum(nil)) // as above
	}
	f := Fingerprint{}
	for _, part := range codeParts() {
		f[part] = hex.EncodeToString(c.hashes[part].Sum(nil))
	}
	f[noteMaintenance] = cmp.Or(c.maintenance, stock)
	return f, nil
}

// rootsOf returns the directories that hold components: Magento's own, and those of
// registrations elsewhere.
func rootsOf(tree fs.FS) ([]string, error) {
	roots := []string{"app/code", "app/design", "lib/internal", "setup/src", "vendor"}
	registered, err := components.Files(tree)
	for _, name := range registered {
		dir := path.Dir(name)
		inside := func(root string) bool { return dir == root || strings.HasPrefix(dir, root+"/") }
		if path.Base(name) == "registration.php" && dir != "." && !slices.ContainsFunc(roots, inside) {
			roots = append(roots, dir)
		}
	}
	return roots, err
}

// code collects the hashes of one tree.
type code struct {
	tree   fs.FS
	dir    string
	hashes map[string]hash.Hash
	linked map[string]bool // what links led to, each walked once
	// integrations tells that there are some; only then the access control lists count.
	integrations bool
	// foreign tells that modules other than Magento's have recurring scripts; only then
	// configuration files of kinds that are not Magento's count.
	foreign bool
	// maintenance is the first file that changes what maintenance mode does; "" for none.
	maintenance string
}

// partACL is a part of the integrations: their permissions are looked up in acl.xml.
const partACL = "acl"

// partOwnXML is a part of the recurring scripts: a module may define a kind of XML file that
// every module can have, and read all of them in its script.
const partOwnXML = "own"

// module is what a walk knows of the module that it is in.
type module struct {
	dir       string // "" outside of a module
	recurring bool   // it has a recurring script, which may read anything of it
}

// walk reads a directory. name is what Magento calls it and what is hashed, place the same
// without links.
func (c *code) walk(name, place string, in module) error {
	entries, err := fs.ReadDir(c.tree, place)
	if err != nil {
		return err
	}
	if c.exists(place, "etc/module.xml") {
		in = module{dir: name, recurring: c.exists(place, "Setup/Recurring.php") || c.exists(place, "Setup/RecurringData.php")}
		c.foreign = c.foreign || in.recurring && !strings.HasPrefix(name, "vendor/magento/") && !strings.HasPrefix(name, "app/code/Magento/")
	}
	for _, e := range entries {
		name, place := path.Join(name, e.Name()), path.Join(place, e.Name())
		kind := e.Type()
		if kind&fs.ModeSymlink != 0 {
			if place, kind, err = c.follow(place); err != nil {
				return err
			}
		}
		switch {
		case kind.IsDir() && !passedOver(name, in):
			err = c.walk(name, place, in)
		case kind.IsRegular():
			err = c.add(name, place, in)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// follow returns where a link leads and what is there: nothing when the link is broken, or
// when the place is walked anyway.
func (c *code) follow(link string) (to string, kind fs.FileMode, err error) {
	target, err := fs.ReadLink(c.tree, link)
	if err != nil {
		return "", 0, err
	}
	if to = path.Join(path.Dir(link), target); path.IsAbs(target) {
		to = target
		if rest, ok := strings.CutPrefix(path.Clean(target), c.dir+"/"); ok && c.dir != "" {
			to = rest
		}
	}
	if !fs.ValidPath(to) {
		return "", 0, fmt.Errorf("the link %s leads out of the application, to %s", link, target)
	}
	info, err := fs.Stat(c.tree, to)
	if errors.Is(err, fs.ErrNotExist) {
		return to, fs.ModeIrregular, nil
	}
	if err != nil {
		return "", 0, err
	}
	above := to == "." || strings.HasPrefix(link, to+"/")
	if info.IsDir() && (above || c.linked[to]) {
		return to, fs.ModeIrregular, nil
	}
	c.linked[to] = true
	return to, info.Mode().Type(), nil
}

func (c *code) exists(dir, name string) bool {
	_, err := fs.Stat(c.tree, path.Join(dir, name))
	return err == nil
}

// passedOver tells directories that hold nothing for setup:upgrade, and many files. Names
// mean something only directly in a module: a vendor may be named Test.
func passedOver(name string, in module) bool {
	base := path.Base(name)
	if base == ".git" || base == "node_modules" {
		return true
	}
	return in.dir != "" && path.Dir(name) == in.dir &&
		slices.Contains([]string{"view", "Test", "Tests", "test", "tests", "i18n", "docs"}, base)
}

// add adds a file to the part that it belongs to.
func (c *code) add(name, place string, in module) error {
	part, wiring := partOf(name, in), isWiring(name)
	if part == "" && !wiring {
		return nil
	}
	f, err := c.tree.Open(place)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	if wiring {
		text, err := io.ReadAll(f)
		if err != nil {
			return err
		}
		if c.maintenance == "" && changesMaintenance(name, text) {
			c.maintenance = name
		}
		if part == "" && path.Base(name) == "di.xml" && configuresSetup(text) {
			part = partRecurring
		}
		if part != "" {
			_, _ = io.WriteString(c.hashes[part], name+"\x00"+string(text)) // a hash does not fail
		}
		return nil
	}
	c.integrations = c.integrations || part == partIntegrations
	_, _ = io.WriteString(c.hashes[part], name+"\x00") // as above
	_, err = io.Copy(c.hashes[part], f)
	return err
}

func partOf(name string, in module) string {
	base, dir := path.Base(name), path.Base(path.Dir(name))
	switch {
	case base == "registration.php" || base == "theme.xml":
		return partComponents
	case strings.Contains(name, "/Setup/"):
		return partPatches
	case dir == "etc" && (strings.HasPrefix(base, "queue") || base == "communication.xml"):
		return partQueues
	case dir == "etc" && (base == "module.xml" || strings.HasPrefix(base, "db_schema")):
		return partSchema
	case dir == "etc" && (base == "indexer.xml" || base == "mview.xml"):
		return partIndexers
	case dir == "etc" && base == "integration.xml", strings.Contains(name, "/etc/integration/"):
		return partIntegrations
	case in.recurring:
		return partRecurring
	case dir == "etc" && base == "acl.xml":
		return partACL
	case dir == "etc" && path.Ext(base) == ".xml" && in.dir != "" && !magentoReads(base):
		return partOwnXML
	}
	return ""
}

// magentoReads reports whether Magento reads a kind of file in etc, but for those that are
// parts.
func magentoReads(base string) bool {
	switch base {
	case "address_formats.xml", "analytics.xml", "cache.xml", "catalog_attributes.xml", "config.xml",
		"countries.xml", "cron_groups.xml", "crontab.xml", "csp_whitelist.xml", "di.xml", "directory.xml",
		"eav_attributes.xml", "email_templates.xml", "esconfig.xml", "et_schema.xml", "events.xml",
		"export.xml", "extension_attributes.xml", "fieldset.xml", "import.xml", "media_content.xml",
		"payment.xml", "pdf.xml", "persistent.xml", "product_options.xml", "product_types.xml", "query.xml",
		"reports.xml", "resources.xml", "routes.xml", "sales.xml", "search_engine.xml", "search_request.xml",
		"sections.xml", "system.xml", "validation.xml", "view.xml", "webapi.xml", "webapi_async.xml",
		"widget.xml", "zip_codes.xml":
		return true
	}
	return false
}

// configuresSetup reports whether a di.xml gives arguments to, replaces or extends a type
// that setup:upgrade and Magento's recurring scripts work with.
func configuresSetup(di []byte) bool {
	return slices.ContainsFunc([]string{
		`\Setup\`, `\Mview\`, `\MessageQueue\`, `\Communication\`, `\Amqp\`, `\Indexer\Config`, `SalesSequence\Model\EntityPool`, `Magento\Integration\`, `Magento\Theme\Model\Theme\`,
	}, func(name string) bool { return bytes.Contains(di, []byte(name)) })
}
