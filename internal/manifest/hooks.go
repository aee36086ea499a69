package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// The commands of a deploy hook that write into the code, which is read-only then.
var (
	buildCommand = regexp.MustCompile(`(?m)^[^#\n]*\b(composer\s+(?:[-\w=]+\s+)*(?:install|update|require|dump-autoload)|npm\s+(?:ci|install|run\s+build)|yarn\s+(?:install|build|run\s+build)|setup:di:compile|assets:install|ckeditor:install|importmap:install|asset-map:compile|artisan\s+storage:link)\b`)
	writeCommand = regexp.MustCompile(`(?m)^[ \t]*(?:mkdir(?:[ \t]+-p)?|touch|rm(?:[ \t]+-\w+)*)[ \t]+"?((?:\./)?[A-Za-z0-9_][\w./-]*)"?[ \t]*$`)
)

// nvmCommand is a call of nvm in a build hook.
var nvmCommand = regexp.MustCompile(`(?m)(?:^|&&|\|\||;)[ \t]*nvm[ \t]+[a-z]`)

// hooks notices what cannot work in the hooks: building, and writing outside the mounts,
// once the code is read-only. It is a guess from the text and never an error.
func (p *parser) hooks(a *Application) {
	n := p.apps[a.Name].get("hooks")
	p.nvmInBuild(n.find("build"))
	for _, hook := range []string{"deploy", "post_deploy"} {
		e := n.find(hook)
		if e == nil {
			continue
		}
		script := e.value.str()
		if match := buildCommand.FindStringSubmatch(script); match != nil {
			p.check.notice(e.pos, "read-only-code", fmt.Sprintf("hook %s runs %q", hook, clip(match[1], 60)), "the code is read-only then", "move it to the build hook")
		}
		for _, match := range writeCommand.FindAllStringSubmatch(script, 3) {
			if target := cleanPath(match[1]); !underMount(a.Mounts, target) {
				p.check.notice(e.pos, "read-only-code", fmt.Sprintf("hook %s writes to %s", hook, show(target)), "only mounts and /tmp are writable then", "move it to the build hook or mount the directory")
			}
		}
	}
}

// nvmInBuild warns of a build hook that calls nvm, which is a function of the shell, without
// the file that defines it. e is nil without a hook.
func (p *parser) nvmInBuild(e *entry) {
	if e == nil || strings.Contains(e.value.str(), "nvm.sh") || !nvmCommand.MatchString(e.value.str()) {
		return
	}
	p.check.warn(e.pos, "unread-nvm", "hook build calls nvm, which is not a program but a function of the shell",
		"the hook ends with \"nvm: not found\"", "write . ~/.nvm/nvm.sh on a line before it")
}

// consumers are commands that wait for messages for ever unless an option limits them.
func consumers() map[string][]string {
	return map[string][]string{
		"queue:consumers:start": {"--max-messages", "--single-run"},
		"messenger:consume":     {"--limit", "-l", "--time-limit", "-t", "--memory-limit", "-m"},
		"queue:work":            {"--stop-when-empty", "--once", "--max-jobs", "--max-time"},
		"queue:listen":          nil,
		"schedule:work":         nil,
	}
}

// endlessConsumers notices crons that start a queue consumer without an end.
func (p *parser) endlessConsumers(a *Application) {
	for _, c := range a.Crons {
		words := strings.FieldsFunc(c.Start, func(r rune) bool { return unicode.IsSpace(r) || r == '=' })
		for command, limits := range consumers() {
			limited := slices.ContainsFunc(limits, func(l string) bool { return slices.Contains(words, l) }) || slices.Contains(words, "timeout")
			if !slices.Contains(words, command) || limited {
				continue
			}
			fix := "make it a worker"
			if limits != nil {
				fix = "add " + limits[0] + ", or make it a worker"
			}
			if command == "queue:consumers:start" {
				fix += ", or set CRON_CONSUMERS_RUNNER instead"
			}
			p.check.notice(c.Pos, "endless-cron", fmt.Sprintf("cron %s starts a consumer that does not end", show(c.Name)),
				fmt.Sprintf("no other cron of the application runs until its timeout of %s, and deployments wait for it", strings.TrimSuffix(strings.TrimSuffix(c.Timeout.String(), "0s"), "0m")), fix)
		}
	}
}
