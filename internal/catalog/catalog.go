// Package catalog says which runtimes and services exist: their versions, where their
// images come from, ports, credentials, health checks and the shape of the relationship
// that an application gets. The data is embedded; an operator's file may add or override
// entries.
//
// It is layer 0: standard library only, pure data and look-ups. It starts nothing and
// fetches nothing; internal/images makes the images it describes.
package catalog

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Catalog is an immutable set of runtimes and services. Safe for concurrent use.
type Catalog struct {
	runtimes map[string]map[string]Runtime // by name, then version
	services map[string]map[string]Service // by type, then version
}

// Runtime returns one version of a runtime, such as "php", "8.2". ok is false when the
// catalog has no such version.
func (c *Catalog) Runtime(name, version string) (r Runtime, ok bool) {
	r, ok = c.runtimes[name][version]
	return r, ok
}

// Service returns one version of a service, such as "mysql", "10.11". ok is false when
// the catalog has no such version. Types that mean the same software are equal but for
// Type: "mysql" is MariaDB.
func (c *Catalog) Service(serviceType, version string) (s Service, ok bool) {
	s, ok = c.services[serviceType][version]
	return s, ok
}

// RuntimeNames returns the names of all runtimes in alphabetical order.
func (c *Catalog) RuntimeNames() []string { return slices.Sorted(maps.Keys(c.runtimes)) }

// ServiceTypes returns the types of all services in alphabetical order.
func (c *Catalog) ServiceTypes() []string { return slices.Sorted(maps.Keys(c.services)) }

// RuntimeVersions returns the versions of a runtime, oldest first; nil for an unknown name.
func (c *Catalog) RuntimeVersions(name string) []string { return versions(c.runtimes[name]) }

// ServiceVersions returns the versions of a service, oldest first; nil for an unknown type.
func (c *Catalog) ServiceVersions(serviceType string) []string {
	return versions(c.services[serviceType])
}

// DefaultEndpoint returns the name of a service type's default endpoint, also for versions
// that the catalog does not have. A type that it does not know is its own endpoint.
func (c *Catalog) DefaultEndpoint(serviceType string) string {
	for _, s := range c.services[serviceType] {
		return s.Endpoint // the same in every version
	}
	return serviceType
}

// Images returns every image of the catalog once, in the order of their names.
func (c *Catalog) Images() []Image {
	byName := map[string]Image{}
	for _, all := range c.runtimes {
		for _, r := range all {
			byName[r.Image.Name] = r.Image
			if r.Build.Name != "" {
				byName[r.Build.Name] = r.Build
			}
		}
	}
	for _, all := range c.services {
		for _, s := range all {
			byName[s.Image.Name] = s.Image
		}
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b Image) int {
		return strings.Compare(a.Name, b.Name)
	})
}

// Siblings returns the names of the images of the same software that are assembled from
// Debian packages: what can be had when no registry answers.
func (c *Catalog) Siblings(img Image) []string {
	software, _, _ := strings.Cut(img.Name, "-")
	var out []string
	for _, other := range c.Images() {
		if name, _, _ := strings.Cut(other.Name, "-"); name == software && other.Debian != nil && !strings.HasSuffix(other.Name, "-build") {
			out = append(out, other.Name)
		}
	}
	return out
}

func versions[T any](all map[string]T) []string {
	return slices.SortedFunc(maps.Keys(all), CompareVersions)
}

// Reads reports whether a service, such as "mysql:10.11", can use the data of another version:
// of the same program, and of none that is later.
func Reads(service, data string) bool {
	name, version, _ := strings.Cut(service, ":")
	dataName, dataVersion, _ := strings.Cut(data, ":")
	same := strings.NewReplacer("mariadb", "mysql")
	return same.Replace(name) == same.Replace(dataName) && CompareVersions(version, dataVersion) >= 0
}

// CompareVersions orders versions by their dotted parts, numbers by value: "7.4", "8.2",
// "10.11". A part that is not a number, such as the x of "2.x", comes after all numbers.
func CompareVersions(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), comparePart)
}

func comparePart(a, b string) int {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	switch {
	case errX == nil && errY == nil:
		return x - y
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	default:
		return strings.Compare(a, b)
	}
}
