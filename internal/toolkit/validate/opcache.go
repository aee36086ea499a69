package validate

import (
	"context"
	"os"
	"slices"
	"strings"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/tree"
)

// excludedFromOpcache are the files that change while a release runs, in every directory
// that the original may have installed them to.
func excludedFromOpcache() []string {
	return []string{
		"/app/*/app/etc/config.php", "/app/*/app/etc/env.php",
		"/app/app/etc/config.php", "/app/app/etc/env.php",
		"/app/etc/config.php", "/app/etc/env.php",
	}
}

// opcacheExcludePaths wants the configuration files out of PHP's opcache, which does not
// see them change.
func opcacheExcludePaths(_ context.Context, k *kit.Kit) (*fault.Fault, error) {
	if !k.Tree.Exists(tree.PHPIni) || !k.Tree.Exists(tree.OpcacheExclude) {
		return finding(codeOpcache, "File php.ini or op-exclude.txt does not exist",
			"Add both as the cloud template has them: op-exclude.txt lists the files, php.ini names it in opcache.blacklist_filename."), nil
	}
	ini, err := k.Tree.Read(tree.PHPIni)
	if err != nil {
		return nil, err
	}
	named := iniValue(string(ini), "opcache.blacklist_filename", k.Env)
	if named != k.Tree.Path(tree.OpcacheExclude) {
		return finding(codeOpcache, "File php.ini does not contain opcache.blacklist_filename configuration",
			`Add this line to php.ini: opcache.blacklist_filename="${MAGENTO_CLOUD_APP_DIR}/op-exclude.txt"`), nil
	}
	list, err := k.Tree.Read(tree.OpcacheExclude)
	if err != nil {
		return nil, err
	}
	var lines []string
	for line := range strings.Lines(string(list)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	missing := slices.DeleteFunc(excludedFromOpcache(), func(path string) bool { return slices.Contains(lines, path) })
	if len(missing) == 0 {
		return nil, nil
	}
	return finding(codeOpcache, "File op-exclude.txt does not contain required paths to exclude for OPCache",
		"Add these lines to op-exclude.txt:\n"+strings.Join(missing, "\n")), nil
}

// iniValue returns the last value of a directive, unquoted and with ${VARIABLES} of the
// environment in place.
func iniValue(text, name string, env func(string) (string, bool)) string {
	found := ""
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, ";")
		key, v, ok := strings.Cut(line, "=")
		if ok && strings.TrimSpace(key) == name {
			found = strings.Trim(strings.TrimSpace(v), `"'`)
		}
	}
	return os.Expand(found, func(variable string) string {
		v, _ := env(variable)
		return v
	})
}
