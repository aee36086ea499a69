package buildtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/build"
	"sluice/internal/contract"
)

func testIdentity(t *testing.T, s suite) {
	t.Helper()
	_, log := s.build(t, s.request(t, `echo "user $(id -u):$(id -g)"
echo "in $(pwd)"
echo "shell $(readlink /proc/$$/exe)"
read -r line || echo "nothing to read"
`))
	hasLine(t, log, fmt.Sprintf("  user %d:%d", contract.WebUID, contract.WebGID))
	hasLine(t, log, "  in "+contract.AppDir)
	hasLine(t, log, "  nothing to read")
	if !strings.Contains(log, "dash") {
		t.Errorf("the step did not run in dash:\n%s", log)
	}
}

func testScriptText(t *testing.T, s suite) {
	t.Helper()
	_, log := s.build(t, s.request(t, "cat <<'END'\n$HOME ${X:-y} `id` %s \\n 'single' \"double\"\nEND\n"))
	hasLine(t, log, "  $HOME ${X:-y} `id` %s \\n 'single' \"double\"")
}

func testSecrets(t *testing.T, s suite) {
	t.Helper()
	req := s.request(t, `printf '%s|' "$TOKEN" "$QUOTES" "$LINES"; echo; rm -f leak; echo "$TOKEN" >leak; rm leak`)
	token := "s3cret-" + s.run
	req.Env = map[string]string{"TOKEN": token, "QUOTES": `it's $HOME "and" ` + "`id`", "LINES": "one\ntwo"}
	slug, log := s.build(t, req)
	hasLine(t, log, "  "+token+`|it's $HOME "and" `+"`id`|one")
	hasLine(t, log, "  two|")
	image := s.Inspect(t, slug)
	if !image.Contains("<?php") {
		t.Fatal("the harness does not find what is in the image")
	}
	if image.Contains(token) {
		t.Error("the value of a variable is in the image")
	}
}

func testReadOnly(t *testing.T, s suite) {
	t.Helper()
	_, log := s.build(t, s.request(t, `
for dir in / /etc /usr /var /run /opt; do
  (: >"$dir/probe") 2>/dev/null && echo "wrote to $dir"
done
for dir in "$HOME" /app /cache /tmp; do
  (: >"$dir/probe") && rm "$dir/probe" && echo "may write to $dir"
done
`))
	if strings.Contains(log, "wrote to") {
		t.Errorf("the runtime image can be written to:\n%s", log)
	}
	for _, dir := range []string{contract.AppDir, contract.CacheDir, "/tmp"} {
		hasLine(t, log, "  may write to "+dir)
	}
}

func testFiles(t *testing.T, s suite) {
	t.Helper()
	req := s.request(t, "cat /etc/sluice/a.ini /etc/sluice/conf.d/b.ini; (: >>/etc/sluice/a.ini) 2>/dev/null && echo wrote; true")
	req.Files = []build.File{
		{Path: "/etc/sluice/a.ini", Mode: 0o644, Content: "memory_limit=1G\n"},
		{Path: "/etc/sluice/conf.d/b.ini", Mode: 0o600, Content: "zend.assertions=1\n"},
	}
	slug, log := s.build(t, req)
	hasLine(t, log, "  memory_limit=1G")
	hasLine(t, log, "  zend.assertions=1")
	if strings.Contains(log, "wrote") {
		t.Error("a generated file can be written to")
	}
	if s.Inspect(t, slug).Contains("zend.assertions") {
		t.Error("a generated file is in the image")
	}
}

func testPrograms(t *testing.T, s suite) {
	t.Helper()
	source := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(source, []byte("#!/bin/sh\necho I am $0\n"), 0o755); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	req := s.request(t, "tool-of-the-platform; its-alias; (: >>/usr/bin/its-alias) 2>/dev/null && echo wrote; true")
	req.Programs = []build.Program{
		{Source: source, Target: "/usr/bin/tool-of-the-platform"}, {Source: source, Target: "/usr/bin/its-alias"},
	}
	slug, log := s.build(t, req)
	hasLine(t, log, "  I am /usr/bin/tool-of-the-platform")
	hasLine(t, log, "  I am /usr/bin/its-alias")
	if strings.Contains(log, "wrote") {
		t.Error("a program can be written to")
	}
	if s.Inspect(t, slug).Contains("I am $0") {
		t.Error("a program is in the image")
	}
}

