package fault

import "slices"

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

// Entry is what is known of a code (spec: ece-tools 11).
type Entry struct {
	Code       int
	Stage      string
	Step       string // "" when any step of the stage may raise it
	Title      string
	Type       Type
	Suggestion string
}

// Entries returns the table of codes, by code. Titles are exact; suggestions are ours.
// 1008 and 2031, which the original raises and does not explain, are explained here.
func Entries() []Entry {
	return slices.Concat(buildCodes(), deployCodes(), postDeployCodes(), generalCodes(),
		buildWarningCodes(), deployWarningCodes(), postDeployWarningCodes(), generalWarningCodes())
}

// Lookup returns the entry of a code.
func Lookup(code int) (Entry, bool) {
	all := Entries()
	i, ok := slices.BinarySearchFunc(all, code, func(e Entry, code int) int { return e.Code - code })
	if !ok {
		return Entry{}, false
	}
	return all[i], true
}
