package termtext

import (
	"cmp"
	"slices"
	"strings"
)

// MinSecret is the length of the shortest value that is masked, in bytes. Shorter ones
// would hide half of every log.
const MinSecret = 8

// masked stands in for a secret.
const masked = "********"

// Masker hides known secrets. The zero Masker hides nothing.
type Masker struct{ replacer *strings.Replacer }

// NewMasker hides the values that have at least MinSecret bytes; of a value of several
// lines, every such line.
func NewMasker(secrets []string) Masker {
	var parts []string
	for _, secret := range secrets {
		for line := range strings.Lines(secret) {
			if line = strings.TrimSpace(line); len(line) >= MinSecret {
				parts = append(parts, line)
			}
		}
	}
	if len(parts) == 0 {
		return Masker{}
	}
	// Of two secrets where one begins the other, the longer one is hidden whole.
	slices.SortFunc(parts, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	var pairs []string
	for _, p := range slices.Compact(parts) {
		pairs = append(pairs, p, masked)
	}
	return Masker{strings.NewReplacer(pairs...)}
}

// Mask returns the text without the secrets.
func (m Masker) Mask(text string) string {
	if m.replacer == nil {
		return text
	}
	return m.replacer.Replace(text)
}