func testExclude(t *testing.T, s suite) {
	t.Helper()
	req := s.request(t, `
test -f .magento.app.yaml && test -f .magento/routes.yaml && echo "configuration is there"
test -e .git || echo "git is not"
mkdir -p var/locked/deep && : >var/locked/deep/file && chmod 500 var/locked/deep && chmod 0 var/locked
`)
	for _, name := range []string{".magento.app.yaml", ".magento/routes.yaml", ".git/config", "pub/media/tracked.png", "pub/index.php", "a file", "app"} {
		write(t, req, name, name)
	}
	req.Exclude = []string{".magento.app.yaml", ".magento", "absent", "a file"}
	req.Mounts = []string{"var", "pub/media", "generated/new", "app"}
	slug, log := s.build(t, req)
	hasLine(t, log, "  configuration is there")
	hasLine(t, log, "  git is not")
	if !strings.Contains(log, "W: The mount '/pub/media' has a path that overlaps with a non-empty folder.") {
		t.Errorf("the log does not warn of files below a mount:\n%s", log)
	}
	files := s.Inspect(t, slug).Files
	for _, gone := range []string{".magento.app.yaml", ".magento", ".magento/routes.yaml", ".git", "a file", "pub/media/tracked.png", "var/locked"} {
		if _, ok := files[gone]; ok {
			t.Errorf("the slug has %s", gone)
		}
	}
	for _, mount := range req.Mounts {
		if f, ok := files[mount]; !ok || !f.Mode.IsDir() || f.UID != contract.WebUID {
			t.Errorf("the mount point %s is %+v, want a directory of the web user", mount, f)
		}
	}
	if files["pub/index.php"].Content != "pub/index.php" {
		t.Error("the slug has lost a file beside a mount")
	}
}

func testMountLink(t *testing.T, s suite) {
	t.Helper()
	req := s.request(t, "")
	link(t, req, "/cache", "pub")
	req.Mounts = []string{"pub/media"}
	failure, _ := s.fail(t, req)
	if !strings.Contains(failure.Reason, "pub/media") {
		t.Errorf("the failure is %+v, want one that names the mount", failure)
	}
}

func testCache(t *testing.T, s suite) {
	t.Helper()
	req := s.request(t, `test -e /cache/kept && echo "found $(cat /cache/kept)"; echo first >/cache/kept; echo ran`)
	_, log := s.build(t, req)
	if strings.Contains(log, "found") {
		t.Errorf("the cache of a new application is not empty:\n%s", log)
	}
	req.Key = req.Key.With("source tree", "2")
	_, log = s.build(t, req)
	hasLine(t, log, "  found first")

	other := req
	other.App += "x"
	_, log = s.build(t, other)
	hasLine(t, log, "  ran")
	if strings.Contains(log, "found") {
		t.Errorf("another application sees the cache:\n%s", log)
	}
}

func testModes(t *testing.T, s suite) {
	t.Helper()
	req := s.request(t, "test -x bin/magento && bin/magento")
	write(t, req, "bin/magento", "#!/bin/sh\necho magento runs\n")
	write(t, req, "empty/.gitkeep", "")
	if err := os.Chmod(filepath.Join(req.SourceDir, "bin/magento"), 0o755); err != nil { //nolint:gosec // an executable is the point
		t.Fatal(err)
	}
	link(t, req, "bin/magento", "tool")
	slug, log := s.build(t, req)
	hasLine(t, log, "  magento runs")
	files := s.Inspect(t, slug).Files
	if f := files["bin/magento"]; f.Mode != 0o755 || f.UID != contract.WebUID {
		t.Errorf("bin/magento is %+v", f)
	}
	if f := files["index.php"]; f.Mode != 0o600 {
		t.Errorf("index.php is %+v", f)
	}
	if f := files["tool"]; f.Mode.Type() != os.ModeSymlink || f.Content != "bin/magento" {
		t.Errorf("the symbolic link is %+v", f)
	}
	if f, ok := files["empty/.gitkeep"]; !ok || f.Content != "" {
		t.Errorf("the empty file is %+v, %v", f, ok)
	}
}

