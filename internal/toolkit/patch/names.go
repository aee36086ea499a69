package patch

import (
	"strconv"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// stripNames takes the first directory, "a/" or "b/", off the names of plain unified
// diffs; those of Git's own headers come without it from the parser.
func stripNames(files []*gitdiff.File, text string) {
	for i, plain := range plainHeaders(text) {
		if i < len(files) && plain {
			files[i].OldName, files[i].NewName = stripped(files[i].OldName), stripped(files[i].NewName)
		}
	}
}

func stripped(name string) string {
	if _, rest, ok := strings.Cut(name, "/"); ok && rest != "" {
		return rest
	}
	return name
}

// plainHeaders tells for each file of a patch, in order, whether it begins without a
// header of Git's. Lines of hunks are passed over by their count, for they can look like
// anything.
func plainHeaders(text string) []bool {
	var plain []bool
	inGit, old, added := false, 0, 0
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if old > 0 || added > 0 {
			switch {
			case strings.HasPrefix(line, "-"):
				old--
			case strings.HasPrefix(line, "+"):
				added--
			case !strings.HasPrefix(line, `\`):
				old--
				added--
			}
			continue
		}
		switch {
		case strings.HasPrefix(line, "diff --git "):
			plain, inGit = append(plain, false), true
		case strings.HasPrefix(line, "--- ") && i+1 < len(lines) && strings.HasPrefix(lines[i+1], "+++ "):
			if !inGit {
				plain = append(plain, true)
			}
			inGit = false
		case strings.HasPrefix(line, "@@ -") && strings.Contains(line, " +"):
			old, added = hunkSize(line)
			inGit = false
		}
	}
	return plain
}

// hunkSize reads "@@ -1,2 +1,3 @@"; a count that is left out is one.
func hunkSize(header string) (old, added int) {
	counts := [2]int{}
	for i, field := range strings.Fields(strings.TrimPrefix(header, "@@ "))[:2] {
		counts[i] = 1
		if _, count, ok := strings.Cut(field, ","); ok {
			counts[i], _ = strconv.Atoi(count) // the parser has refused what is no number
		}
	}
	return counts[0], counts[1]
}
