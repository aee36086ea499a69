package topology

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/internal/build"
	"sluice/internal/catalog"
	"sluice/internal/contract"
	"sluice/internal/engine"
	"sluice/internal/manifest"
	"sluice/internal/platform"
)

// BuildInput is everything that the build of one application depends on.
type BuildInput struct {
	Project    platform.Project
	App        *manifest.Application
	Catalog    *catalog.Catalog
	Base       platform.ImageRef
	Tools      platform.ImageRef // of ToolsImage; the zero value when the build needs none
	TreeDigest string            // of the application's files without ConfigFiles
	TreeID     string
	Variables  []platform.Variable
	Toolkit    string // the toolkit's executable on this machine; "" for none
	// Type is that of the environment that the slug is built for.
	Type platform.EnvironmentType
}

// ConfigFiles are the platform's own files. The slug does not contain them, and a change in
// them alone is not a reason to build again: what a build takes from them is in its key.
func ConfigFiles() []string {
	return []string{".magento", ".magento.app.yaml", ".platform", ".platform.app.yaml"}
}

// mountPaths returns where volumes lie over the slug: of the application and of its
// workers, each path once. What a build leaves there is not in the slug.
func mountPaths(app *manifest.Application) []string {
	all := slices.Clone(app.Mounts)
	for _, w := range app.Workers {
		all = append(all, w.Mounts...)
	}
	paths := make([]string, 0, len(all))
	for _, m := range all {
		paths = append(paths, m.Path)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// Build returns the request for one application's slug, without SourceDir.
func Build(in BuildInput) (build.Request, error) {
	vars := collect(in.App.Variables, in.Variables, atBuild)
	php, err := phpFiles(in.Catalog, in.App, vars.php)
	if err != nil {
		return build.Request{}, err
	}
	steps := buildSteps(in.App)
	env := buildEnv(in, vars)
	return build.Request{
		Project: in.Project.ID,
		App:     in.App.Name,
		Scope:   scopeOf(in.Type),
		Key:     buildKey(in, steps, php, vars),
		TreeID:  in.TreeID,
		Base:    build.Image{Ref: in.Base.Ref, Digest: in.Base.Digest},
		Tools:   build.Image{Ref: in.Tools.Ref, Digest: in.Tools.Digest},
		Exclude: ConfigFiles(),
		Mounts:  mountPaths(in.App),
		Steps:   steps,
		Env:     env,
		Files:   buildFiles(php),
		Network: true,

		Programs: programs[build.Program](in.Toolkit),
	}, nil
}

func buildEnv(in BuildInput, vars variables) map[string]string {
	own := baseVariables(in.Project, in.App, in.TreeID)
	own["APPLICATION"] = encode(buildApplication(in.App))
	own["CACHE_DIR"] = contract.CacheDir
	own["OUTPUT_DIR"] = contract.AppDir
	own["SOURCE_DIR"] = contract.AppDir
	own["VARIABLES"] = encode(vars.rest)
	own["VENDOR"] = "sluice"
	env := environ(own, nil)
	// At run time the home directory is the application's. What tools save in it during a
	// build does not belong to the application: the builder gives them another one.
	delete(env, "HOME")
	maps.Copy(env, vars.env)
	env["CI"] = "1"
	return env
}

// buildApplication is the application variable without what a build does not depend on.
func buildApplication(app *manifest.Application) map[string]any {
	out := applicationOf(app, platform.Slug{})
	for _, key := range []string{"access", "relationships", "crons", "web", "workers", "slug_id", "tree_id"} {
		delete(out, key)
	}
	out["hooks"] = map[string]any{
		"build": nullable(app.Hooks.Build), "deploy": standIn(app.Hooks.Deploy), "post_deploy": standIn(app.Hooks.PostDeploy),
	}
	return out
}

// standIn tells a build what it may know about a hook that runs later: that the hook is
// there, and whether it runs the toolkit, which ece-tools looks for in its text. Another
// text of such a hook is not a reason to build again, so a build does not see it.
func standIn(hook string) *string {
	switch {
	case strings.TrimSpace(hook) == "":
		return nil
	case contract.RunsToolkit(hook):
		return nullable("php ./vendor/bin/ece-tools run")
	default:
		return nullable(":")
	}
}

func buildFiles(files []engine.File) []build.File {
	out := make([]build.File, len(files))
	for i, f := range files {
		out[i] = build.File(f)
	}
	return out
}

// Parts of a build's key that others read.
const (
	KeyRuntimeImage = "runtime image"
	KeyApplication  = "application name and type"
	KeyToolsImage   = "build image"
	keyType         = "environment type"
)

// scopeOf keeps what is built for the live site apart from what others may build. A type
// that is not known is not trusted.
func scopeOf(t platform.EnvironmentType) string { return string(cmp.Or(t, platform.Development)) }

// ReusableKeys returns the keys of the slugs that may be used where key asks for one, best
// first: what was built for the live site is good for every environment. What a branch built
// is not used for the live site: a person who may only push branches must not be able to
// change what its visitors get.
func ReusableKeys(key build.Key) []build.Key {
	keys := []build.Key{key}
	if trusted := key.Without(keyType); len(trusted.Parts) < len(key.Parts) {
		keys = append(keys, trusted)
	}
	return keys
}

// ApplicationPart is the value of KeyApplication.
func ApplicationPart(app *manifest.Application) string { return app.Name + " " + app.Type.String() }

// buildKey names every part, so that a rebuild can say which one changed.
func buildKey(in BuildInput, steps []build.Step, php []engine.File, vars variables) build.Key {
	key := build.Key{}.
		With("source tree", in.TreeDigest).
		With(KeyRuntimeImage, in.Base.Digest).
		With(KeyApplication, ApplicationPart(in.App)).
		With("PHP configuration", digest(php)).
		With("mounts", digest(mountPaths(in.App)))
	if in.Tools.Digest != "" {
		key = key.With(KeyToolsImage, in.Tools.Digest)
	}
	if scope := scopeOf(in.Type); scope != build.ScopeProtected {
		key = key.With(keyType, scope)
	}
	for _, s := range steps {
		key = key.With("build "+s.Name, digest(s.Script))
	}
	for _, name := range sortedKeys(vars.env) {
		key = key.With("variable env:"+name, sealed(in.Project, vars.env[name]))
	}
	for _, name := range sortedKeys(vars.rest) {
		key = key.With("variable "+name, sealed(in.Project, text(vars.rest[name])))
	}
	return key
}

// sealed is a digest that does not let anyone without the project's entropy guess a
// short secret from it.
func sealed(p platform.Project, value string) string {
	mac := hmac.New(sha256.New, []byte(p.Entropy))
	mac.Write([]byte(value))
	return hex.EncodeToString(mac.Sum(nil))
}

func digest(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// buildSteps are dependencies, flavor and hook, in this order.
func buildSteps(app *manifest.Application) []build.Step {
	var steps []build.Step
	if s := dependencyScript(app.Dependencies); s != "" {
		steps = append(steps, build.Step{Name: "dependencies", Title: "Installing build dependencies...", Script: s})
	}
	if s := flavorScript(app.Flavor); s != "" {
		steps = append(steps, build.Step{Name: "flavor", Title: fmt.Sprintf("Building with the %s flavor...", app.Flavor), Script: s})
	}
	if strings.TrimSpace(app.Hooks.Build) != "" {
		steps = append(steps, build.Step{
			Name: "hook", Title: "Executing build hook...",
			Script: "if [ -f .environment ]; then . ./.environment; fi\n" + app.Hooks.Build,
		})
	}
	return steps
}

func flavorScript(flavor string) string {
	switch flavor {
	case "composer":
		return "if [ -f composer.json ]; then composer --no-ansi --no-interaction install --no-progress --prefer-dist --optimize-autoloader; fi\n"
	default:
		return ""
	}
}

// dependencyScript installs global tools below contract.GlobalDir.
// A tool that the runtime image has in a version that fits is not downloaded again.
func dependencyScript(deps []manifest.Dependency) string {
	var b strings.Builder
	byLanguage := map[string][]manifest.Dependency{}
	for _, d := range deps {
		byLanguage[d.Language] = append(byLanguage[d.Language], d)
	}
	for _, language := range slices.Sorted(maps.Keys(byLanguage)) {
		for _, d := range byLanguage[language] {
			b.WriteString(installScript(d))
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "set -e\nmkdir -p " + contract.GlobalDir + "\n" + b.String()
}

func installScript(d manifest.Dependency) string {
	requirement := quoteShell(d.Package + ":" + d.Constraint)
	switch d.Language {
	case "php":
		install := "COMPOSER_HOME=" + contract.GlobalDir + " composer --no-ansi --no-interaction global require --no-progress " + requirement
		if d.Package == "composer/composer" {
			return composerScript(d.Constraint, install)
		}
		return install + "\n"
	case "nodejs":
		return "npm install --no-audit --no-fund --prefix " + contract.GlobalDir + " " + quoteShell(d.Package+"@"+cmp.Or(d.Constraint, "*")) + "\n"
	case "python3":
		return "PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --user --no-warn-script-location " + quoteShell(d.Package+pipVersion(d.Constraint)) + "\n"
	case "ruby":
		install := "gem install --no-document " + quoteShell(d.Package)
		if d.Constraint != "" && d.Constraint != "*" {
			install += " -v " + quoteShell(d.Constraint)
		}
		return install + "\n"
	}
	return ""
}

// pipVersion writes a constraint as pip has it: a bare version is that one.
func pipVersion(constraint string) string {
	switch {
	case constraint == "" || constraint == "*":
		return ""
	case strings.ContainsAny(constraint[:1], "0123456789"):
		return "==" + constraint
	default:
		return constraint
	}
}

// composerScript uses the image's own Composer where its major version fits, so that the
// most common dependency needs no network; any other is installed.
func composerScript(constraint, install string) string {
	return "want=" + quoteShell(strings.TrimLeft(constraint, "^~>=v ")) + "\n" +
		`have="$(composer --version --no-ansi 2>/dev/null | sed -n 's/^Composer version \([0-9][0-9.]*\).*/\1/p')"` + "\n" +
		`if [ "${want%%.*}" = "${have%%.*}" ]; then` + "\n" +
		`  echo "Using Composer $have of the runtime image for composer/composer ` + plain(constraint) + `"` + "\n" +
		"else\n  " + install + "\nfi\n"
}

// quoteShell makes one word of the shell.
func quoteShell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// plain keeps only what a version constraint is made of.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789.*^~<>=|, -+abcdefghijklmnopqrstuvwxyz", r) {
			return r
		}
		return -1
	}, s)
}
