package phparray

import (
	"math"
	"strings"
)

// Constant returns the value of a constant of PHP or of its database driver (with mysqlnd,
// which every current PHP has); ok is false for any other.
func Constant(name string) (v any, ok bool) {
	name = strings.TrimPrefix(name, `\`)
	switch strings.ToLower(name) {
	case "true":
		return true, true
	case "false":
		return false, true
	case "null":
		return nil, true
	}
	switch name {
	case "PHP_EOL":
		return "\n", true
	case "PHP_INT_MAX":
		return math.MaxInt, true
	case "PHP_INT_MIN":
		return math.MinInt, true
	case "PHP_INT_SIZE":
		return 8, true
	case "DIRECTORY_SEPARATOR":
		return "/", true
	case "PATH_SEPARATOR":
		return ":", true
	case "INF":
		return math.Inf(1), true
	case "NAN":
		return math.NaN(), true
	}
	class, member, _ := strings.Cut(name, "::")
	if !strings.EqualFold(class, "PDO") {
		return nil, false
	}
	n, ok := pdoConstants()[member]
	return n, ok
}

// pdoConstants are the attributes that a database connection's driver_options may have.
func pdoConstants() map[string]int {
	return map[string]int{
		"ATTR_AUTOCOMMIT":                   0,
		"ATTR_PREFETCH":                     1,
		"ATTR_TIMEOUT":                      2,
		"ATTR_ERRMODE":                      3,
		"ATTR_PERSISTENT":                   12,
		"ATTR_STRINGIFY_FETCHES":            17,
		"ATTR_DEFAULT_FETCH_MODE":           19,
		"ATTR_EMULATE_PREPARES":             20,
		"ERRMODE_SILENT":                    0,
		"ERRMODE_WARNING":                   1,
		"ERRMODE_EXCEPTION":                 2,
		"MYSQL_ATTR_USE_BUFFERED_QUERY":     1000,
		"MYSQL_ATTR_LOCAL_INFILE":           1001,
		"MYSQL_ATTR_INIT_COMMAND":           1002,
		"MYSQL_ATTR_COMPRESS":               1003,
		"MYSQL_ATTR_DIRECT_QUERY":           1004,
		"MYSQL_ATTR_FOUND_ROWS":             1005,
		"MYSQL_ATTR_IGNORE_SPACE":           1006,
		"MYSQL_ATTR_SSL_KEY":                1007,
		"MYSQL_ATTR_SSL_CERT":               1008,
		"MYSQL_ATTR_SSL_CA":                 1009,
		"MYSQL_ATTR_SSL_CAPATH":             1010,
		"MYSQL_ATTR_SSL_CIPHER":             1011,
		"MYSQL_ATTR_SERVER_PUBLIC_KEY":      1012,
		"MYSQL_ATTR_MULTI_STATEMENTS":       1013,
		"MYSQL_ATTR_SSL_VERIFY_SERVER_CERT": 1014,
		"MYSQL_ATTR_LOCAL_INFILE_DIRECTORY": 1015,
	}
}
