package contract

import "strings"

// Progress lines are printed by a program inside a hook, each on a line of its own,
// and taken out of the log by the control plane:
//
//	::sluice::<verb> <text>
//
// A hook that prints Hello before anything else promises to print Touch before it first
// writes to data that outlives the release; until then a failure puts the old release
// back. Any other hook counts as touching data from its start (design: decision 11).
type Progress struct {
	Verb Verb
	Text string
}

// Verb is what a progress line says.
type Verb string

// The verbs.
const (
	Hello Verb = "hello" // text: name and version of the program
	Touch Verb = "touch" // text: what is about to be written, for people
	Step  Verb = "step"  // text: name of the step that begins
)

const progressMark = "::sluice::"

// String returns the line, without a newline.
func (p Progress) String() string { return progressMark + string(p.Verb) + " " + p.Text }

// ParseProgress reads one line of a hook's output; ok is false for any other line.
func ParseProgress(line string) (p Progress, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), progressMark)
	if !ok {
		return Progress{}, false
	}
	verb, text, _ := strings.Cut(rest, " ")
	switch v := Verb(verb); v {
	case Hello, Touch, Step:
		return Progress{Verb: v, Text: text}, true
	}
	return Progress{}, false
}

// TellsTouch reports whether a hook promises to print Touch before it first writes to
// data: every command of it is one of ours. Anything else, even a comment's neighbour that
// cannot be told apart, counts as touching from the start.
func TellsTouch(script string) bool {
	commands := 0
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || line == "set -e" || isPreamble(line) {
			continue
		}
		if strings.ContainsAny(line, ";&|`$(<>") {
			return false
		}
		word, _, _ := strings.Cut(line, " ")
		if word != "sluice-toolkit" && word != "ece-tools" {
			return false
		}
		commands++
	}
	return commands > 0
}

// isPreamble reports whether the line is one that the platform puts before every script.
func isPreamble(line string) bool {
	return line == "cd "+AppDir+" || exit 1" || line == "if [ -f .environment ]; then . ./.environment; fi"
}
