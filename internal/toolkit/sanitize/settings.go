package sanitize

import (
	"fmt"
	"maps"
	"slices"

	"sluice/internal/manifest"
)

// Modes of a run.
const (
	ModeFull  = "full"  // people are faked, carts are emptied
	ModeStrip = "strip" // customers and orders are emptied too
	ModeKeep  = "keep"  // configuration and encryption key only: people stay as they are
	ModeCheck = "check" // nothing is changed
)

// Modes returns all modes.
func Modes() []string { return []string{ModeFull, ModeStrip, ModeKeep, ModeCheck} }

// checkSettings looks at what the manifest cannot know: the names of rules.
func checkSettings(s manifest.Sanitize) error {
	for _, name := range slices.Sorted(maps.Keys(s.Tables)) {
		for column, rule := range s.Tables[name].Columns {
			if !slices.Contains(simpleRules(), rule) {
				return fmt.Errorf("%s: clone.sanitize.tables.%s.%s: unknown rule %q; the rules are %v", manifest.SluiceFile, name, column, rule, simpleRules())
			}
		}
	}
	return nil
}

// simpleRules are the rules that fit any table.
func simpleRules() []string {
	all := columnRules()
	return slices.DeleteFunc(all, func(rule string) bool {
		_, ok := fake(rule, column{name: "c", kind: "varchar", length: 255, nullable: true})
		return !ok
	})
}
