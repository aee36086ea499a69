// Package stepinput says which files of a Magento each step of its build reads, and what of
// a file counts.
//
// It knows paths and contents, not disks: it is pure. The toolkit asks it in a build, and the
// plan of a push asks it before one, so both give the same answer.
package stepinput

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"sluice/internal/phpdecl"
)

// Step is a step of the build whose result can be kept.
type Step string

// The steps, by their names in scenario/build/generate.xml.
const (
	Modules  Step = "refresh-modules"
	Compile  Step = "compile-di"
	Autoload Step = "dump-autoload"
	Static   Step = "deploy-static-content"
)

// What these hold are inputs by value, where they are any.
const (
	configPHP = "app/etc/config.php"
	envPHP    = "app/etc/env.php"
)

// Steps returns all steps in the order in which they run.
func Steps() []Step { return []Step{Modules, Compile, Autoload, Static} }

// How is what of a file counts.
type How uint8

// From nothing to everything.
const (
	Nothing      How = iota
	Name             // that there is a file of this name
	Names            // the names of the classes that it declares
	Declarations     // what it declares, without the bodies of methods
	Whole            // every byte
)

// Of returns what of a file counts for a step. name is relative to the application's root;
// links are followed, and a file behind one counts by every name that it has.
func Of(step Step, name string) How {
	if passedOver(name) || step != Autoload && isTest(name) {
		return Nothing
	}
	switch step {
	case Modules:
		return modules(name)
	case Compile:
		return compile(name)
	case Autoload:
		return autoload(name)
	case Static:
		return static(name)
	}
	return Whole
}

// SkipDir reports whether no step reads anything below a directory.
func SkipDir(name string) bool { return passedOver(name + "/") }

// passedOver tells what a build makes, and what belongs to other tools.
func passedOver(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	switch first {
	case "generated", "var", "dev", "node_modules", ".git", ".github", ".global":
		return true
	case "pub":
		return strings.HasPrefix(name, "pub/static/") || strings.HasPrefix(name, "pub/media/")
	}
	return strings.Contains(name, "/node_modules/") || strings.Contains(name, "/.git/")
}

// isTest tells the tests of the project's modules, which only Composer's class map may name.
func isTest(name string) bool {
	parts := strings.SplitN(name, "/", 6)
	return len(parts) == 6 && parts[0] == "app" && parts[1] == "code" && parts[4] == "Test"
}

// own reports whether code belongs to the project itself, and changes with every push. Code
// of others counts as a whole: it changes with composer.lock and patches only.
func own(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return !slices.Contains([]string{"vendor", "lib", "setup", "bin", "pub"}, first) && !strings.HasPrefix(name, "app/etc/") &&
		strings.Count(name, "/") > 1
}

// modules is what module:enable reads: registrations, the order and the requirements of modules.
func modules(name string) How {
	base := path.Base(name)
	switch {
	case base == "registration.php" || base == "module.xml" || base == "composer.json":
		return Whole
	case name == "vendor/composer/autoload_files.php" || name == "vendor/composer/installed.json":
		return Whole
	case strings.HasPrefix(name, "app/etc/") && strings.HasSuffix(name, ".php") && name != configPHP && name != envPHP:
		return Whole
	}
	return Nothing
}

// compile is what setup:di:compile reads: all PHP, di.xml, extension_attributes.xml, and the
// names of files below Controller. config.php and env.php are inputs by their values.
func compile(name string) How {
	base := path.Base(name)
	switch {
	case name == configPHP || name == envPHP || isClassMap(name):
		return Nothing
	case path.Ext(base) == ".php" || path.Ext(base) == ".inc":
		if own(name) && base != "registration.php" && base != "cli_commands.php" {
			return Declarations
		}
		return Whole
	case name == "bin/magento" || name == "composer.json" || name == "vendor/composer/installed.json":
		return Whole
	case base == "di.xml" || base == "extension_attributes.xml":
		return Whole
	case path.Ext(base) == ".xsd" && !own(name):
		return Whole
	case strings.Contains(name, "/Controller/"):
		return Name
	}
	return Nothing
}

