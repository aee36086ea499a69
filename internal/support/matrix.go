package support

import (
	"fmt"
	"strings"

	"sluice/internal/composer"
)

// Unsupported says in the words of the original why a version of a service does not
// go with a version of Magento; "" when it does. The version "latest" always does, and so
// does one of OpenSearch that the matrix leaves open.
func Unsupported(magento composer.Version, service, version string) string {
	if strings.EqualFold(version, "latest") {
		return ""
	}
	rows, known := tables().Supported[service]
	if !known {
		return fmt.Sprintf("Service %q is not supported for Magento %q", service, magento)
	}
	for _, row := range rows {
		if !magento.Satisfies(row.Magento) {
			continue
		}
		v, err := composer.ParseVersion(version)
		if err == nil && v.Satisfies(row.Service) {
			return ""
		}
		return fmt.Sprintf("Magento %s does not support version %q for service %q. Service version should satisfy %q constraint.", magento, version, service, row.Service)
	}
	if service == "opensearch" {
		return ""
	}
	return fmt.Sprintf("Service %q does not have defined configurations for %q Magento version", service, magento)
}
