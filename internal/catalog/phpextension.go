package catalog

import "strings"

// Load order, as in Debian's own files: what others need comes first.
const (
	loadFirst  = 10 // mysqlnd, pdo, opcache
	loadXML    = 15 // xml, igbinary and msgpack: others link to them
	loadNormal = 20
	loadLast   = 30 // needs one of the normal ones
)

// Which part an extension plays in an application.
const (
	optional = iota
	byDefault
	always
)

// phpModule is an extension as Debian packages it.
type phpModule struct {
	name     string // of the extension; its file is name + ".so"
	pack     string // "php<version>-" + pack has it; empty: php<version>-common
	role     int
	priority int // 0: loadNormal
	after    []string
	since    string // first PHP version that has it; empty: all
	until    string // last PHP version that has it; empty: all
	zend     bool
}

func (m phpModule) in(version string) bool {
	return (m.since == "" || CompareVersions(m.since, version) <= 0) &&
		(m.until == "" || CompareVersions(version, m.until) <= 0)
}

// phpModules lists what is not compiled in. Versions between Debian's releases have what
// the nearest ones have.
func phpModules() []phpModule {
	return []phpModule{
		{name: "amqp", pack: "amqp"},
		{name: "apcu", pack: "apcu"},
		{name: "bcmath", pack: "bcmath", role: byDefault},
		{name: "bz2", pack: "bz2", role: byDefault},
		{name: "calendar", role: byDefault},
		{name: "ctype", role: always},
		{name: "curl", pack: "curl", role: always},
		{name: "dba", pack: "dba", role: always},
		{name: "dom", pack: "xml", role: always},
		{name: "ds", pack: "ds", after: []string{"json"}, until: "7.4", priority: loadLast},
		{name: "ds", pack: "ds", since: "8.0"},
		{name: "enchant", pack: "enchant"},
		{name: "exif", role: byDefault, after: []string{"mbstring"}, priority: loadLast},
		{name: "ffi"},
		{name: "fileinfo", role: always},
		{name: "ftp", role: always},
		{name: "gd", pack: "gd", role: byDefault},
		{name: "geoip", pack: "geoip", until: "7.4"},
		{name: "gettext", role: byDefault},
		{name: "gmp", pack: "gmp"},
		{name: "http", pack: "http", after: []string{"raphf", "propro"}, until: "7.4", priority: loadLast},
		{name: "http", pack: "http", after: []string{"raphf"}, since: "8.0", priority: loadLast},
		{name: "iconv", role: always},
		{name: "igbinary", pack: "igbinary", priority: loadXML},
		{name: "imagick", pack: "imagick"},
		{name: "imap", pack: "imap", until: "8.3"},
		{name: "intl", pack: "intl", role: byDefault},
		{name: "json", pack: "json", role: always, until: "7.4", priority: loadXML},
		{name: "ldap", pack: "ldap"},
		{name: "mailparse", pack: "mailparse", after: []string{"mbstring"}, priority: loadLast},
		{name: "mbstring", pack: "mbstring", role: always},
		{name: "mcrypt", pack: "mcrypt", since: "8.0"},
		{name: "memcached", pack: "memcached", after: []string{"igbinary", "msgpack"}, priority: loadLast},
		{name: "mongodb", pack: "mongodb"},
		{name: "msgpack", pack: "msgpack", priority: loadXML},
		{name: "mysqli", pack: "mysql", role: byDefault, after: []string{"mysqlnd"}},
		{name: "mysqlnd", pack: "mysql", role: always, priority: loadFirst},
		{name: "oauth", pack: "oauth"},
		{name: "opcache", pack: "opcache", role: byDefault, priority: loadFirst, zend: true, until: "8.4"},
		{name: "pcov", pack: "pcov"},
		{name: "pdo", role: always, priority: loadFirst},
		{name: "pdo_mysql", pack: "mysql", role: byDefault, after: []string{"mysqlnd", "pdo"}},
		{name: "pdo_pgsql", pack: "pgsql", after: []string{"pdo"}},
		{name: "pdo_sqlite", pack: "sqlite3", role: always, after: []string{"pdo"}},
		{name: "pgsql", pack: "pgsql"},
		{name: "phar", role: always},
		{name: "posix", role: always},
		{name: "propro", pack: "propro", until: "7.4"},
		{name: "pspell", pack: "pspell"},
		{name: "raphf", pack: "raphf"},
		{name: "readline", pack: "readline", role: always},
		{name: "redis", pack: "redis", after: []string{"igbinary"}, priority: loadLast},
		{name: "shmop"},
		{name: "simplexml", pack: "xml", role: always},
		{name: "soap", pack: "soap", role: byDefault},
		{name: "sockets", role: byDefault},
		{name: "sqlite3", pack: "sqlite3", role: always},
		{name: "ssh2", pack: "ssh2"},
		{name: "sysvmsg", role: byDefault},
		{name: "sysvsem", role: byDefault},
		{name: "sysvshm", role: byDefault},
		{name: "tidy", pack: "tidy"},
		{name: "tokenizer", role: always},
		{name: "uploadprogress", pack: "uploadprogress"},
		{name: "uuid", pack: "uuid"},
		{name: "xdebug", pack: "xdebug", zend: true},
		{name: "xml", pack: "xml", role: always, priority: loadXML},
		{name: "xmlreader", pack: "xml", role: always, after: []string{"dom"}, priority: loadLast},
		{name: "xmlrpc", pack: "xmlrpc", after: []string{"xml"}},
		{name: "xmlwriter", pack: "xml", role: always},
		{name: "xsl", pack: "xml", after: []string{"dom"}, priority: loadLast},
		{name: "yaml", pack: "yaml"},
		{name: "zip", pack: "zip", role: byDefault},
	}
}

