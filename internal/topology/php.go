package topology

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sluice/internal/catalog"
	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/manifest"
	"sluice/internal/platform"
)

// phpDir is scanned by every PHP in the container, in the order of the file names.
const phpDir = contract.ConfigDir + "/php"

// platformIni holds the platform's defaults, those that Adobe Commerce on cloud has.
const platformIni = `; Set by the platform; php.ini in the project and php: variables come after it.
max_execution_time = 300
memory_limit = 128M
post_max_size = 64M
upload_max_filesize = 64M
max_input_vars = 1000
expose_php = Off
display_errors = Off
log_errors = On
variables_order = EGPCS
date.timezone = UTC
opcache.enable = 1
opcache.memory_consumption = 64
session.save_path = /tmp
sys_temp_dir = /tmp
upload_tmp_dir = /tmp
`

// phpFiles are the ini files of an application: defaults, extensions in load order, the
// project's php.ini appended, php: variables last.
func phpFiles(c *catalog.Catalog, app *manifest.Application, directives map[string]string) ([]engine.File, error) {
	runtime, ok := c.Runtime(app.Type.Name, app.Type.Version)
	if !ok {
		return nil, unknownRuntime(c, app)
	}
	extensions, err := extensionsIni(runtime, app)
	if err != nil {
		return nil, err
	}
	files := []engine.File{
		{Path: phpDir + "/10-platform.ini", Mode: 0o644, Content: platformIni},
		{Path: phpDir + "/20-extensions.ini", Mode: 0o644, Content: extensions},
	}
	if app.PHPIni != "" {
		files = append(files, engine.File{Path: phpDir + "/50-project.ini", Mode: 0o644, Content: app.PHPIni})
	}
	if len(directives) > 0 {
		ini, err := variablesIni(directives)
		if err != nil {
			return nil, err
		}
		files = append(files, engine.File{Path: phpDir + "/60-variables.ini", Mode: 0o644, Content: ini})
	}
	return files, nil
}

// iniName is what PHP takes for the name of a directive.
var iniName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// variablesIni writes the php: variables. A name or a value that PHP would read as more
// than one directive is refused: it would end php-fpm when the release starts.
func variablesIni(directives map[string]string) (string, error) {
	var b strings.Builder
	for _, name := range sortedKeys(directives) {
		if !iniName.MatchString(name) || strings.ContainsRune(directives[name], 0) {
			return "", platform.Errorf(platform.CodeInvalid, "the variable %q cannot be a directive of php.ini; nothing was changed", "php:"+name).
				WithHint("its name has letters, digits, dots and underscores, and its value no NUL byte")
		}
		fmt.Fprintf(&b, "%s = %s\n", name, iniValue(directives[name]))
	}
	return b.String(), nil
}

func unknownRuntime(c *catalog.Catalog, app *manifest.Application) error {
	return platform.Errorf(platform.CodeInvalid, "%s: type %s is not in the catalog", app.Pos, app.Type).
		WithHint("write one of: %s", strings.Join(c.RuntimeVersions(app.Type.Name), ", "))
}

// iniValue quotes a value so that it stays one value on one line.
func iniValue(v string) string {
	return `"` + strings.NewReplacer("\n", " ", "\r", " ", `\`, `\\`, `"`, `\"`).Replace(v) + `"`
}

// extensionsIni loads the extensions that are always there, the default ones but for the
// disabled, those that the project asks for, and what all of these need.
func extensionsIni(rt catalog.Runtime, app *manifest.Application) (string, error) {
	wanted := map[string]bool{}
	for name, e := range rt.Extensions {
		if e.Always || e.Default && !slices.Contains(app.Disabled, name) {
			want(rt, name, wanted)
		}
	}
	for _, name := range app.Extensions {
		if _, ok := rt.Extensions[name]; !ok {
			return "", platform.Errorf(platform.CodeInvalid, "%s: %s has no extension %q", app.Pos, app.Type, name).
				WithHint("remove it from runtime.extensions, or choose a version that has it")
		}
		want(rt, name, wanted)
	}
	names := sortedKeys(wanted)
	slices.SortStableFunc(names, func(a, b string) int {
		return rt.Extensions[a].Priority - rt.Extensions[b].Priority
	})
	var b strings.Builder
	for _, name := range names {
		e := rt.Extensions[name]
		if e.Module == "" || e.Ignored != "" {
			continue
		}
		directive := "extension"
		if e.Zend {
			directive = "zend_extension"
		}
		fmt.Fprintf(&b, "%s = %s\n", directive, e.Module)
	}
	return b.String(), nil
}

func want(rt catalog.Runtime, name string, wanted map[string]bool) {
	if wanted[name] {
		return
	}
	wanted[name] = true
	for _, dep := range rt.Extensions[name].After {
		want(rt, dep, wanted)
	}
}

// Sizing of php-fpm: children = (memory - reserved) / request,
// at least 2. Without a memory limit of its own, a container counts as one of 1 GiB.
const (
	containerMemory = 1024
	requestMemory   = 45
	reservedMemory  = 70
	minChildren     = 2
)

func fpmChildren(h manifest.SizingHints) int {
	request, reserved := h.RequestMemory, h.ReservedMemory
	if request <= 0 {
		request = requestMemory
	}
	if reserved <= 0 {
		reserved = reservedMemory
	}
	return max((containerMemory-reserved+request-1)/request, minChildren)
}

var errorLogDirective = regexp.MustCompile(`(?m)^[ \t]*error_log[ \t]*=`)

// setsErrorLog reports whether the project's php.ini or php: variables say where PHP's
// errors go.
func setsErrorLog(files []engine.File) bool {
	return slices.ContainsFunc(files, func(f engine.File) bool {
		return strings.HasPrefix(f.Path, phpDir+"/") && errorLogDirective.MatchString(f.Content)
	})
}

// fpmConfig is php-fpm.conf: one pool on a socket, run as the container's user. Errors go
// to app.log; those of commands stay in their output.
func fpmConfig(app *manifest.Application, ownLog bool) string {
	children := fpmChildren(app.SizingHints)
	var b strings.Builder
	b.WriteString("[global]\nerror_log = /proc/self/fd/2\nlog_limit = 8192\npid = /run/php-fpm.pid\ndaemonize = no\n\n")
	b.WriteString("[web]\nlisten = /run/php-fpm.sock\nlisten.backlog = 1024\n")
	fmt.Fprintf(&b, "pm = dynamic\npm.max_children = %d\npm.start_servers = 2\npm.min_spare_servers = 1\npm.max_spare_servers = %d\n",
		children, min(4, children))
	b.WriteString("pm.max_requests = 5000\nclear_env = no\ncatch_workers_output = yes\ndecorate_workers_output = no\n")
	if !ownLog {
		b.WriteString("php_value[error_log] = " + contract.LogDir + "/app.log\n")
	}
	if app.FPMTimeout > 0 {
		fmt.Fprintf(&b, "request_terminate_timeout = %ds\n", app.FPMTimeout)
	}
	return b.String()
}
