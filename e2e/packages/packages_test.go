package packages

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// debian is a root directory with a Debian in it.
type debian struct{ dir string }

// run runs a command in it, and returns what it printed.
func (d debian) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "chroot", append([]string{d.dir}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "HOME=/root", "MANWIDTH=80"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (d debian) path(name string) string { return filepath.Join(d.dir, name) }

// install installs packages. What they depend on is not there: containers are not started.
func (d debian) install(t *testing.T, packages ...string) {
	t.Helper()
	args := []string{"dpkg", "--force-depends", "--install"}
	for _, p := range packages {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		name := "/tmp/" + filepath.Base(p)
		if err := os.WriteFile(d.path(name), text, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	d.run(t, args...)
}

// prepare makes the Debian and finds the packages.
func prepare(t *testing.T) (d debian, server, client string) {
	t.Helper()
	dir := cmp.Or(os.Getenv("SLUICE_PACKAGES"), "../../dist")
	found := func(pattern string) string {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(names) != 1 {
			if strings.Contains(os.Getenv("SLUICE_REQUIRE"), "packages") {
				t.Fatalf("%s in %s: %v, %v", pattern, dir, names, err)
			}
			t.Skipf("no packages in %s; `make test-packages` builds them", dir)
		}
		return names[0]
	}
	server, client = found("sluice-server_*.deb"), found("sluice_*.deb")
	d = debian{filepath.Join(t.TempDir(), "root")}
	cmd := exec.CommandContext(t.Context(), "mmdebstrap", "--quiet", "--variant=minbase", "--include=adduser,systemd,procps,man-db,logrotate,bash-completion", "bookworm", d.dir)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("mmdebstrap: %v\n%s", err, errs.String())
	}
	// Programs find themselves in /proc.
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "proc", "proc", d.path("/proc")).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		_ = exec.CommandContext(context.WithoutCancel(t.Context()), "umount", "--lazy", d.path("/proc")).Run()
	})
	return d, server, client
}

func TestPackages(t *testing.T) {
	d, server, client := prepare(t)
	// minbase leaves manual pages out of what dpkg installs.
	if err := os.RemoveAll(d.path("/etc/dpkg/dpkg.cfg.d")); err != nil {
		t.Fatal(err)
	}
	d.install(t, server, client)
	t.Run("files", d.files)
	t.Run("units", d.units)
	t.Run("programs", d.programs)
	t.Run("manual pages", d.manualPages)
	t.Run("upgrade", func(t *testing.T) { d.upgrade(t, server) })
	t.Run("removal", d.removal)
}

