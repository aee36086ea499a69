package journal

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Redactor hides secrets in text: option values and passwords by their shape, and secrets
// that are known by their value. The zero value knows the shapes only. It is not safe to Add while others
// redact.
type Redactor struct {
	secrets  []string
	replacer *strings.Replacer

	compile sync.Once // when the first text that could hold one is seen: most commands end before
	shapes  []shape
}

const mask = "******"

// minSecret is the length in bytes below which a value is not hidden: hiding "db" or "1"
// would garble every line.
const minSecret = 6

// Add makes known secrets: their values are hidden wherever they appear.
func (r *Redactor) Add(secrets ...string) {
	for _, s := range secrets {
		if len(s) >= minSecret && !slices.Contains(r.secrets, s) {
			r.secrets = append(r.secrets, s)
		}
	}
	// The longest first, or a secret that begins another would uncover the other's end.
	slices.SortStableFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(r.secrets))
	for _, s := range r.secrets {
		pairs = append(pairs, s, mask)
	}
	r.replacer = strings.NewReplacer(pairs...)
}

// Redact returns the text with the secrets hidden.
func (r *Redactor) Redact(text string) string {
	if r.replacer != nil {
		text = r.replacer.Replace(text)
	}
	if !strings.Contains(text, "-") && !strings.Contains(text, "://") {
		return text
	}
	r.compile.Do(func() { r.shapes = compileShapes() })
	for _, s := range r.shapes {
		if strings.Contains(text, s.hint) {
			text = s.pattern.ReplaceAllString(text, s.with)
		}
	}
	return text
}

type shape struct {
	hint    string // text without it is not searched
	pattern *regexp.Regexp
	with    string
}

func compileShapes() []shape {
	value := `(?:'[^']*'|"[^"]*"|[^\s'"]+)`
	return []shape{
		{"-password", regexp.MustCompile(`(-password=)` + value), `${1}'` + mask + `'`},
		{"-secret", regexp.MustCompile(`(-secret=)` + value), `${1}'` + mask + `'`},
		{"--password", regexp.MustCompile(`(--password[= ])` + value), `${1}'` + mask + `'`},
		{"dump", regexp.MustCompile(`(dump\b.*? -p)` + value), `${1}'` + mask + `'`},
		{"redis-cli", regexp.MustCompile(`(redis-cli\b.*? -a )` + value), `${1}'` + mask + `'`},
		{"://", regexp.MustCompile(`(://[^\s/:@'"]*:)[^\s/@'"]+(@)`), `${1}` + mask + `${2}`},
	}
}
