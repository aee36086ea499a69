package buildstep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"sluice/internal/stepinput"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/scd"
	"sluice/internal/toolkit/static"
	"sluice/internal/toolkit/stepcache"
	"sluice/internal/toolkit/tree"
)

// enableModules is module:enable --all, which writes the list of modules of config.php.
func (r *reuse) enableModules(k *kit.Kit) reusable {
	return reusable{
		step: stepinput.Modules, name: "list of modules", code: codeModules, paths: []string{tree.ConfigPHP},
		values: func(ctx context.Context) (stepcache.Inputs, error) {
			return r.common(ctx, k, tree.ConfigPHP, tree.EnvPHP)
		},
		run: func(ctx context.Context) error { return magento(ctx, k, codeModules, "module:enable", "--all") },
	}
}

// compileStep makes generated code, and the mark in env.php that configuration is compiled.
func (r *reuse) compileStep(k *kit.Kit) reusable {
	return reusable{
		step: stepinput.Compile, name: "DI compilation", code: codeCompile,
		paths:  []string{tree.GeneratedCode, tree.GeneratedMeta, tree.EnvPHP},
		values: func(ctx context.Context) (stepcache.Inputs, error) { return r.compileValues(ctx, k) },
		run:    func(ctx context.Context) error { return compileDI(ctx, k) },
	}
}

// compileValues are what a compilation reads besides files. With a date of installation in
// env.php, Magento makes all its console commands, whose methods may do anything.
func (r *reuse) compileValues(ctx context.Context, k *kit.Kit) (stepcache.Inputs, error) {
	env, err := k.PHPFile(tree.EnvPHP).Read()
	if err != nil {
		return nil, err
	}
	if env.Has("install", "date") {
		return nil, errors.New("app/etc/env.php says that Magento is installed")
	}
	config, err := k.PHPFile(tree.ConfigPHP).Read()
	if err != nil {
		return nil, err
	}
	var modules strings.Builder
	for name, on := range config.Sub("modules").All() {
		modules.WriteString(name.String() + "=" + phparray.String(on) + "\n")
	}
	in, err := r.common(ctx, k, tree.EnvPHP)
	if err == nil {
		in["the modules in "+tree.ConfigPHP] = stepinput.Digest(stepinput.Whole, []byte(modules.String()))
	}
	return in, err
}

// autoloadStep writes Composer's class map, which generated classes are in.
func (r *reuse) autoloadStep(k *kit.Kit) reusable {
	return reusable{
		step: stepinput.Autoload, name: "class map", code: codeAutoload,
		paths: []string{
			"vendor/autoload.php", "vendor/composer/ClassLoader.php", "vendor/composer/InstalledVersions.php", "vendor/composer/LICENSE",
			"vendor/composer/autoload_classmap.php", "vendor/composer/autoload_files.php", "vendor/composer/autoload_namespaces.php",
			"vendor/composer/autoload_psr4.php", "vendor/composer/autoload_real.php", "vendor/composer/autoload_static.php",
			"vendor/composer/include_paths.php", "vendor/composer/installed.php", "vendor/composer/platform_check.php",
		},
		values: func(ctx context.Context) (stepcache.Inputs, error) { return r.autoloadValues(ctx, k) },
		run: func(ctx context.Context) error {
			_, err := k.Shell.Run(ctx, command("composer", "dump-autoload", "-o", "--ansi", "--no-interaction"))
			return fault.Wrap(codeAutoload, err)
		},
	}
}

