package components

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// Themes returns the themes that the tree registers, "Magento/luma", sorted.
func Themes(tree fs.FS) ([]string, error) {
	files, err := Files(tree)
	if err != nil {
		return nil, err
	}
	e := &evaluator{tree: tree, loaded: map[string]bool{}, themes: map[string]bool{}}
	for _, name := range files {
		e.load(name)
	}
	return slices.Sorted(maps.Keys(e.themes)), nil
}

// register notes a theme, whose name is AREA/VENDOR/THEME.
func (e *evaluator) register(kind, name string) {
	area, theme, ok := strings.Cut(name, "/")
	vendor, rest, complete := strings.Cut(theme, "/")
	if kind == "theme" && ok && complete && area != "" && vendor != "" && rest != "" {
		e.themes[theme] = true
	}
}
