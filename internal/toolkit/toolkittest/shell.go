package toolkittest

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"

	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/shell"
)

// Shell is a shell.Runner that starts nothing: it records the command lines and gives the
// replies that tests gave it.
type Shell struct {
	mu      sync.Mutex
	log     *journal.Logger
	replies []reply
	ran     []shell.Command
}

type reply struct {
	begins string
	do     func(c shell.Command) (shell.Result, error)
}

// On replies to commands whose line begins with a text; the last match counts.
// Commands without a reply succeed and print nothing.
func (s *Shell) On(begins string, do func(c shell.Command) (shell.Result, error)) {
	s.replies = append(s.replies, reply{begins, do})
}

// Print makes commands whose line begins with a text print to stdout.
func (s *Shell) Print(begins, stdout string) {
	s.On(begins, func(shell.Command) (shell.Result, error) { return shell.Result{Stdout: stdout}, nil })
}

// Fail makes commands whose line begins with a text end with a status and print to stderr.
func (s *Shell) Fail(begins string, code int, stderr string) {
	s.On(begins, func(c shell.Command) (shell.Result, error) {
		return shell.Result{Stderr: stderr, Code: code}, &shell.Failure{Line: shell.Line(c), Output: stderr, Code: code}
	})
}

// Run records the command and replies (shell.Runner). It logs as the real one does.
func (s *Shell) Run(_ context.Context, c shell.Command) (shell.Result, error) {
	s.mu.Lock()
	s.ran = append(s.ran, c)
	s.mu.Unlock()
	line := shell.Line(c)
	if s.log != nil {
		s.log.Debug(line)
	}
	result, err := s.reply(line, c)
	if c.Output != nil {
		if _, failed := io.WriteString(c.Output, result.Stdout+result.Stderr); failed != nil {
			return result, failed
		}
	}
	if s.log != nil && result.Stdout != "" && !c.Quiet {
		s.log.Debug(result.Stdout)
	}
	return result, err
}

func (s *Shell) reply(line string, c shell.Command) (shell.Result, error) {
	for _, a := range slices.Backward(s.replies) {
		if strings.HasPrefix(line, a.begins) {
			return a.do(c)
		}
	}
	return shell.Result{}, nil
}

// Lines returns the command lines that ran, in order.
func (s *Shell) Lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := make([]string, len(s.ran))
	for i, c := range s.ran {
		lines[i] = shell.Line(c)
	}
	return lines
}

// Commands returns the commands that ran, in order.
func (s *Shell) Commands() []shell.Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]shell.Command(nil), s.ran...)
}

// Progress records what the platform would see.
type Progress struct {
	mu    sync.Mutex
	Lines []string // "step NAME", "touch WHAT"
}

// Step records a step.
func (p *Progress) Step(name string) { p.add("step " + name) }

// Touch records every call, also those after the first.
func (p *Progress) Touch(what string) { p.add("touch " + what) }

// Data records a digest.
func (p *Progress) Data(digest string) { p.add("data " + digest) }

func (p *Progress) add(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Lines = append(p.Lines, line)
}