func (r *reuse) autoloadValues(ctx context.Context, k *kit.Kit) (stepcache.Inputs, error) {
	text, err := k.Tree.Read(tree.ComposerJSON)
	if err != nil {
		return nil, err
	}
	var root struct{ Scripts map[string]any }
	if err := json.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("%s: %w", tree.ComposerJSON, err)
	}
	for _, event := range []string{"pre-autoload-dump", "post-autoload-dump"} {
		if root.Scripts[event] != nil {
			return nil, fmt.Errorf("%s has scripts for %s", tree.ComposerJSON, event)
		}
	}
	version, err := k.Shell.Run(ctx, command("composer", "--version", "--no-ansi", "--no-interaction"))
	if err != nil {
		return nil, err
	}
	names, err := generatedDigest(k, func(name string) (string, error) { return name, nil })
	if err != nil {
		return nil, err
	}
	in, err := r.common(ctx, k)
	if err == nil {
		in["Composer"], in["the names of generated classes"] = version.LastLine(), names
	}
	return in, err
}

// staticStep makes static content.
func (r *reuse) staticStep(k *kit.Kit, plan static.Plan) reusable {
	const version = tree.Static + "/deployed_version.txt" // the time of the run
	return reusable{
		step: stepinput.Static, name: "static content", code: codeStatic, stamps: []string{version},
		paths:  []string{tree.Static + "/adminhtml", tree.Static + "/base", tree.Static + "/frontend", version, tree.ViewPreprocessed},
		values: func(ctx context.Context) (stepcache.Inputs, error) { return r.staticValues(ctx, k, plan) },
		run:    func(ctx context.Context) error { return fault.Wrap(codeStatic, scd.Generator(k).Generate(ctx, plan)) },
	}
}

// staticValues are what static content depends on besides files. What is there already could
// stay, and stores and translations could come from a database.
func (r *reuse) staticValues(ctx context.Context, k *kit.Kit, plan static.Plan) (stepcache.Inputs, error) {
	env, err := k.PHPFile(tree.EnvPHP).Read()
	if err != nil {
		return nil, err
	}
	if !plan.Options.SkipMinification {
		return nil, errors.New("SKIP_HTML_MINIFICATION is off, so all templates are read, too")
	}
	if env.Has("db") {
		return nil, errors.New("app/etc/env.php names a database")
	}
	entries, err := k.Tree.Entries(tree.Static)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			return nil, fmt.Errorf("%s/%s is there already", tree.Static, e.Name())
		}
	}
	var passes strings.Builder
	for _, pass := range plan.Passes {
		passes.WriteString(strings.Join(plan.Args(pass), "\x00") + "\n")
	}
	classes, err := generatedDigest(k, func(name string) (string, error) {
		content, err := k.Tree.Read(name)
		return name + " " + stepinput.Digest(stepinput.Whole, content), err
	})
	if err != nil {
		return nil, err
	}
	in, err := r.common(ctx, k, tree.ConfigPHP, tree.EnvPHP)
	if err == nil {
		in["the variables of static content"] = stepinput.Digest(stepinput.Whole, []byte(passes.String()))
		in["the generated classes"] = classes
	}
	return in, err
}

// generatedDigest is the digest of what is told of each file that Magento generated.
func generatedDigest(k *kit.Kit, tell func(name string) (string, error)) (string, error) {
	var lines strings.Builder
	for _, dir := range []string{tree.GeneratedCode, tree.GeneratedMeta} {
		err := fs.WalkDir(k.Tree.Root().FS(), dir, func(name string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) && name == dir || err == nil && e.IsDir() {
				return nil
			}
			if err != nil {
				return err
			}
			line, err := tell(name)
			lines.WriteString(line + "\n")
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return stepinput.Digest(stepinput.Whole, []byte(lines.String())), nil
}

// common are the inputs of all steps: PHP, and files that count by what is in them.
func (r *reuse) common(ctx context.Context, k *kit.Kit, names ...string) (stepcache.Inputs, error) {
	php, err := r.phpFacts(ctx, k)
	if err != nil {
		return nil, err
	}
	in := stepcache.Inputs{"PHP": php}
	for _, name := range names {
		content, err := k.Tree.ReadOrNothing(name)
		if err != nil {
			return nil, err
		}
		in[name] = stepinput.Digest(stepinput.Whole, content)
	}
	return in, nil
}
