package work

import (
	"errors"
	"strings"

	"sluice/internal/platform"
)

// Failure is an error with the phrase that tools look for in the log and what the user can
// do.
type Failure struct { //nolint:errname // it is what happened to an activity, and an error only on the way up
	Phrase string
	Err    error
	Hint   string
	Shown  bool // what Err quotes stands in the log right above
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns what happened.
func (f *Failure) Unwrap() error { return f.Err }

// Failed wraps err; an error that already is a Failure stays as it is. A hint that err
// carries wins.
func Failed(phrase, hint string, err error) error {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	if h := platform.ErrorHint(err); h != "" {
		hint = h
	}
	return &Failure{Phrase: phrase, Err: err, Hint: hint}
}

// quoteMark begins each line of a program's output within a message.
const quoteMark = "| "

// Quoted adds the last lines of a program's output to a message.
func Quoted(message string, tail []string) error {
	var b strings.Builder
	b.WriteString(message)
	for _, line := range tail {
		b.WriteString("\n" + quoteMark + line)
	}
	return errors.New(b.String())
}
