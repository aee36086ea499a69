package docker

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
)

// lines is the log for people: a line for each event, from many goroutines. A log that
// cannot be written never fails a deployment.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

// newLines writes to w, which may be nil.
func newLines(w io.Writer) *lines {
	if w == nil {
		w = io.Discard
	}
	return &lines{w: w}
}

// print writes one line.
func (l *lines) print(line string) { _, _ = fmt.Fprintln(l, line) }

// Write passes whole writes on, one at a time.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.w.Write(p)
	return len(p), nil
}

// word is what may be a secret in a setup: generated passwords are longer than any
// keyword of the languages that setups are written in.
var word = regexp.MustCompile(`[A-Za-z0-9_+/=.-]{12,}`)

// redact hides in text every long word of secret: a database quotes the statement that it
// could not understand, password included.
func redact(text []string, secret string) []string {
	var pairs []string
	for _, w := range word.FindAllString(secret, -1) {
		pairs = append(pairs, w, "[hidden]")
	}
	replacer := strings.NewReplacer(pairs...)
	out := make([]string, 0, len(text))
	for _, line := range text {
		out = append(out, replacer.Replace(line))
	}
	return out
}
