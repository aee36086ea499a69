package catalog

import "time"

// Runtime is one version of a language that applications run on, such as php 8.2.
//
// A runtime image has the user web (1000:1000, home /app), nginx, runit and the entry
// point StartApp; one that an operator names in a file must have them too.
type Runtime struct {
	Name      string // "php"
	Version   string // "8.2"
	Image     Image
	EndOfLife time.Time // zero when unknown
	// Build has what Image has, and the tools of other languages. Builds that use those run
	// in it; slugs never contain it. The zero value for a runtime that an operator names:
	// there, builds run in Image.
	Build Image

	// Extensions maps a name as written in runtime.extensions to how it is had.
	Extensions map[string]Extension
	// FPM and CLI are the commands in the image, such as "php-fpm8.2" and "php8.2".
	FPM string
	CLI string
}

// StartApp is the entry point of web containers: it runs nginx and either php-fpm or the
// application's own start command under a supervisor, as /etc/sluice says, and stops them
// in that order on SIGTERM.
const StartApp = "/usr/lib/sluice/start-app"

// Extension is one PHP extension of a runtime image.
type Extension struct {
	Module   string   // the file that php.ini names, "xsl.so"; empty when compiled in
	Zend     bool     // loaded by zend_extension
	Default  bool     // on unless disabled_extensions names it
	Always   bool     // on even when disabled_extensions names it; implies Default
	Priority int      // load order; lower first, equal ones in any order
	After    []string // extensions that this one needs: turned on with it, loaded before it
	Ignored  string   // why asking for it does nothing ("newrelic is a vendor's agent"); empty otherwise
}
