package fault

import (
	"errors"
	"fmt"
)

// Fault is an error with a code of the table. The zero Code is an error without one: it
// ends the process with status 1.
type Fault struct { //nolint:errname // fault.Fault reads as what it is
	Code       int
	Level      Level  // of a validator's finding or a warning; 0: Error
	Message    string // what happened; "": the text of Err, else the title of the code
	Suggestion string // how to fix it; may have several lines; "": that of the code
	Step       string // the scenario step it happened in, when known
	Err        error  // the cause
}

// New returns an error with a code and a message.
func New(code int, format string, args ...any) *Fault {
	if len(args) == 0 {
		return &Fault{Code: code, Message: format}
	}
	return &Fault{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap gives an error a code and keeps its message and its suggestion, which knows more of the
// cause than the table. An error that is nil stays nil.
func Wrap(code int, err error) error {
	if err == nil {
		return nil
	}
	f := &Fault{Code: code, Err: err}
	if cause, ok := errors.AsType[*Fault](err); ok {
		f.Suggestion = cause.Suggestion
	}
	return f
}

// Error returns the message, else the cause's, else the title of the code.
func (f *Fault) Error() string {
	switch {
	case f.Message != "":
		return f.Message
	case f.Err != nil:
		return f.Err.Error()
	}
	if e, ok := Lookup(f.Code); ok {
		return e.Title
	}
	return fmt.Sprintf("error %d", f.Code)
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// CodeOf returns the code of the outermost Fault in the chain; 0 when there is none.
func CodeOf(err error) int {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Code
	}
	return 0
}

// ExitStatus returns what the process ends with: 0 for nil, 1 for an error without a code,
// 255 for a code above 255, else the code.
func ExitStatus(err error) int {
	code := CodeOf(err)
	switch {
	case err == nil:
		return 0
	case code <= 0:
		return 1
	case code > 255:
		return 255
	}
	return code
}
