package kit

import (
	"fmt"
	"io"
	"sync"

	"sluice/internal/contract"
)

// Lines is a Progress that prints the lines of the contract, each on its own.
type Lines struct {
	w       io.Writer
	mu      sync.Mutex
	touched bool
}

// NewLines returns a Progress over w and says hello: from then on the platform takes
// the first Touch for the moment from which the old release cannot be put back.
func NewLines(w io.Writer, program string) *Lines {
	l := &Lines{w: w}
	l.print(contract.Hello, program)
	return l
}

// Step prints that a step begins.
func (l *Lines) Step(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.print(contract.Step, name)
}

// Touch prints that data is about to be written, once.
func (l *Lines) Touch(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.touched {
		return
	}
	l.touched = true
	l.print(contract.Touch, what)
}

func (l *Lines) print(verb contract.Verb, text string) {
	_, _ = fmt.Fprintln(l.w, contract.Progress{Verb: verb, Text: text}) // a log that is gone must not stop a deployment
}
