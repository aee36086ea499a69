package kit

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"sluice/internal/contract"
)

// Lines is a Progress that prints the lines of the contract, each on its own.
type Lines struct {
	w       io.Writer
	await   func()
	mu      sync.Mutex
	touched bool
}

// NewLines returns a Progress over w and says hello: from then on the platform takes
// the first Touch for the moment from which the old release cannot be put back. await
// returns once the first write may be done; nil when it may be done at once.
func NewLines(w io.Writer, program string, await func()) *Lines {
	l := &Lines{w: w, await: await}
	l.print(contract.Hello, program)
	return l
}

// Step prints that a step begins.
func (l *Lines) Step(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.print(contract.Step, name)
}

// Touch prints that data is about to be written, once, and waits until it may be.
func (l *Lines) Touch(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.touched {
		return
	}
	l.touched = true
	l.print(contract.Touch, what)
	if l.await != nil {
		l.await()
	}
}

// Data prints what the data looks like.
func (l *Lines) Data(digest string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.print(contract.Data, digest)
}

// heldPoll is how often AwaitFile looks.
const heldPoll = 5 * time.Millisecond

// AwaitFile returns a function that waits until a file exists, by which the platform tells
// that requests are held. There is no limit: the platform, which began the hook before the
// hold, ends it when it changes its mind. An empty path waits for nothing.
func AwaitFile(path string) func() {
	if path == "" {
		return nil
	}
	return func() {
		tick := time.NewTicker(heldPoll)
		defer tick.Stop()
		for range tick.C {
			if _, err := os.Stat(path); err == nil {
				return
			}
		}
	}
}

func (l *Lines) print(verb contract.Verb, text string) {
	_, _ = fmt.Fprintln(l.w, contract.Progress{Verb: verb, Text: text}) // a log that is gone must not stop a deployment
}