func (d debian) files(t *testing.T) {
	for name, want := range map[string]string{
		"/usr/bin/sluiced": "root root 755", "/usr/bin/sluice-router": "root root 755", "/usr/bin/sluice-toolkit": "root root 755", "/usr/bin/sluice": "root root 755",
		"/etc/sluice/sluiced.env": "root root 640", "/etc/sluice/router.env": "root root 640", "/etc/logrotate.d/sluice-server": "root root 644",
		"/lib/systemd/system/sluiced.service": "root root 644", "/lib/systemd/system/sluice-router.service": "root root 644",
		"/lib/systemd/system/sluice-pool.service": "root root 644",
		"/usr/share/man/man8/sluiced.8.gz":        "root root 644", "/usr/share/man/man8/sluice-router.8.gz": "root root 644", "/usr/share/man/man1/sluice.1.gz": "root root 644",
		"/usr/share/bash-completion/completions/sluice": "root root 644", "/usr/share/zsh/vendor-completions/_sluice": "root root 644", "/usr/share/fish/vendor_completions.d/sluice.fish": "root root 644",
	} {
		if got := strings.TrimSpace(d.run(t, "stat", "--format", "%U %G %a", name)); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := d.run(t, "getent", "passwd", "sluice"); !strings.Contains(got, ":/var/lib/sluice-router:/usr/sbin/nologin") {
		t.Errorf("the account: %s", got)
	}
	if got := d.run(t, "getent", "group", "sluice"); got == "" {
		t.Error("no group")
	}
	conffiles := d.run(t, "dpkg-query", "--show", "--showformat", "${Conffiles}", "sluice-server")
	for _, name := range []string{"/etc/sluice/sluiced.env", "/etc/sluice/router.env", "/etc/logrotate.d/sluice-server"} {
		if !strings.Contains(conffiles, name) {
			t.Errorf("%s is not a configuration file: %s", name, conffiles)
		}
	}
	if out := d.run(t, "logrotate", "--debug", "/etc/logrotate.d/sluice-server"); strings.Contains(out, "error") {
		t.Error(out)
	}
}

func (d debian) units(t *testing.T) {
	for _, name := range []string{"sluiced.service", "sluice-router.service", "sluice-pool.service"} {
		if out := d.run(t, "systemd-analyze", "verify", "--man=yes", "/lib/systemd/system/"+name); out != "" {
			t.Errorf("%s: %s", name, out)
		}
	}
	// The router faces the internet: what systemd can take from a process is taken.
	out := d.run(t, "systemd-analyze", "security", "--offline=true", "--threshold=25", "sluice-router.service")
	if !strings.Contains(out, "Overall exposure level") {
		t.Error(out)
	}
	// Every flag in the units is one that the program has.
	for name, program := range map[string][]string{"sluiced": {"/usr/bin/sluiced", "serve", "-h"}, "sluice-router": {"/usr/bin/sluice-router", "-h"}} {
		unit, err := os.ReadFile(d.path("/lib/systemd/system/" + name + ".service"))
		if err != nil {
			t.Fatal(err)
		}
		help, _ := exec.CommandContext(t.Context(), "chroot", append([]string{d.dir}, program...)...).CombinedOutput()
		line := regexp.MustCompile(`(?m)^ExecStart=.*$`).FindString(string(unit))
		for _, f := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(line, -1) {
			if !strings.Contains(string(help), "  -"+f[1]+"\n") && !strings.Contains(string(help), "  -"+f[1]+" ") {
				t.Errorf("%s has no flag %s", name, f[1])
			}
		}
	}
	// And every variable in the example is a setting.
	text, err := os.ReadFile(d.path("/etc/sluice/sluiced.env"))
	if err != nil {
		t.Fatal(err)
	}
	help := d.run(t, "/usr/bin/sluiced", "serve", "-h")
	for _, m := range regexp.MustCompile(`(?m)^#?SLUICED_([A-Z_]+)=`).FindAllStringSubmatch(string(text), -1) {
		if name := strings.ReplaceAll(strings.ToLower(m[1]), "_", "-"); !strings.Contains(help, "  -"+name+" ") {
			t.Errorf("sluiced has no setting %s", name)
		}
	}
}

func (d debian) programs(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"sluiced", "version"}, "sluiced "},
		{[]string{"sluice", "--help"}, "environment:list"},
		{[]string{"sluice-toolkit", "list"}, "data:sanitize"},
		{[]string{"bash", "-c", ". /usr/share/bash-completion/bash_completion && . /usr/share/bash-completion/completions/sluice && complete -p sluice"}, "__start_sluice sluice"},
	} {
		if out := d.run(t, c.args...); !strings.Contains(out, c.want) {
			t.Errorf("%v printed %s", c.args, out)
		}
	}
}

func (d debian) manualPages(t *testing.T) {
	for page, want := range map[string]string{"/usr/share/man/man1/sluice.1.gz": "sluice environment:list", "/usr/share/man/man8/sluiced.8.gz": "-base-domain", "/usr/share/man/man8/sluice-router.8.gz": "-take-over"} {
		out := d.run(t, "man", "--warnings", "-l", page)
		if !strings.Contains(out, want) || strings.Contains(out, "warning:") {
			t.Errorf("%s:\n%.2000s", page, out)
		}
	}
}

// upgrade keeps what the operator has changed.
func (d debian) upgrade(t *testing.T, server string) {
	t.Helper()
	const own = "SLUICED_BASE_DOMAIN=shops.example.org\n"
	if err := os.WriteFile(d.path("/etc/sluice/sluiced.env"), []byte(own), 0o640); err != nil {
		t.Fatal(err)
	}
	newer := repack(t, server)
	d.install(t, newer)
	if got, err := os.ReadFile(d.path("/etc/sluice/sluiced.env")); err != nil || string(got) != own {
		t.Errorf("the settings became %q, %v", got, err)
	}
	if version := d.run(t, "dpkg-query", "--show", "--showformat", "${Version}", "sluice-server"); version != "999" {
		t.Errorf("version %s", version)
	}
}

// repack makes the same package with a later version.
func repack(t *testing.T, server string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "unpacked")
	newer := filepath.Join(t.TempDir(), "sluice-server_999_amd64.deb")
	for _, args := range [][]string{
		{"dpkg-deb", "--raw-extract", server, dir},
		{"sed", "-i", "s/^Version: .*/Version: 999/", filepath.Join(dir, "DEBIAN/control")},
		{"dpkg-deb", "--build", "-Zgzip", "-z1", dir, newer},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	return newer
}

// removal leaves the shops' data.
func (d debian) removal(t *testing.T) {
	for _, dir := range []string{"/var/lib/sluice/repos", "/var/log/sluice-router"} {
		if err := os.MkdirAll(d.path(dir), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	d.run(t, "dpkg", "--purge", "sluice-server", "sluice")
	for name, there := range map[string]bool{"/var/lib/sluice/repos": true, "/var/log/sluice-router": false, "/usr/bin/sluiced": false, "/etc/sluice/sluiced.env": false} {
		if _, err := os.Stat(d.path(name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
}