func testHostileLinks(t *testing.T, s suite) {
	t.Helper()
	host := filepath.Join(t.TempDir(), "host-file")
	if err := os.WriteFile(host, []byte("host-"+s.run), 0o600); err != nil {
		t.Fatal(err)
	}
	req := s.request(t, `cat host dir/host-file up/etc/hostname 2>/dev/null; echo x >>passwd; true`)
	link(t, req, host, "host")
	link(t, req, filepath.Dir(host), "dir")
	link(t, req, "../../../../../..", "up")
	link(t, req, "/etc/passwd", "passwd")
	link(t, req, "loop", "loop")
	req.Exclude = []string{"up/etc/passwd", "host"}
	slug, log := s.build(t, req)
	image := s.Inspect(t, slug)
	if strings.Contains(log, "host-"+s.run) || image.Contains("host-"+s.run) {
		t.Error("a symbolic link has brought a file of the host into the build")
	}
	for _, name := range []string{"dir", "up", "passwd", "loop"} {
		if image.Files[name].Mode.Type() != os.ModeSymlink {
			t.Errorf("%s is %+v, want a symbolic link", name, image.Files[name])
		}
	}
	if _, err := os.Stat(host); err != nil {
		t.Errorf("excluding a link touched its target: %v", err)
	}
}

func testSameSize(t *testing.T, s suite) {
	t.Helper()
	req := s.request(t, "")
	stamp := time.Unix(1_700_000_000, 0)
	for _, content := range []string{"version one", "version two"} {
		write(t, req, "release", content)
		if err := os.Chtimes(filepath.Join(req.SourceDir, "release"), stamp, stamp); err != nil {
			t.Fatal(err)
		}
		req.Key = req.Key.With("source tree", content)
		slug, _ := s.build(t, req)
		if got := s.Inspect(t, slug).Files["release"].Content; got != content {
			t.Errorf("the slug has %q, want %q", got, content)
		}
	}
}

func testImage(t *testing.T, s suite) {
	t.Helper()
	req := s.request(t, "echo one >generated.php")
	slug, _ := s.build(t, req)
	image := s.Inspect(t, slug)
	if image.Added != 1 {
		t.Errorf("the slug adds %d layers with files, want 1", image.Added)
	}
	if want := fmt.Sprintf("%d:%d", contract.WebUID, contract.WebGID); image.User != want {
		t.Errorf("the image runs as %q, want %q", image.User, want)
	}
	for label, want := range map[string]string{
		"sluice.project": req.Project, "sluice.app": req.App, "sluice.key": req.Key.Sum(), "sluice.tree": req.TreeID,
	} {
		if image.Labels[label] != want {
			t.Errorf("label %s = %q, want %q", label, image.Labels[label], want)
		}
	}
	if slices.ContainsFunc(image.Env, func(v string) bool { return strings.HasPrefix(v, "COMPOSER") }) {
		t.Errorf("the image has variables of the build: %q", image.Env)
	}
	if slug.Size <= 0 {
		t.Errorf("the slug's size is %d", slug.Size)
	}
}

func testNoNetwork(t *testing.T, s suite) {
	t.Helper()
	const script = `sed -n 's/^ *\([a-z0-9]*\):.*/device \1/p' /proc/net/dev`
	_, log := s.build(t, s.request(t, script))
	hasLine(t, log, "  device lo")
	if strings.Contains(log, "device eth") {
		t.Errorf("a build without network has a device:\n%s", log)
	}
	req := s.request(t, script)
	req.Network = true
	_, log = s.build(t, req)
	hasLine(t, log, "  device eth0")
}

func testServices(t *testing.T, s suite) {
	t.Helper()
	address, port, name := s.Service(t)
	req := s.request(t, fmt.Sprintf(`
getent hosts %[3]s && echo "resolved"
timeout 3 perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(PeerAddr => "%[1]s:%[2]s", Timeout => 2)' && echo "connected"
echo checked
`, address, port, name))
	req.Network = true
	_, log := s.build(t, req)
	hasLine(t, log, "  checked")
	if strings.Contains(log, "resolved") || strings.Contains(log, "connected") {
		t.Errorf("the build reached a service:\n%s", log)
	}
}

func testCancelStops(t *testing.T, s suite) {
	t.Helper()
	argument := fmt.Sprintf("600%d", time.Now().UnixNano()%1e9)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	running := false
	seen := func() {
		running = until(10*time.Second, func() bool { return s.Running(t, argument) })
		cancel(errors.New("cancelled"))
	}
	req := s.request(t, "echo started\nsleep "+argument+"\n")
	if _, err := s.Builder.Build(ctx, req, &waitFor{text: "started", seen: seen}); err == nil {
		t.Fatal("the cancelled build succeeded")
	}
	if !running {
		t.Fatal("the process that the build should have started was not seen")
	}
	if !until(10*time.Second, func() bool { return !s.Running(t, argument) }) {
		t.Fatal("a process of the cancelled build still runs")
	}
}

// until asks again and again whether a condition holds, and gives up after limit.
func until(limit time.Duration, holds func() bool) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}
