package patch

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// applyText applies the hunks of one file to its content.
func applyText(content []byte, hunks []*gitdiff.TextFragment) ([]byte, error) {
	lines := split(content)
	var out []string
	next, offset := 0, 0 // first line that no hunk has taken; how far the last one was off
	for _, hunk := range hunks {
		before, after := sides(hunk)
		guess := max(int(hunk.OldPosition)-1, 0)
		at, ok := find(lines, before, next, guess+offset, anchorsOf(hunk))
		if !ok {
			return nil, mismatch(lines, before, guess, hunk)
		}
		out = append(append(out, lines[next:at]...), after...)
		next, offset = at+len(before), at-guess
	}
	return []byte(strings.Join(append(out, lines[next:]...), "")), nil
}

func split(content []byte) []string {
	if len(content) == 0 {
		return nil
	}
	lines := strings.SplitAfter(string(content), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// sides returns the lines that a hunk replaces and those that take their place.
func sides(hunk *gitdiff.TextFragment) (before, after []string) {
	for _, line := range hunk.Lines {
		if line.Op != gitdiff.OpAdd {
			before = append(before, line.Line)
		}
		if line.Op != gitdiff.OpDelete {
			after = append(after, line.Line)
		}
	}
	return before, after
}

// anchors say that a hunk is only right at an end of the file: git infers it from context
// that is missing where there would be some.
type anchors struct{ start, end bool }

func anchorsOf(hunk *gitdiff.TextFragment) anchors {
	return anchors{start: hunk.OldPosition <= 1, end: hunk.TrailingContext == 0}
}

// find returns where a hunk's lines are at or after next, nearest to the guess.
func find(lines, before []string, next, guess int, a anchors) (int, bool) {
	last := len(lines) - len(before)
	fits := func(at int) bool {
		if at < next || at > last || a.start && at != 0 || a.end && at != last {
			return false
		}
		return slices.Equal(lines[at:at+len(before)], before)
	}
	guess = min(max(guess, next), max(last, 0))
	for distance := 0; distance <= len(lines); distance++ {
		if fits(guess - distance) {
			return guess - distance, true
		}
		if fits(guess + distance) {
			return guess + distance, true
		}
	}
	return 0, false
}

// mismatch says where a hunk was expected and what is there instead.
func mismatch(lines, before []string, guess int, hunk *gitdiff.TextFragment) error {
	header := strings.TrimSpace(hunk.Header())
	for i, want := range before {
		at := guess + i
		if at >= len(lines) {
			return fmt.Errorf("hunk %s does not fit: the file ends at line %d, the patch expects %q after it", header, len(lines), clip(want))
		}
		if lines[at] != want {
			return fmt.Errorf("hunk %s does not fit: line %d is %q, the patch expects %q", header, at+1, clip(lines[at]), clip(want))
		}
	}
	if strings.ContainsRune(strings.Join(before, ""), '\r') {
		return fmt.Errorf("hunk %s does not fit; mind its line ends", header)
	}
	return errors.New("hunk " + header + " does not fit: the file goes on where the patch expects its end")
}

func clip(line string) string {
	line = strings.TrimRight(line, "\r\n")
	if runes := []rune(line); len(runes) > 80 {
		return string(runes[:80]) + "…"
	}
	return line
}
