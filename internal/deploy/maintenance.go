package deploy

import (
	"errors"
	"io/fs"

	"sluice/internal/platform"
)

// maintenanceFile replaces the router's own page for visitors who can neither be served
// nor wait.
const maintenanceFile = ".magento/maintenance.html"

// readMaintenancePage returns the project's page; "" when it has none that can be used,
// which the log says.
func (d *deployment) readMaintenancePage(tree fs.FS) string {
	info, err := fs.Stat(tree, maintenanceFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ""
	case err == nil && info.Size() > platform.MaxMaintenancePage:
		d.log.Line(2, "W: %s has %d bytes, at most %d are shown: visitors see the router's own page", maintenanceFile, info.Size(), platform.MaxMaintenancePage)
		return ""
	}
	page, err := fs.ReadFile(tree, maintenanceFile)
	if err != nil || len(page) > platform.MaxMaintenancePage {
		d.log.Line(2, "W: %s cannot be read: visitors see the router's own page", maintenanceFile)
		return ""
	}
	return string(page)
}
