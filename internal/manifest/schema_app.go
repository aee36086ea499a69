package manifest

import (
	"fmt"
	"slices"
)

// minimumDisk is the smallest disk in MB.
const minimumDisk = 128

// applicationSchema is .magento.app.yaml.
func applicationSchema() *shape {
	return object(append([]property{
		{key: "name", shape: formatted(nameFormat("application")), required: true, doc: "The name of the application; routes refer to it. Renaming it separates it from its data."},
		{key: "type", shape: formatted(typeFormat("php:8.2")).with(checkRuntime), required: true, doc: `The runtime and its version, "php:8.2".`},
		{key: "build", shape: buildSchema(), doc: "How the application is built."},
		{key: "dependencies", shape: dependenciesSchema(), doc: "Tools that are installed before the build hook, by language."},
		{key: "runtime", shape: runtimeSchema(), doc: "PHP extensions and the sizes of PHP-FPM."},
		{key: "web", shape: webSchema(), doc: "How the application is reached over HTTP."},
		{key: "workers", shape: mapOf("worker", workerSchema()).named(nameFormat("worker")).most(maxWorkers), doc: "Background processes that run from the same build."},
		{key: "hooks", shape: hooksSchema(), doc: "Shell scripts of the three phases."},
		{key: "crons", shape: mapOf("cron", cronSchema()).most(maxCrons), doc: "Scheduled jobs; one at a time in an application."},
		{key: "timezone", shape: formatted(timezoneFormat()), fallback: "UTC", doc: "The time zone of the crons' specs."},
		{key: "firewall", shape: firewallSchema(), status: StatusIgnored, note: "outgoing connections are not filtered", doc: "Rules for outgoing connections."},
		{key: "source", shape: sourceSchema(), doc: "Where the application is in the repository."},
		{key: "operations", shape: mapOf("operation", freeForm()), status: StatusIgnored, note: "run commands over SSH instead", doc: "Commands that can be started by hand."},
		{key: "preflight", shape: object(property{key: "enabled", shape: boolean()}, property{key: "ignored_rules", shape: listOf(scalar())}), status: StatusIgnored, note: "pushes are not compared with known vulnerabilities", doc: "The check for known vulnerabilities."},
		{key: "stack", shape: anything(), status: StatusRefused, note: "composable images need Nix", doc: "The parts of a composable image."},
		{key: "resources", shape: freeForm(), status: StatusIgnored, note: ignoredSize, doc: "Memory of the containers."},
		{key: "container_profile", shape: scalar(), status: StatusIgnored, note: ignoredSize, doc: "Proportion of CPU and memory."},
		{key: "instance_count", shape: integer(0), status: StatusIgnored, note: "an application has one container", doc: "Number of containers."},
	}, containerSchema()...)...).with(checkApplication)
}

const ignoredSize = "containers share the machine's memory and processors"

// containerSchema are the keys that a worker and web may override as a whole.
func containerSchema() []property {
	return []property{
		{key: "size", shape: oneOf("AUTO", "XS", "S", "M", "L", "XL", "2XL", "4XL"), fallback: "AUTO", status: StatusIgnored, note: ignoredSize, doc: "The size of the container."},
		{key: "disk", shape: diskSchema(), doc: "Disk for the mounts, in MB; applications see it, and its size is not enforced."},
		{key: "relationships", shape: relationshipsSchema(), doc: "Services and applications that this one may reach, by the name under which it sees them."},
		{key: "mounts", shape: mapOf("path", mountSchema()).named(mountPathFormat()).most(maxMounts), doc: "Directories that stay writable and outlive deployments."},
		{key: "variables", shape: mapOf("prefix", mapOf("name", anything()).most(maxVariables)).with(checkVariables), doc: `Variables by prefix: "env" for the environment, "php" for php.ini, others for the variables document.`},
		{key: "access", shape: object(property{key: "ssh", shape: oneOf("admin", "contributor", "viewer"), fallback: "contributor", status: StatusIgnored, note: "every member of the project may log in", doc: "The least role that may log in."}), doc: "Who may log in over SSH."},
		{key: "additional_hosts", shape: mapOf("host", formatted(addressFormat())), status: StatusIgnored, note: "the containers resolve names by DNS only", doc: "Entries for /etc/hosts."},
	}
}

func diskSchema() *shape {
	return integer(0).with(func(c *checker, n *node, path string) {
		if v, ok := n.num(); ok && v >= 0 && v < minimumDisk {
			c.fail(n.pos, "disk-too-small", fmt.Sprintf("Disk size may not be smaller than %dMB", minimumDisk), fmt.Sprintf("%s is %d", path, v), fmt.Sprintf("write %d or more", minimumDisk))
		}
	})
}

