package gitserve

import (
	"regexp"
	"strconv"
	"strings"

	"sluice/internal/gitcmd"
)

// fetchSettings is what git upload-pack needs on top of gitcmd's configuration. Of the
// filters for partial clones only those are allowed that cost the server nothing.
func fetchSettings() []gitcmd.Setting {
	return []gitcmd.Setting{
		{"uploadpack.allowFilter", "true"},
		{"uploadpackfilter.allow", "false"},
		{"uploadpackfilter.blob:none.allow", "true"},
		{"uploadpackfilter.tree.allow", "true"},
		{"uploadpackfilter.tree.maxDepth", "0"}, // no trees at all, as CI systems ask for
	}
}

// receiveSettings is what git receive-pack needs on top of gitcmd's configuration.
func receiveSettings(hooks string, maxPush int64) []gitcmd.Setting {
	settings := []gitcmd.Setting{
		{"core.hooksPath", hooks},
		{"core.fsync", "all"}, // an accepted push survives a power cut
		{"core.fsyncMethod", "batch"},
		{"receive.advertisePushOptions", "true"},
		{"receive.maxInputSize", strconv.FormatInt(maxPush, 10)},
		{"receive.shallowUpdate", "false"}, // a stored branch has its whole history
		{"receive.autogc", "false"},        // a push should not wait for it
		{"receive.fsckObjects", "true"},
	}
	// Old histories have these, and they do no harm.
	for _, id := range []string{
		"badDate", "badDateOverflow", "badEmail", "badName", "badTimezone", "missingEmail", "missingNameBeforeEmail",
		"missingSpaceBeforeDate", "missingSpaceBeforeEmail", "multipleAuthors", "missingTaggerEntry", "zeroPaddedDate",
		"zeroPaddedFilemode",
	} {
		settings = append(settings, gitcmd.Setting{"receive.fsck." + id, "warn"})
	}
	return settings
}

var protocolPattern = regexp.MustCompile(`^[a-z0-9=:._-]{1,64}$`)

// protocol returns the variable for a Git-Protocol header; a malformed header is ignored.
func protocol(header string) (env []string, version2 bool) {
	if !protocolPattern.MatchString(header) {
		return nil, false
	}
	for item := range strings.SplitSeq(header, ":") {
		version2 = version2 || item == "version=2"
	}
	return []string{"GIT_PROTOCOL=" + header}, version2
}
