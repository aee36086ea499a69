package shell

import (
	"fmt"
	"regexp"
	"strings"
)

// The most lines of a failed command that its error repeats; the log has all of them.
const (
	maxException = 30
	maxTail      = 20
)

var (
	// escapes are sequences that colour text or move the cursor of a terminal.
	escapes = regexp.MustCompile(`\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07)`)
	// overwritten is what a terminal no longer shows of a line: all before the cursor went back.
	overwritten = regexp.MustCompile(`(?:\r|\x1b\[1?G|\x1b\[2K)+`)
	progressBar = regexp.MustCompile(`^\s*\d+/\d+ \[[=>\-]*\]\s+\d+%`)
	// notice is a line of PHP that ends nothing.
	notice = regexp.MustCompile(`^(PHP )?(Deprecated|Notice|Warning|Strict Standards): `)
	// exception begins the block in which Symfony's console or PHP says what ended a command.
	exception = regexp.MustCompile(`^\s*(In \S+ line \d+:|\[[A-Za-z0-9_\\]+(Exception|Error)\]|(PHP )?(Fatal|Parse) error: )`)
)

// excerpt returns what an error repeats of a failed command's output: the exception that ended
// it, else its last lines, without progress bars and colours. It is stderr that counts, unless
// there are only notices of PHP in it.
func excerpt(stdout, stderr string) string {
	lines := shown(stderr)
	if len(withoutNotices(lines)) == 0 {
		if out := shown(stdout); len(out) > 0 {
			lines = out
		}
	}
	for i, line := range lines {
		if exception.MatchString(line) {
			return joined(lines[i:min(len(lines), i+maxException)], len(lines)-i-maxException, "follow")
		}
	}
	first := max(0, len(lines)-maxTail)
	return joined(lines[first:], first, "came before")
}

func joined(lines []string, left int, where string) string {
	text := strings.Join(lines, "\n")
	if left <= 0 {
		return text
	}
	note := fmt.Sprintf("(%d more lines %s; the log at level debug has them)", left, where)
	if where == "follow" {
		return text + "\n" + note
	}
	return note + "\n" + text
}

// shown are the lines that a terminal shows in the end, without blank ones around them.
func shown(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		parts := overwritten.Split(line, -1)
		line = strings.TrimRight(escapes.ReplaceAllString(parts[len(parts)-1], ""), " \t")
		if progressBar.MatchString(line) || line == "" && len(parts) > 1 {
			continue
		}
		if line == "" && (len(lines) == 0 || lines[len(lines)-1] == "") {
			continue
		}
		lines = append(lines, line)
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

func withoutNotices(lines []string) []string {
	var out []string
	for _, line := range lines {
		if line != "" && !notice.MatchString(line) {
			out = append(out, line)
		}
	}
	return out
}
