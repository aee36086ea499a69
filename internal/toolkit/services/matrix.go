package services

import (
	"fmt"
	"strings"

	"sluice/internal/toolkit/composer"
)

// supported is a row of the matrix: for the Magento versions of a constraint, the versions
// of a service.
type supported struct{ magento, service string }

// matrix returns the versions that Magento supports of a service; the first row that fits
// counts (spec: ece-tools C.3). ok is false for a service that the matrix does not know.
//
// The rows below Magento 2.4.8 are those of the claimed release, with OpenSearch 2 for 2.4.4
// and 2.4.5, which a later one added. Those from 2.4.8 on and Valkey's are ours, after the
// release notes of appendix H and what Magento itself requires.
func matrix(service string) (rows []supported, ok bool) {
	switch service {
	case "php":
		return []supported{
			{"<=2.2.4", ">=7.0 <7.2"},
			{">=2.2.5 <2.2.10", ">=7.0 <7.2"},
			{">=2.2.10 <2.3.0", ">=7.1 <7.3"},
			{">=2.3.0 <2.3.3", ">=7.1 <7.3"},
			{">=2.3.3 <2.3.7-p4", ">=7.1 <7.4"},
			{">=2.4.0 <2.4.4 || ~2.3.7-p4", ">=7.3 <7.5"},
			{">=2.4.4 <2.4.6", ">=8.1 <8.2"},
			{">=2.4.6 <2.4.8", ">=8.1 <8.4"},
			{">=2.4.8", ">=8.2"},
		}, true
	case "mariadb":
		return []supported{
			{"<2.3.6-p1", ">=10.0 <10.3"},
			{">=2.3.6-p1 <2.4.0", ">=10.0 <10.4"},
			{">=2.4.0 <2.4.6", ">=10.2 <10.5"},
			{">=2.4.6 <2.4.8", ">=10.6 <10.7"},
			{">=2.4.8", "~10.6.0 || ~10.11.0 || ~11.4.0"},
		}, true
	case "mysql":
		return []supported{
			{"<2.3.0", "~5.6.0 || ~5.7.0"},
			{">=2.3.0 <2.4.0", "~5.7.0"},
			{">=2.4.0 <2.4.1", "~5.7.0 || ~8.0.0"},
			{">=2.4.1 <2.4.8", "~8.0.0"},
			{">=2.4.8", "~8.0.0 || ~8.4.0"},
		}, true
	case "aurora":
		return []supported{{"<2.3.0", "~1.0.0 || ~2.0.0"}, {">2.3.0", "~2.0.0"}}, true
	case "nginx":
		return []supported{{"*", "^1.9.0"}}, true
	case "varnish":
		return []supported{
			{"<2.2.0", "~3.5.0 || ^4.0"},
			{">=2.2.0 <2.3.3", "^4.0 || ^5.0"},
			{">=2.3.3 <2.4.4", "^4.0 || ^5.0 || ^6.2"},
			{">=2.4.4 <2.4.6", "~7.0.0"},
			{">=2.4.6", "~7.1.1"},
		}, true
	case "node":
		return []supported{{"*", "^6 || ^8 || ^10 || ^11"}}, true
	case "redis", "redis-session":
		const all = "~3.2.0 || ~4.0.0 || ~5.0.0 || ~6.0.0 || ~6.2.0 || ~7.0.0"
		return []supported{{"<2.4.8", all}, {">=2.4.8", all + " || ~7.2.0"}}, true
	case "valkey", "valkey-session":
		return []supported{{">=2.4.5", "^8.0"}}, true
	case "elasticsearch":
		return elasticsearchMatrix(), true
	case "opensearch":
		return []supported{
			{">=2.3.7-p3 <2.4.0 || >=2.4.3-p2 <2.4.4", "~1.1.0 || 1.2.*"},
			{">=2.4.4 <2.4.6", "~1.1.0 || 1.2.* || ^2"},
			{">=2.4.6 <2.4.8", "^2"},
			{">=2.4.8", "^2 || ^3"},
		}, true
	case "rabbitmq":
		return []supported{
			{"<2.3.0", "~3.5.0"},
			{">=2.3.0 <2.3.7-p4 || >=2.4.0 <2.4.3-p3", "~3.5.0 || ~3.7.0 || ~3.8.0"},
			{">=2.4.3-p3 <2.4.5-p3 || ~2.3.7-p4", "~3.5.0 || ~3.7.0 || ~3.8.0 || ~3.9.0"},
			{">=2.4.5-p3 <2.4.7", "~3.9.0 || ~3.11.0"},
			{">=2.4.7 <2.4.8", "~3.11.0"},
			{">=2.4.8", "~3.13.0 || ^4.0"},
		}, true
	case "activemq":
		return []supported{{"*", "*"}}, true
	}
	return nil, false
}

// elasticsearchMatrix says which Elasticsearch goes with which Magento; up to 2.4.0 each
// row adds to the one before.
func elasticsearchMatrix() []supported {
	const (
		v1 = "~1.7.0 || ~2.4.0"
		v2 = v1 + " || ~5.2.0"
		v3 = v2 + " || ~6.5.0"
		v4 = v3 + " || ~6.8.0 || ~7.5.0 || ~7.6.0 || ~7.7.0"
		v5 = v4 + " || ~7.9.0"
	)
	return []supported{
		{"<2.2.0", v1},
		{">=2.2.0 <2.2.8 || 2.3.0", v2},
		{">=2.2.8 <2.3.0 || >=2.3.1 <2.3.5", v3},
		{">=2.3.5 <2.3.7", v4},
		{">=2.3.7 <2.3.7-p3", v5},
		{">=2.3.7-p3 <2.4.0", v5 + " || ~7.10.0"},
		{">=2.4.0 <2.4.2", "~7.5.0 || ~7.6.0 || ~7.7.0"},
		{">=2.4.2 <2.4.3", "~7.5.0 || ~7.6.0 || ~7.7.0 || ~7.9.0"},
		{">=2.4.3 <2.4.4", "~7.5.0 || ~7.6.0 || ~7.7.0 || ~7.9.0 || ~7.10.0"},
		{">=2.4.4", "~7.10.0"},
	}
}

// Unsupported says in the words of the specification why a version of a service does not
// go with a version of Magento; "" when it does. The version "latest" always does, and so
// does one of OpenSearch that the matrix leaves open.
func Unsupported(magento composer.Version, service, version string) string {
	if strings.EqualFold(version, "latest") {
		return ""
	}
	rows, known := matrix(service)
	if !known {
		return fmt.Sprintf("Service %q is not supported for Magento %q", service, magento)
	}
	for _, row := range rows {
		if !magento.Satisfies(row.magento) {
			continue
		}
		v, err := composer.ParseVersion(version)
		if err == nil && v.Satisfies(row.service) {
			return ""
		}
		return fmt.Sprintf("Magento %s does not support version %q for service %q. Service version should satisfy %q constraint.", magento, version, service, row.service)
	}
	if service == "opensearch" {
		return ""
	}
	return fmt.Sprintf("Service %q does not have defined configurations for %q Magento version", service, magento)
}
