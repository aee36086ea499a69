package static

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Themes returns the installed themes, "Magento/luma", sorted: those that a
// registration.php below app/design or in a package of vendor registers. Composer's
// autoloader would load the same files (spec: ece-tools 9.3).
func Themes(tree fs.FS) ([]string, error) {
	found := map[string]bool{}
	registered := regexp.MustCompile(`ComponentRegistrar\s*::\s*register\s*\(\s*[\\\w]*ComponentRegistrar\s*::\s*THEME\s*,\s*['"](?:frontend|adminhtml|base|webapi_rest)/([^'"/]+/[^'"/]+)['"]`)
	for _, pattern := range []string{"app/design/*/*/*", "vendor/*/*"} {
		dirs, err := fs.Glob(tree, pattern+"/theme.xml")
		if err != nil {
			return nil, err
		}
		for _, dir := range dirs {
			text, err := readSome(tree, path.Join(path.Dir(dir), "registration.php"))
			if err != nil {
				return nil, fmt.Errorf("find themes: %w", err)
			}
			for _, m := range registered.FindAllStringSubmatch(text, -1) {
				found[m[1]] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// maxRegistration bounds what is read of a registration.php, in bytes.
const maxRegistration = 64 << 10

func readSome(tree fs.FS, name string) (string, error) {
	f, err := tree.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxRegistration))
	return string(text), errors.Join(err, f.Close())
}

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
