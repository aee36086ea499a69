package static

import (
	"cmp"
	"slices"
	"strings"
)

// Resolve finds a theme of the matrix among the installed ones: as it is, else in any
// case. exact is false when only the case differed; name is "" when there is none.
func Resolve(theme string, installed []string) (name string, exact bool) {
	if slices.Contains(installed, theme) {
		return theme, true
	}
	i := slices.IndexFunc(installed, func(t string) bool { return strings.EqualFold(t, theme) })
	if i < 0 {
		return "", false
	}
	return cmp.Or(installed[i], theme), false
}
