package catalog

import (
	"errors"
	"slices"
	"strings"
)

// phpSuites says which PHP each suite of Debian has.
func phpSuites() map[string]string {
	return map[string]string{bullseye: "7.4", bookworm: "8.2", trixie: "8.4"}
}

func newRuntime(name, version string, e entry) (Runtime, error) {
	if name != "php" {
		return Runtime{}, errors.New("no such runtime; there is: php")
	}
	img, err := e.source(name, version)
	if err != nil {
		return Runtime{}, err
	}
	r := Runtime{
		Name: name, Version: version, EndOfLife: e.EndOfLife.Time,
		Extensions: phpExtensions(version),
		FPM:        "php-fpm" + version,
		CLI:        "php" + version,
	}
	if e.Debian != "" {
		suite, err := e.suite(version, phpSuites())
		if err != nil {
			return Runtime{}, err
		}
		img.Debian = phpDebian(suite, version)
		r.Build = Image{Name: img.Name + "-build", Debian: phpDebian(suite, version, buildTools()...)}
		r.Build.Debian.Files = append(r.Build.Debian.Files, asset("build/nvm.sh", nvmFile, 0o644))
		r.Build.Debian.Script += "ln -s yarnpkg /usr/bin/yarn\n"
	}
	r.Image = img
	return r, nil
}

// phpTools is what hooks, crons and people find beside PHP. Files .environment read the
// relationships with jq; hooks fetch and unpack archives with wget, bzip2, xz and zip.
func phpTools() []string {
	return []string{
		"bzip2", "ca-certificates", "composer", "curl", "file", "git", "jq", "less", "mariadb-client",
		"nano", "nginx-light", "openssh-client", "patch", "procps", "redis-tools", "rsync", "runit",
		"sqlite3", "unzip", "wget", "xz-utils", "zip",
	}
}

// buildTools is what builds find beside that: Node for themes, Ruby and Python for their
// tools, and a compiler for packages that bring sources. Each suite has one version of them;
// nvm.sh, or a package such as node@22 in dependencies.nodejs, brings another.
func buildTools() []string {
	return []string{"g++", "make", "nodejs", "npm", "python3", "python3-pip", "ruby", "yarnpkg"}
}

// nvmFile is where builds find nvm.sh; they put its directory into the home directory.
const nvmFile = "/usr/share/nvm/nvm.sh"

func phpDebian(suite, version string, more ...string) *Debian {
	packages := slices.Concat(phpTools(), phpPackages(version), more)
	slices.Sort(packages)
	return &Debian{
		Suite:    suite,
		Packages: slices.Compact(packages),
		Files: []File{
			script("app/start-app", "start-app"),
			script("app/service/nginx", "service/nginx"),
			script("app/service/php-fpm", "service/php-fpm"),
			script("app/service/app", "service/app"),
			script("app/service/control/t", "service/control/t"),
			asset("app/start-php-app", "/usr/bin/start-php-app", 0o755),
		},
		Script: strings.ReplaceAll(asset("app/setup", "", 0).Content, "VERSION", version),
		Env: map[string]string{
			// Debian's own directories are emptied: only what a release asks for is loaded.
			"PHP_INI_SCAN_DIR": "/etc/sluice/php",
		},
	}
}