func buildSchema() *shape {
	return object(
		property{key: "flavor", shape: oneOf("none", "composer", "default", "drupal", "symfony").with(checkFlavor), fallback: "composer for php, none otherwise", doc: `What runs before the build hook: "composer" installs the locked packages, the others run nothing.`},
		property{key: "caches", shape: freeForm(), status: StatusIgnored, note: "package managers' caches are kept anyway", doc: "Directories kept between builds."},
	)
}

// checkFlavor notices flavors of the past that ran something elsewhere.
func checkFlavor(c *checker, n *node, path string) {
	if slices.Contains([]string{"default", "drupal", "symfony"}, n.text) {
		c.notice(n.pos, "ignored-value", fmt.Sprintf("%s %s runs nothing here", path, n.text), "", `write composer to install the locked packages, or call what is needed in the build hook`)
	}
}

func dependenciesSchema() *shape {
	packages := mapOf("package", scalar())
	php := object(
		property{key: "require", shape: packages, doc: "Packages and their constraints."},
		property{key: "repositories", shape: anything(), status: StatusIgnored, note: "only packagist.org is asked for tools", doc: "Composer repositories."},
		property{key: "config", shape: freeForm(), status: StatusIgnored, note: "Composer's defaults apply", doc: "Composer configuration."},
	)
	return object(
		property{key: "php", shape: mapOf("package", scalar().or(anything())).with(checkPHPDependencies(php)), doc: "Composer packages, installed globally."},
		property{key: "nodejs", shape: packages, doc: "npm packages, installed globally for the build; node is Node itself, as in node: \"18\"."},
		property{key: "python", shape: packages, doc: "Python packages."},
		property{key: "python2", shape: packages, status: StatusIgnored, note: "Python 2 is not in the images", doc: "Python 2 packages."},
		property{key: "python3", shape: packages, doc: "Python packages."},
		property{key: "ruby", shape: packages, doc: "Ruby gems."},
	)
}

// checkPHPDependencies distinguishes the extended form, which has "require", from a plain map of
// packages.
func checkPHPDependencies(extended *shape) func(*checker, *node, string) {
	return func(c *checker, n *node, path string) {
		if n.get("require") != nil {
			c.matches(n, extended, path)
			return
		}
		for _, e := range n.entries {
			if e.value.kind&(kindMap|kindList) != 0 {
				c.fail(e.value.pos, "wrong-type", fmt.Sprintf("%s must be a version constraint, not %s", below(path, e.key), e.value.kind), "", `write it as "^2.0"`)
			}
		}
	}
}

func runtimeSchema() *shape {
	extension := text().or(object(
		property{key: "name", shape: text(), required: true, doc: "The extension."},
		property{key: "configuration", shape: freeForm(), status: StatusIgnored, note: "write the directives into php.ini", doc: "Its settings."},
	))
	return object(
		property{key: "extensions", shape: listOf(extension), doc: "PHP extensions in addition to the default ones."},
		property{key: "disabled_extensions", shape: listOf(text()), doc: "Default extensions that are turned off."},
		property{key: "request_terminate_timeout", shape: integer(0), doc: "Seconds after which PHP-FPM ends a request."},
		property{key: "sizing_hints", shape: object(
			property{key: "request_memory", shape: integer(10), fallback: "45", doc: "Memory of a request, in MB."},
			property{key: "reserved_memory", shape: integer(70), fallback: "70", doc: "Memory kept for other things, in MB."},
		), doc: "From these follows the number of PHP processes."},
		property{key: "xdebug", shape: freeForm(), status: StatusIgnored, note: "set xdebug.* in php.ini", doc: "Remote debugging."},
		property{key: "quarantine", shape: boolean(), status: StatusIgnored, note: "it has no meaning here", doc: "Reserved."},
	)
}

func relationshipsSchema() *shape {
	pair := formatted(endpointFormat("<endpoint>")).or(object(
		property{key: "service", shape: text(), doc: "A service of services.yaml or another application; the relationship's name when absent."},
		property{key: "endpoint", shape: text(), doc: "One of its endpoints; its default when absent."},
	))
	return mapOf("relationship", pair).most(maxRelationships).named(&format{name: "relationship name", pattern: `^[A-Za-z0-9][A-Za-z0-9_.-]*$`, wrong: func(s string) (why, fix string) {
		if !endpointPattern.MatchString(s + ":x") {
			return "it becomes part of a host name", ""
		}
		return "", ""
	}})
}

func mountPathFormat() *format {
	return &format{name: "mount path", pattern: ".+", never: dotDot + `|^[./]*$`, wrong: func(s string) (why, fix string) {
		switch clean := cleanPath(s); {
		case hasDotDot(s):
			return "it leaves the application's directory", ""
		case len(s) > maxPathBytes:
			return fmt.Sprintf("a path has at most %d bytes", maxPathBytes), ""
		case clean == "":
			return "the application's own directory is read-only", "name a directory below it"
		default:
			return "", ""
		}
	}}
}

