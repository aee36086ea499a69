package manifest

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"-1": -1, "-1s": -1, "0": 0, "300": 300 * time.Second, "50ms": 50 * time.Millisecond, "5m": 5 * time.Minute,
		"2h": 2 * time.Hour, "1d": day, "1w": 7 * day, "1M": 30 * day, "1y": 365 * day,
	} {
		if got, ok := parseDuration(text); !ok || got != want {
			t.Errorf("%s: got %s, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "-2", "1x", "1 d", "1.5h", "9999999999999999999", "101y"} {
		if got, ok := parseDuration(text); ok {
			t.Errorf("%q is accepted as %s", text, got)
		}
	}
}

// TestExpressions lists what PCRE allows and Go does not, and what nothing allows.
func TestExpressions(t *testing.T) {
	for _, pattern := range []string{
		`\.(css|js)$`, `^/static/version\d+/(?<resource>.*)$`, `(?<!\.min)\.js$`, `^/(?!admin).*`, `(a)\1`, `(?>a+)b`, `a++b`,
		`[]a]`, `[^]]`, `[[:alpha:]_]+`, `\Q(\E`, `(?i)x`, `a{2,}?`, `^/(.*)?`, `(?P<n>x)`, `x(?#note)y`, `[\]]`, `(?|a|b)`, `(*UTF8)é`,
	} {
		if why := wrongExpression(pattern); why != "" {
			t.Errorf("%s: %s", pattern, why)
		}
	}
	for _, pattern := range []string{`(a`, `a)`, `[a`, `*a`, `a|*`, `a\`, `(?<!x`} {
		if why := wrongExpression(pattern); why == "" {
			t.Errorf("%s is accepted", pattern)
		}
	}
}

func TestParseCron(t *testing.T) {
	for spec, interval := range map[string]int{
		"* * * * *": 1, "*/5 * * * *": 5, "0 * * * *": 60, "0,10 * * * *": 10, "58,2 * * * *": 4, "58,2 3 * * *": 56, "H * * * *": 60,
		"H/15 * * * *": 15, "H(0-29) 2 * * *": 60, "0/30 * * * *": 30, "0 0 1 jan mon-fri": 60, "0 0 ? * 7": 60, "5-20/5 * * * *": 5,
	} {
		s, err := parseCron(spec)
		if err != nil {
			t.Errorf("%s: %v", spec, err)
		} else if got := s.interval(); got != interval {
			t.Errorf("%s: interval %d, want %d", spec, got, interval)
		}
	}
	for _, spec := range []string{"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "a * * * *", "5-1 * * * *", "*/0 * * * *", "1,,2 * * * *", "@hourly", "-1 * * * *"} {
		if _, err := parseCron(spec); err == nil {
			t.Errorf("%q is accepted", spec)
		}
	}
}

func TestClosest(t *testing.T) {
	known := []string{"hooks", "post_deploy", "relationships", "disk", "size"}
	for got, want := range map[string]string{
		"hoks": "hooks", "post-deploy": "post_deploy", "postDeploy": "post_deploy", "relationship": "relationships", "dsik": "disk", "elephant": "", "8.2": "",
	} {
		if c := closest(got, known); c != want {
			t.Errorf("%s: got %q, want %q", got, c, want)
		}
	}
}