// isClassMap reports whether Composer writes a file from the names of all classes.
func isClassMap(name string) bool {
	switch name {
	case "vendor/composer/autoload_classmap.php", "vendor/composer/autoload_static.php", "vendor/composer/installed.php":
		return true
	}
	return false
}

// autoload is what composer dump-autoload reads: the names of all classes, and Composer's
// own files.
func autoload(name string) How {
	ext := path.Ext(name)
	switch {
	case isClassMap(name) || name == configPHP || name == envPHP:
		return Nothing
	case strings.HasPrefix(name, "vendor/composer/") || name == "composer.json" || name == "composer.lock" || name == "vendor/autoload.php":
		return Whole
	case (ext == ".php" || ext == ".inc" || ext == ".hh") && own(name):
		return Names
	case ext == ".php" || ext == ".inc" || ext == ".hh":
		return Whole
	}
	return Nothing
}

// static is what setup:static-content:deploy reads: everything but what is known to be read
// elsewhere only. Of the project's PHP it is the declarations, and everything if a di.xml of
// the project changes how assets are made: see ChangesStatic.
func static(name string) How {
	base, ext := path.Base(name), path.Ext(name)
	switch {
	case name == configPHP || name == envPHP || isClassMap(name):
		return Nothing
	case strings.Count(name, "/") == 0:
		return rootFile(name)
	case ext == ".php" || ext == ".inc":
		if own(name) && base != "registration.php" {
			return Declarations
		}
		return Whole
	case ext == ".phtml" || ext == ".graphqls" || ext == ".md" || ext == ".txt":
		return template(name)
	case strings.Contains(name, "/layout/") || strings.Contains(name, "/page_layout/"):
		return Nothing
	case strings.HasPrefix(base, "db_schema") || base == "crontab.xml" || base == "webapi.xml" || base == "acl.xml":
		return Nothing
	}
	return Whole
}

func rootFile(name string) How {
	if name == "composer.json" || name == "composer.lock" {
		return Whole
	}
	return Nothing
}

// template tells whether a text file is an asset: below web every file is published.
func template(name string) How {
	if strings.Contains(name, "/web/") || strings.HasPrefix(name, "lib/web/") {
		return Whole
	}
	return Nothing
}

// Digest returns what of a content counts, as a digest: equal ones are equal for the step.
// A file that cannot be followed counts as a whole.
func Digest(how How, content []byte) string {
	switch how {
	case Nothing:
		return ""
	case Name:
		return "name"
	case Names:
		if names, ok := phpdecl.Names(content); ok {
			return sum("names", []byte(strings.Join(names, "\n")))
		}
	case Declarations:
		if file, ok := phpdecl.Read(content); ok {
			return sum("declarations", file.Text)
		}
	case Whole:
	}
	return sum("whole", content)
}

// ChangesStatic reports whether a di.xml configures, replaces or extends what makes static
// content. If one of the project's does, bodies of the project's PHP count for Static.
func ChangesStatic(di []byte) bool {
	return slices.ContainsFunc([]string{
		`Magento\Deploy\`, `\View\Asset`, `\View\Design`, `\View\Config`, `\View\File`, `\View\Template\Html`, `\View\TemplateEngine`,
		`\Framework\Css`, `\Framework\RequireJs`, `\RequireJs\`, `\Framework\Translate`, `Magento\Translation\`, `\Framework\Phrase`,
		`\Framework\Filesystem`, `\Framework\Code\Minifier`, `\Framework\Locale`, `\Framework\Module`, `\Framework\App\State`,
		`\Framework\App\Config`, `\Framework\App\DeploymentConfig`, `\Framework\Component`, `Magento\Csp\`, `Magento\Theme\`,
	}, func(name string) bool { return bytes.Contains(di, []byte(name)) })
}

func sum(kind string, content []byte) string {
	h := sha256.New()
	h.Write([]byte(kind + "\x00"))
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil)[:16])
}
