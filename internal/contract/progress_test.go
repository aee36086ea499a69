package contract

import (
	"strings"
	"testing"
)

func TestProgressSurvivesTheLog(t *testing.T) {
	for _, p := range []Progress{
		{Verb: Hello, Text: "sluice-toolkit 1.0"},
		{Verb: Touch, Text: "setup:upgrade"},
		{Verb: Step, Text: ""},
		{Verb: Data, Text: "0123abcd"},
	} {
		for _, end := range []string{"", "\n", "\r\n"} {
			if got, ok := ParseProgress(p.String() + end); !ok || got != p {
				t.Errorf("ParseProgress(%q) = %+v, %t", p.String()+end, got, ok)
			}
		}
	}
}

func TestOtherLinesAreNoProgress(t *testing.T) {
	for _, line := range []string{"", "::sluice::", "::sluice::other x", " ::sluice::touch x", "note ::sluice::touch x"} {
		if p, ok := ParseProgress(line); ok {
			t.Errorf("ParseProgress(%q) = %+v", line, p)
		}
	}
}

func TestTellsTouch(t *testing.T) {
	preamble := "#!/bin/sh\ncd /app || exit 1\nif [ -f .environment ]; then . ./.environment; fi\n"
	for script, want := range map[string]bool{
		preamble + "ece-tools run scenario/deploy.xml\n":                    true,
		preamble + "set -e\n# first\nsluice-toolkit deploy\necho-tools x\n": false,
		preamble + "set -e\n# first\n  sluice-toolkit deploy\n":             true,
		preamble: false,
		"":       false,
		"php ./vendor/bin/ece-tools run scenario/deploy.xml": false,
		"ece-tools deploy; php bin/magento setup:upgrade":    false,
		"ece-tools deploy && rm -rf var":                     false,
		"ece-tools run `touch x`":                            false,
		"ece-tools run $(touch x)":                           false,
		"ece-tools deploy > /app/var/log":                    false,
		"ece-tools deploy\nphp bin/magento cache:flush":      false,
	} {
		if got := TellsTouch(script); got != want {
			t.Errorf("TellsTouch(%q) = %t, want %t", script, got, want)
		}
	}
}

func TestRunsToolkit(t *testing.T) {
	for script, want := range map[string]bool{
		"":                                 false,
		"ece-tools post-deploy":            true,
		"php ./vendor/bin/ece-tools run x": true,
		"php -d memory_limit=-1 vendor/bin/ece-tools run x": true,
		"php8.2 ./vendor/bin/ece-tools run":                 true,
		"set -e; ece-tools run x":                           true,
		"cd /app && sluice-toolkit run x":                   true,
		"if true; then ece-tools run x; fi":                 true,
		"FOO=1 BAR='a b' ece-tools run x":                   true,
		"time ece-tools run x":                              true,
		"true ||\\\n  ece-tools run x":                      true,
		"\"/usr/bin/ece-tools\" run x":                      true,
		"timeout -k 5 600 ece-tools run x":                  true,
		"nice -n 10 php vendor/bin/ece-tools run x":         true,
		"env -i PATH=/bin ece-tools run x":                  true,
		"bash -ec 'cd /app && ece-tools run x'":             true,
		"sh hooks/deploy.sh ece-tools":                      false,
		"timeout 600 echo ece-tools":                        false,
		"'' ece-tools":                                      false,
		"env '' ece-tools":                                  true,
		"echo run /ece-tools later":                         false,
		"echo 'later; ece-tools run x'":                     false,
		"# ece-tools run x":                                 false,
		"php bin/magento cache:flush # ece-tools":           false,
		"rm -rf vendor/magento/ece-tools":                   false,
		"cat 'ece-tools":                                    false,
		"x\\":                                               false,
	} {
		if got := RunsToolkit(script); got != want {
			t.Errorf("RunsToolkit(%q) = %t, want %t", script, got, want)
		}
	}
}

func TestPrograms(t *testing.T) {
	for script, want := range map[string]string{
		"set -e\nnpm ci && npm run build":                           "set npm npm",
		"cd app/design && (yarn install; ./node_modules/.bin/gulp)": "cd yarn gulp",
		"sh -c 'cd x && npm ci'":                                    "sh cd npm",
		"if [ -f package.json ]; then CI=1 npx gulp; fi":            "[ npx fi",
		"find . -name package.json | xargs npm":                     "find npm",
		"echo make sure\n# npm ci":                                  "echo",
		"x=$(node -v)":                                              "node",
		"rm -rf node_modules":                                       "rm",
		"":                                                          "",
	} {
		if got := strings.Join(Programs(script), " "); got != want {
			t.Errorf("Programs(%q) = %q, want %q", script, got, want)
		}
	}
}

func FuzzParseProgress(f *testing.F) {
	f.Add("::sluice::touch setup:upgrade\n")
	f.Add("::sluice::")
	f.Add("text")
	f.Fuzz(func(t *testing.T, line string) {
		p, ok := ParseProgress(line)
		if !ok {
			return
		}
		if again, ok := ParseProgress(p.String()); !ok || again.Verb != p.Verb {
			t.Errorf("%q became %+v and then %+v, %t", line, p, again, ok)
		}
	})
}
