package scenario

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/shell"
)

// shellStep runs text of the user's own by /bin/sh in the application's root. It is an
// extension of ours: <step type="shell"> with the arguments command, timeout (seconds),
// code (exit status of a failure) and writes ("no" for one that only looks), or <item xsi:type="shell"> with the command as text.
type shellStep struct {
	kit     *kit.Kit
	name    string
	script  string
	timeout time.Duration
	code    int
	reads   bool // it writes nothing
}

func newShellStep(k *kit.Kit, e *Entry) (*shellStep, error) {
	s := &shellStep{kit: k, name: e.Name}
	for _, p := range e.Arguments {
		var err error
		switch p.Name {
		case "command":
			s.script = strings.TrimSpace(p.Text)
		case "timeout":
			var seconds int
			seconds, err = between(p, 1, 24*60*60)
			s.timeout = time.Duration(seconds) * time.Second
		case "code":
			s.code, err = between(p, 1, 255)
		case "writes":
			s.reads, err = no(p)
		}
		if err != nil {
			return nil, err
		}
	}
	if s.script == "" {
		return nil, &FileError{At: e.From, Message: fmt.Sprintf(`step %q of type "shell" has no command; write <argument name="command" xsi:type="string">`, e.Name)}
	}
	return s, nil
}

// no reports whether the argument says no; it may say yes too.
func no(p *Param) (bool, error) {
	switch strings.TrimSpace(p.Text) {
	case "no":
		return true, nil
	case "yes":
		return false, nil
	}
	return false, p.pos.errorf(`argument %q must be "yes" or "no", not %q`, p.Name, p.Text)
}

func between(p *Param, low, high int) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(p.Text))
	if err != nil || n < low || n > high {
		return 0, p.pos.errorf("argument %q must be an integer from %d to %d, not %q", p.Name, low, high, p.Text)
	}
	return n, nil
}

// Run runs the command. Its output goes to the log line by line. What it writes is not
// known, so data counts as touched from its start, unless the user says that it writes none.
func (s *shellStep) Run(ctx context.Context) error {
	if !s.reads {
		s.kit.Progress.Touch(s.name)
	}
	out := &lineWriter{line: s.kit.Log.Info}
	_, err := s.kit.Shell.Run(ctx, shell.Command{Script: s.script, Output: out, Timeout: s.timeout, Quiet: true})
	out.flush()
	if err != nil {
		return &fault.Fault{Code: s.code, Step: s.name, Err: err}
	}
	return nil
}

// lineWriter calls line for each line that is written, without its newline.
type lineWriter struct {
	mu   sync.Mutex
	rest []byte
	line func(string)
}

// maxLine is where a line without an end is cut, in bytes.
const maxLine = 1 << 20

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, p...)
	for {
		i := bytes.IndexByte(w.rest, '\n')
		if i < 0 && len(w.rest) < maxLine {
			return len(p), nil
		}
		if i < 0 {
			i = len(w.rest) - 1
		}
		w.line(strings.TrimRight(string(w.rest[:i+1]), "\r\n"))
		w.rest = w.rest[i+1:]
	}
}

// flush ends the last line.
func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rest) > 0 {
		w.line(string(w.rest))
		w.rest = nil
	}
}
