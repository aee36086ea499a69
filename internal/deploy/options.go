package deploy

import (
	"fmt"
	"slices"
	"strings"

	"sluice/internal/manifest"
	"sluice/internal/platform"
	"sluice/internal/work"
)

// Push options are text from outside that is kept with the activity and shown to others, so
// only those that mean something are kept, and each is short and printable.
const maxOption = 1 << 10 // bytes of a value

// The push options beside platform.OptionWait.
const (
	optionHooks    = "deploy.hooks"    // force: run the deploy hook although nothing changed
	optionHoldMax  = "deploy.hold_max" // how long requests may wait, such as 90s
	optionForce    = "build.force"     // true: build although there is a slug
	optionBackup   = "deploy.backup"   // skip: no backup before what cannot be undone
	optionRehearse = platform.OptionRehearse
	optionStatus   = "environment.status"
	optionTitle    = "environment.title"
	optionParent   = "environment.parent"
	optionType     = "environment.type"
	optionClone    = "environment.clone_parent_on_create" // false: a new environment begins with empty data
)

const backupSkip = "skip"

func knownOptions() []string {
	accept, _, _ := strings.Cut(manifest.AcceptDataLoss, "=")
	return []string{
		platform.OptionWait, optionHooks, optionHoldMax, optionForce, optionBackup, optionStatus, optionTitle, optionParent, optionType, optionClone, optionRehearse, accept,
	}
}

// acceptedOptions returns the options that mean something here and names the others in the
// log. It returns CodeInvalid for a value that is too long or not printable.
func acceptedOptions(options map[string]string, log *work.Logbook) (map[string]string, error) {
	out := map[string]string{}
	known, unknown := knownOptions(), 0
	for name, value := range options {
		if !slices.Contains(known, name) {
			unknown++
			continue
		}
		if len(value) > maxOption || !platform.Printable(value) {
			return nil, platform.Errorf(platform.CodeInvalid,
				"the option %s must be plain text of at most %d bytes; nothing was changed", name, maxOption)
		}
		if name == optionRehearse && value != "true" {
			return nil, platform.Errorf(platform.CodeInvalid, "the option %s can only be true; nothing was changed", name)
		}
		if name == optionTitle {
			if err := platform.CheckTitle(value); err != nil {
				return nil, err
			}
		}
		out[name] = value
	}
	if unknown > 0 {
		log.Line(1, "W: %s not known and ignored; known are %s", countedOptions(unknown), strings.Join(known, ", "))
	}
	return out, nil
}

func countedOptions(n int) string {
	if n == 1 {
		return "1 push option is"
	}
	return fmt.Sprintf("%d push options are", n)
}
