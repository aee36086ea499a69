package buildkit_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/build"
	"sluice/internal/build/buildkit"
)

// toolsImage returns the build image that belongs to baseImage, which sluiced images
// php-8.2-build assembles.
func toolsImage(t *testing.T) build.Image {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "docker", "images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=*/php-8.2-build").Output()
	ref, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err != nil || ref == "" {
		missing(t, "no image php-8.2-build: sluiced images php-8.2-build")
	}
	return build.Image{Ref: ref}
}

// theme is what the hooks of themes have: a locked package, a build script, a task runner.
// Its packages are local, because a test must not depend on a registry.
func theme(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"web/tailwind/package.json": `{"name": "theme", "private": true, "scripts": {"build": "acme-css theme.css ../../pub/theme.min.css"},
			"devDependencies": {"acme-css": "file:acme-css"}}`,
		"web/tailwind/package-lock.json": `{"name": "theme", "lockfileVersion": 3, "requires": true, "packages": {
			"": {"name": "theme", "devDependencies": {"acme-css": "file:acme-css"}},
			"acme-css": {"version": "1.0.0", "dev": true, "bin": {"acme-css": "cli.js"}},
			"node_modules/acme-css": {"resolved": "acme-css", "link": true}}}`,
		"web/tailwind/acme-css/package.json": `{"name": "acme-css", "version": "1.0.0", "bin": {"acme-css": "cli.js"}}`,
		"web/tailwind/acme-css/cli.js": "#!/usr/bin/env node\nconst fs = require('fs');\n" +
			"fs.writeFileSync(process.argv[3], fs.readFileSync(process.argv[2], 'utf8').replace(/\\s+/g, ''));\n",
		"web/tailwind/theme.css":  "a {\n  color: red\n}\n",
		"tools/gulp/package.json": `{"name": "gulp", "version": "1.0.0", "bin": {"gulp": "gulp.js"}}`,
		"tools/gulp/gulp.js":      "#!/usr/bin/env node\nconsole.log('gulp ' + process.argv[2]);\n",
		"pub/index.php":           "<?php\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestThemesAreBuiltWithNode: the hooks of Hyva and Snowdog themes, and global tools of
// other languages, work in a build; the slug has what they made and not the tools.
func TestThemesAreBuiltWithNode(t *testing.T) {
	tools, source := toolsImage(t), theme(t)
	steps := []build.Step{
		{Name: "dependencies", Title: "Dependencies", Script: "npm install --no-audit --no-fund --offline --prefix /app/.global /app/tools/gulp\n"},
		{Name: "hook", Title: "Hook", Script: `set -e
gulp styles
npm install --global --offline ./tools/gulp
cd web/tailwind && npm ci --offline --no-audit && npm run build
cat ../../pub/theme.min.css; echo
node -e 'console.log("node " + process.versions.node)'
(. ~/.nvm/nvm.sh; nvm use 99) || echo "nvm $?"
python3 -c 'print("python runs")'; ruby -e 'puts "ruby runs"'; make --version | head -1; g++ --version | head -1; yarn --version
`},
	}
	log, err := limited(t, buildkit.Config{}, func(r *build.Request) {
		r.Tools, r.SourceDir, r.Steps = tools, source, steps
	}, "")
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	for _, want := range []string{"gulp styles", "a{color:red}", "node 1", "node 99 is not installed", "nvm 3", "python runs", "ruby runs", "GNU Make", "g++"} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in\n%s", want, log)
		}
	}
	base := docker(t, "run", "--rm", baseImage(t).Ref, "sh", "-c", "command -v node npm gcc ruby || echo none")
	if !strings.Contains(base, "none") {
		t.Errorf("the runtime image has %s", base)
	}
}