// phpCompiledIn lists what Debian's PHP always has; it may be asked for and not disabled.
func phpCompiledIn(version string) []string {
	names := []string{
		"core", "date", "filter", "hash", "libxml", "openssl", "pcntl", "pcre", "reflection",
		"session", "sodium", "spl", "standard", "zlib",
	}
	if CompareVersions(version, "8.0") >= 0 {
		names = append(names, "json")
	}
	if CompareVersions(version, "8.5") >= 0 {
		names = append(names, "opcache")
	}
	return names
}

// phpIgnored lists what projects ask for and no free package has. The request is reported
// and changes nothing, because the code works without them.
func phpIgnored() map[string]string {
	return map[string]string{
		"blackfire":      "it is the agent of a paid profiler; connect your own at the host",
		"ioncube":        "it is a proprietary loader; files encoded with it do not run here",
		"newrelic":       "it is the agent of a paid monitoring service; connect your own at the host",
		"sourceguardian": "it is a proprietary loader; files encoded with it do not run here",
		"tideways":       "it is the agent of a paid profiler; connect your own at the host",
	}
}

// phpExtensions returns the extensions of a version by lower-case name.
func phpExtensions(version string) map[string]Extension {
	out := map[string]Extension{}
	for name, why := range phpIgnored() {
		out[name] = Extension{Ignored: why}
	}
	for _, name := range phpCompiledIn(version) {
		out[name] = Extension{Default: true, Always: true}
	}
	for _, m := range phpModules() {
		if !m.in(version) {
			continue
		}
		e := Extension{
			Module: m.name + ".so", Zend: m.zend, Priority: m.priority, After: m.after,
			Default: m.role >= byDefault, Always: m.role == always,
		}
		if e.Priority == 0 {
			e.Priority = loadNormal
		}
		out[m.name] = e
	}
	return out
}

// phpPackages returns the packages that have a version's extensions and its commands.
func phpPackages(version string) []string {
	prefix := "php" + version + "-"
	out := []string{prefix + "cli", prefix + "common", prefix + "fpm"}
	for _, m := range phpModules() {
		if m.pack == "" || !m.in(version) {
			continue
		}
		if phpUnversioned(m.pack) && strings.HasPrefix(version, "7.") {
			out = append(out, "php-"+m.pack) // bullseye names what is not PHP's own without the version
			continue
		}
		out = append(out, prefix+m.pack)
	}
	return out
}

// phpUnversioned says whether an extension comes from PECL, not with PHP.
func phpUnversioned(pack string) bool {
	switch pack {
	case "amqp", "apcu", "ds", "geoip", "http", "igbinary", "imagick", "mailparse", "memcached",
		"mongodb", "msgpack", "oauth", "pcov", "propro", "raphf", "redis", "ssh2",
		"uploadprogress", "uuid", "xdebug", "yaml":
		return true
	}
	return false
}
