package images

import (
	"fmt"
	"strings"

	"sluice/internal/catalog"
)

// setupPath is where a definition's script is while the image is made.
const setupPath = "/var/lib/sluice-setup"

// The hooks are run by a shell with the root as its first argument. They hold no data:
// what a definition says is in the overlay. The script has no network.
const (
	hookSetup = `unshare --net chroot "$1" /bin/sh -eu ` + setupPath
	hookClean = `rm -rf "$1` + setupPath + `" "$1/etc/hostname" "$1"/var/log/*.log "$1"/var/log/apt "$1"/var/cache/debconf/*-old && : >"$1/etc/resolv.conf"`
	hookCount = `echo "` + countPrefix + `$(ls "$1"/var/lib/dpkg/info/*.list | wc -l)" >&2`
)

// countPrefix begins the line that says how many packages an image has.
const countPrefix = "sluice: packages "

// leaveOut are dpkg's filters: documentation and translations are of no use in a
// container. Licences stay.
func leaveOut() []string {
	return []string{
		"path-exclude=/usr/share/doc/*",
		"path-include=/usr/share/doc/*/copyright",
		"path-exclude=/usr/share/man/*",
		"path-exclude=/usr/share/info/*",
		"path-exclude=/usr/share/groff/*",
		"path-exclude=/usr/share/lintian/*",
		"path-exclude=/usr/share/locale/*",
		"path-include=/usr/share/locale/locale.alias",
	}
}

// arguments returns the arguments of mmdebstrap that write the image to standard output.
// overlay is a tar of the definition's files and its script.
func arguments(def *catalog.Debian, o Options, overlay string) []string {
	args := []string{
		"--variant=minbase",
		"--format=tar",
		"--components=main",
		"--include=" + strings.Join(def.Packages, ","),
		"--aptopt=Acquire::Retries \"3\"",
		"--aptopt=Acquire::http::Timeout \"30\"",
	}
	for _, filter := range leaveOut() {
		args = append(args, "--dpkgopt="+filter)
	}
	args = append(args,
		"--customize-hook=tar-in "+overlay+" /",
		"--customize-hook="+hookSetup,
		"--customize-hook="+hookCount,
		"--customize-hook="+hookClean,
		def.Suite,
		"-",
	)
	return append(args, sources(def.Suite, o)...)
}

// sources are the lines of sources.list: the release, its updates and its security fixes.
func sources(suite string, o Options) []string {
	lines := []string{
		fmt.Sprintf("deb %s %s main", o.Mirror, suite),
		fmt.Sprintf("deb %s %s-updates main", o.Mirror, suite),
	}
	if o.SecurityMirror != NoSecurity {
		lines = append(lines, fmt.Sprintf("deb %s %s-security main", o.SecurityMirror, suite))
	}
	return lines
}
