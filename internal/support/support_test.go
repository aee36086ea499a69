package support_test

import (
	"testing"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/composer"
	"sluice/internal/support"
)

func TestUnsupported(t *testing.T) {
	for _, c := range []struct{ magento, service, version, want string }{
		{"2.4.7-p3", "mariadb", "10.6", ""},
		{"2.4.7-p3", "mariadb", "10.11", `Magento 2.4.7.0-patch3 does not support version "10.11" for service "mariadb". Service version should satisfy ">=10.6 <10.7" constraint.`},
		{"2.4.6", "redis", "7.0", ""},
		{"2.4.6", "redis-session", "2.8", `Magento 2.4.6.0 does not support version "2.8" for service "redis-session". Service version should satisfy "~3.2.0 || ~4.0.0 || ~5.0.0 || ~6.0.0 || ~6.2.0 || ~7.0.0" constraint.`},
		{"2.4.6", "redis", "latest", ""},
		{"2.3.0", "aurora", "2.0", `Service "aurora" does not have defined configurations for "2.3.0.0" Magento version`},
		{"2.3.1", "aurora", "2.0", ""},
		{"2.3.0", "elasticsearch", "5.2", ""},
		{"2.3.0", "elasticsearch", "6.5", `Magento 2.3.0.0 does not support version "6.5" for service "elasticsearch". Service version should satisfy "~1.7.0 || ~2.4.0 || ~5.2.0" constraint.`},
		{"2.3.4", "elasticsearch", "6.5", ""},
		{"2.4.1", "elasticsearch", "6.5", `Magento 2.4.1.0 does not support version "6.5" for service "elasticsearch". Service version should satisfy "~7.5.0 || ~7.6.0 || ~7.7.0" constraint.`},
		{"2.4.3-p1", "opensearch", "1.2", ""},
		{"2.4.3-p2", "opensearch", "2.0", `Magento 2.4.3.0-patch2 does not support version "2.0" for service "opensearch". Service version should satisfy "~1.1.0 || 1.2.*" constraint.`},
		{"2.4.7", "rabbitmq", "3.11", ""},
		{"2.4.5-p2", "rabbitmq", "3.11", `Magento 2.4.5.0-patch2 does not support version "3.11" for service "rabbitmq". Service version should satisfy "~3.5.0 || ~3.7.0 || ~3.8.0 || ~3.9.0" constraint.`},
		{"2.4.4", "valkey", "8.0", `Service "valkey" does not have defined configurations for "2.4.4.0" Magento version`},
		{"2.4.8", "valkey", "8.1", ""},
		{"2.4.8", "activemq", "2.42", ""},
		{"2.4.8", "mongodb", "4", `Service "mongodb" is not supported for Magento "2.4.8.0"`},
		{"2.4.6", "mysql", "nonsense", `Magento 2.4.6.0 does not support version "nonsense" for service "mysql". Service version should satisfy "~8.0.0" constraint.`},
	} {
		m, err := composer.ParseVersion(c.magento)
		if err != nil {
			t.Fatal(err)
		}
		if got := support.Unsupported(m, c.service, c.version); got != c.want {
			t.Errorf("%s %s %s:\n got %s\nwant %s", c.magento, c.service, c.version, got, c.want)
		}
	}
}

// TestEveryRowIsAConstraint makes sure that no row of the matrix panics.
func TestEveryRowIsAConstraint(t *testing.T) {
	for _, service := range []string{"php", "mariadb", "mysql", "aurora", "nginx", "varnish", "node", "redis", "valkey", "elasticsearch", "opensearch", "rabbitmq", "activemq"} {
		for _, magento := range []string{"2.1.0", "2.2.4", "2.2.9", "2.3.0", "2.3.2", "2.3.4", "2.3.6", "2.3.7-p4", "2.4.0", "2.4.2", "2.4.3-p3", "2.4.5-p3", "2.4.6", "2.4.7-p3", "2.4.9"} {
			m, err := composer.ParseVersion(magento)
			if err != nil {
				t.Fatal(err)
			}
			support.Unsupported(m, service, "7.0")
		}
	}
}

func TestEOL(t *testing.T) {
	now := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		service, version string
		want             support.EOL
	}{
		{"mariadb", "10.6", support.Approaching},
		{"mariadb", "10.6.19", support.Approaching},
		{"mariadb", "10.60", support.Maintained},
		{"mariadb", "10.4", support.Passed},
		{"php", "8.1.1", support.Passed},
		{"php", "7.2.9", support.Passed}, // the catalog does not have it
		{"php", "8.4", support.Maintained},
		{"redis-session", "7.0.11", support.Passed},
		{"elasticsearch", "6.5.4", support.Passed},
		{"valkey", "99.1", support.Maintained},
	} {
		if got, _ := support.EOLOf(c.service, c.version, now); got != c.want {
			t.Errorf("%s %s: %d", c.service, c.version, got)
		}
	}
	if got, day := support.EOLOf("mariadb", "10.6", time.Date(2026, 3, 6, 0, 0, 0, 0, time.UTC)); got != support.Maintained || day.Format(time.DateOnly) != "2026-07-06" {
		t.Errorf("four months before: %d, %s", got, day)
	}
}

// The day is that of the catalog, by which `sluice validate` warns of the same version.
func TestEndsOfLifeAreThoseOfTheCatalog(t *testing.T) {
	for service, name := range map[string]string{"mariadb": "mysql", "redis": "redis", "redis-session": "redis", "valkey": "valkey", "opensearch": "opensearch", "rabbitmq": "rabbitmq"} {
		for _, version := range catalog.Default().ServiceVersions(name) {
			known, _ := catalog.Default().Service(name, version)
			if _, day := support.EOLOf(service, version, time.Time{}); !day.Equal(known.EndOfLife) {
				t.Errorf("%s %s ends on %s, in the catalog on %s", service, version, day, known.EndOfLife)
			}
		}
	}
}
