// Package catalog says which runtimes and services exist: their versions, where their
// images come from, ports, credentials, health checks and the shape of the relationship
// that an application gets. The data is embedded; an operator's file may add or override
// entries (design: decision 3).
//
// It is layer 0: standard library only, pure data and look-ups. It starts nothing and
// fetches nothing; internal/images makes the images it describes.
package catalog

import "time"

// Catalog is an immutable set of runtimes and services. Safe for concurrent use.
type Catalog struct {
	runtimes []Runtime
	services []Service
}

// Runtime is one version of a language that applications run on, such as php 8.2.
type Runtime struct {
	Name      string // "php"
	Version   string // "8.2"
	Image     Image
	EndOfLife time.Time // zero when unknown

	// Extensions maps a name as written in runtime.extensions to how it is had.
	Extensions map[string]Extension
	// FPM and CLI are the commands in the image, such as "php-fpm8.2" and "php8.2".
	FPM string
	CLI string
}

// Extension is one PHP extension of a runtime image.
type Extension struct {
	Module   string // the file that php.ini names, "xsl.so"; empty when compiled in
	Zend     bool   // loaded by zend_extension
	Default  bool   // on unless disabled_extensions names it
	Priority int    // load order; lower first
	After    []string
	Ignored  string // why asking for it does nothing ("newrelic is a vendor's agent"); empty otherwise
}

// Service is one version of a service, such as mariadb 10.11.
type Service struct {
	Type       string // as written in services.yaml before the colon: "mysql", "redis", ...
	Version    string
	Image      Image
	EndOfLife  time.Time // zero when unknown
	Endpoint   string    // default endpoint name
	Scheme     string    // of the relationship: "mysql", "redis", "http", "amqp"
	Port       int
	Persistent bool     // has a data directory and needs "disk"
	DataDir    string   // in the container; empty when not persistent
	User       string   // "uid:gid" that the container runs as
	Command    []string // empty: the image's own
	Tmpfs      []string // writable scratch directories beside DataDir
	// Health is run in the container; exit status 0 means ready for connections.
	Health []string
	// Credentials says what the endpoints carry.
	Credentials Credentials
	// Stop is how long the service may take to stop cleanly.
	Stop time.Duration
	// Env is set in the container; values may contain ${username}, ${password}, ${path},
	// ${memory} (MB) and ${properties.<name>}, replaced by topology.
	Env map[string]string
}

// Credentials is the shape of an endpoint's access data (spec: commerce-cloud 4.5).
type Credentials struct {
	Username string // empty: the relationship carries null
	Password bool   // a generated password
	Path     string // database name, "main"; empty: null
}

// Image says where an image comes from. Exactly one of Debian and Reference is set.
type Image struct {
	Name      string  // stable local name, "php-8.2"
	Debian    *Debian // assembled here from signed packages
	Reference string  // pulled from a registry
}

// Debian describes an image assembled by mmdebstrap.
type Debian struct {
	Suite    string   // "bookworm"
	Packages []string // beside the minimal base
	Files    []File   // written into the image
	Script   string   // POSIX shell, run once in the root with chroot; no network
}

// File is a file of an image.
type File struct {
	Path    string
	Mode    uint32
	Content string
}
