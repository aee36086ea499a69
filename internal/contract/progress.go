package contract

import "strings"

// Progress lines are printed by a program inside a hook, each on a line of its own,
// and taken out of the log by the control plane:
//
//	::sluice::<verb> <text>
//
// A hook that prints Hello before anything else promises to print Touch before it first
// writes to data that outlives the release; until then a failure puts the old release
// back. Any other hook counts as touching data from its start.
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
	Step  Verb = "step"  // text: name of the step that begins; empty when the last one has ended
	Data  Verb = "data"  // text: digest of what schema and patches the data has now; the last one counts
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
	case Hello, Touch, Step, Data:
		return Progress{Verb: v, Text: text}, true
	}
	return Progress{}, false
}
