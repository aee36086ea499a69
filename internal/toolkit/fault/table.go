package fault

import (
	_ "embed"
	"encoding/json"
	"slices"
	"sync"
)

// codesFile has the codes in ascending order. Their titles are those of the original, which
// programs match on; the suggestions are our own. 1008 and 2031, which the original raises and
// does not explain, are explained here, and 140 is of a later release.
//
//go:embed codes.json
var codesFile []byte

// Type says whether a code ends its phase.
type Type string

// The types, in the words of cloud.error.log.
const (
	Fails Type = "critical"
	Warns Type = "warning"
)

// The stages of codes.
const (
	StageBuild      = "build"
	StageDeploy     = "deploy"
	StagePostDeploy = "post-deploy"
	StageGeneral    = "general"
)

// Entry is what is known of a code.
type Entry struct {
	Code       int    `json:"code"`
	Stage      string `json:"stage"`
	Step       string `json:"step"` // "" when any step of the stage may raise it
	Title      string `json:"title"`
	Type       Type   `json:"type"`
	Suggestion string `json:"suggestion"`
}

// entries are those of the file.
var entries = sync.OnceValue(func() []Entry { //nolint:gochecknoglobals // read once, never changed
	var all []Entry
	if err := json.Unmarshal(codesFile, &all); err != nil {
		panic("codes.json: " + err.Error()) // it is part of this program; a test reads it
	}
	return all
})

// Entries returns the table of codes, in ascending order.
func Entries() []Entry { return slices.Clone(entries()) }

// Lookup returns the entry of a code.
func Lookup(code int) (Entry, bool) {
	all := entries()
	i, ok := slices.BinarySearchFunc(all, code, func(e Entry, code int) int { return e.Code - code })
	if !ok {
		return Entry{}, false
	}
	return all[i], true
}
