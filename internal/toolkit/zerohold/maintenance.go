package zerohold

import (
	"bytes"
	"path"
	"strings"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/tree"
)

// noteMaintenance is beside the parts in what a build leaves: the file by which more belongs to
// maintenance mode than Magento's own class does, or stock. It is no part of the comparison.
const noteMaintenance = "maintenance"

// stock says that maintenance mode is what Magento's own class does.
const stock = "stock"

// isWiring reports whether a file can say what maintenance mode does. Magento's commands read
// the configuration of no area.
func isWiring(name string) bool {
	base := path.Base(name)
	return path.Base(path.Dir(name)) == "etc" && (base == "di.xml" || base == "events.xml")
}

// changesMaintenance reports whether a module that is not Magento's replaces, extends or
// configures the class, or observes its event. What Magento's own modules do with it is known.
func changesMaintenance(name string, text []byte) bool {
	if strings.HasPrefix(name, "vendor/magento/") || strings.HasPrefix(name, "app/code/Magento/") {
		return false
	}
	word := `Magento\Framework\App\MaintenanceMode"`
	if path.Base(name) == "events.xml" {
		word = `"maintenance_mode_changed"`
	}
	return bytes.Contains(text, []byte(word))
}

// Maintenance says how maintenance mode is switched, as far as code decides that. The zero value
// looks at the code when it is asked, which takes seconds for a build of an earlier toolkit.
type Maintenance struct{ note string }

// Look looks at the code now.
func (m *Maintenance) Look(k *kit.Kit) error {
	if m.note != "" {
		return nil
	}
	code, err := codeOf(k)
	m.note = code[noteMaintenance]
	return err
}

// Own returns why Magento's commands have to turn maintenance mode on and off; "" when the
// file var/.maintenance.flag is all that they would change.
func (m *Maintenance) Own(k *kit.Kit) (reason string, err error) {
	env, err := k.PHPFile(tree.EnvPHP).Read()
	if err != nil {
		return "", err
	}
	if driver := env.Text("remote_storage", "driver"); driver != "" && driver != "file" {
		return "its flag is in the remote storage", nil
	}
	if err := m.Look(k); err != nil || m.note == stock {
		return "", err
	}
	return m.note + " changes what it does", nil
}
