package support

import (
	"strings"
	"time"

	"sluice/internal/catalog"
)

// EOL says how long a version of a service is maintained.
type EOL int

// What EOLOf returns.
const (
	Maintained  EOL = iota
	Approaching     // the end is less than four months away
	Passed
)

// EOLOf returns how a version of a service stands at a time, and the day of its end. A
// version that neither the catalog nor the table has is maintained.
func EOLOf(service, version string, now time.Time) (EOL, time.Time) {
	end := endOf(service, version)
	switch {
	case end.IsZero():
		return Maintained, end
	case !end.After(now):
		return Passed, end
	case end.Before(now.AddDate(0, 4, 0)):
		return Approaching, end
	}
	return Maintained, end
}

// endOf returns the day from which a version is not maintained any more; zero when it is not
// known. The catalog goes first, so that no other part of Sluice says another day.
func endOf(service, version string) time.Time {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	for _, series := range []string{version, major + "." + minor, major} {
		if service == "php" {
			if known, ok := catalog.Default().Runtime(service, series); ok {
				return known.EndOfLife
			}
		} else if known, ok := catalog.Default().Service(catalogName(service), series); ok {
			return known.EndOfLife
		}
		if end, err := time.Parse(time.DateOnly, tables().EndOfLife[service][series]); err == nil {
			return end
		}
	}
	return time.Time{}
}

// catalogName is the name that the catalog has for a service: MariaDB has always been mysql on
// the platform.
func catalogName(service string) string {
	switch service {
	case "mariadb":
		return "mysql"
	case "redis-session", "valkey-session":
		name, _, _ := strings.Cut(service, "-")
		return name
	}
	return service
}