func mountSchema() *shape {
	return text().with(checkMountText).or(object(
		property{key: "source", shape: oneOf("local", "instance", "storage", "service", "tmp", "temporary"), required: true, doc: "Where the files live."},
		property{key: "source_path", shape: formatted(pathFormat()), fallback: "the mount's path", doc: "The directory in the volume; it identifies the data."},
		property{key: "service", shape: text(), doc: "The network storage service, for source: service."},
	).with(func(c *checker, n *node, path string) {
		if n.get("source").str() == "service" && !n.get("service").given() {
			c.fail(n.pos, "missing-key", path+" has no \"service\"", "the source is a service", "")
		}
	}))
}

// checkMountText checks the notation "shared:files/var".
func checkMountText(c *checker, n *node, path string) {
	if _, ok := parseMount(n.text); !ok {
		c.fail(n.pos, "wrong-format", fmt.Sprintf("%s is not a mount: %s", path, show(n.text)), "it needs \"shared:\" and a directory", `write it as "shared:files/var", or as a map with source and source_path`)
	}
}

func hooksSchema() *shape {
	return object(
		property{key: "build", shape: text(), doc: "Runs in the build container, without services; the last command's status counts unless the script says set -e."},
		property{key: "deploy", shape: text(), doc: "Runs in the web container while requests are held."},
		property{key: "post_deploy", shape: text(), doc: "Runs in the web container when the site is open again."},
	)
}

func cronSchema() *shape {
	return object(
		property{key: "spec", shape: formatted(cronFormat()).with(checkCron), required: true, doc: `Five cron fields; "H" is a value that the platform chooses.`},
		property{key: "cmd", shape: text(), doc: "The command, in the older notation."},
		property{key: "commands", shape: object(
			property{key: "start", shape: text(), required: true, doc: "The command."},
			property{key: "stop", shape: text(), doc: "Runs when the job is cancelled, instead of SIGTERM."},
		).or(text()), doc: "The commands of the job."},
		property{key: "shutdown_timeout", shape: integer(0), fallback: "10", doc: "Seconds between SIGTERM and SIGKILL."},
		property{key: "timeout", shape: between(1, 86400), fallback: "86400", doc: "Seconds after which the job is ended."},
	).with(func(c *checker, n *node, path string) {
		switch cmd, commands := n.get("cmd").given(), n.get("commands").given(); {
		case !cmd && !commands:
			c.fail(n.pos, "missing-key", path+" has no command", "", `add "cmd:" with the command`)
		case cmd && commands:
			c.warn(n.place("cmd"), "unused-key", below(path, "cmd")+" is not used", "commands.start is", "remove one of them")
		}
	})
}

func commandsSchema() *shape {
	return object(
		property{key: "start", shape: text(), doc: "The foreground process; PHP-FPM when absent in a PHP application."},
		property{key: "pre_start", shape: text(), doc: "Runs before it."},
		property{key: "post_start", shape: text(), doc: "Must succeed before requests are sent."},
	).or(text())
}

func workerSchema() *shape {
	commands := property{key: "commands", shape: commandsSchema(), required: true, doc: "The worker's process; commands.start is needed."}
	return object(append([]property{commands}, containerSchema()...)...).with(func(c *checker, n *node, path string) {
		if commands := n.get("commands"); commands.isMap() && !commands.get("start").given() {
			c.fail(commands.pos, "missing-key", below(path, "commands")+` has no "start"`, "a worker is one process", "")
		}
	})
}

func firewallSchema() *shape {
	rule := object(
		property{key: "ips", shape: listOf(formatted(cidrFormat())), doc: "Address ranges."},
		property{key: "domains", shape: listOf(formatted(domainFormat())), doc: "Domain names."},
		property{key: "ports", shape: listOf(between(1, 65535)), doc: "TCP ports; all when absent."},
		property{key: "protocol", shape: oneOf("tcp"), fallback: "tcp", doc: "Only TCP."},
	).with(func(c *checker, n *node, path string) {
		if len(n.get("ips").list()) > 0 && len(n.get("domains").list()) > 0 {
			c.fail(n.pos, "exclusive-keys", path+" has both ips and domains", "a rule has one of them", "split it into two rules")
		}
	})
	return object(property{key: "outbound", shape: listOf(rule), doc: "What is allowed; everything when there is no rule."})
}

func sourceSchema() *shape {
	return object(
		property{key: "root", shape: formatted(&format{name: "directory", pattern: ".*", never: dotDot, wrong: func(s string) (why, fix string) {
			return pathFormat().wrong(s)
		}}), fallback: "the file's directory", doc: "The application's directory in the repository."},
		property{key: "operations", shape: freeForm(), status: StatusIgnored, note: "run the command and push its result", doc: "Commands that change the repository."},
	)
}
