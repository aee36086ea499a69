package shell

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// Command is one program to run.
type Command struct {
	// Args are the program, looked up on PATH when it has no slash, and its arguments.
	Args []string
	// Script is text of the user's own, run by /bin/sh -c with Args as its parameters; for
	// it alone a shell is started.
	Script  string
	Dir     string        // "": the application's root
	Env     []string      // NAME=value, over the runner's environment
	Stdin   io.Reader     // nil: empty
	Output  io.Writer     // is given stdout and stderr while they come, beside the Result; may be nil
	Timeout time.Duration // 0: none; when it passes the process group is ended, then killed
	Quiet   bool          // the output is not logged, because Output shows it
}

// Result is what a command printed.
type Result struct {
	Stdout  string // without newlines at its ends
	Stderr  string // without newlines at its end
	Code    int    // exit status; 128+n when signal n ended it
	Elapsed time.Duration
}

// LastLine returns the last line of stdout that has text: the answer of a command that prints
// one line, without the notices that PHP may print before it.
func (r Result) LastLine() string {
	text := strings.TrimSpace(r.Stdout)
	return strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
}

// Runner runs commands. A command that ends with another status than 0 is a *Failure.
type Runner interface {
	Run(ctx context.Context, c Command) (Result, error)
}

// Failure is a command that could not be started or ended with another status than 0.
type Failure struct { //nolint:errname // shell.Failure reads as what it is
	Line   string // the command as a person would type it, secrets hidden
	Output string // the exception or the last lines of what it printed, secrets hidden
	Code   int    // exit status; 127 when the program was not found
	Err    error
}

// Error returns the original's message, with the part of the output that matters.
func (f *Failure) Error() string {
	return strings.TrimRight(fmt.Sprintf("The command %q failed. %s", quoted(f.Line), f.Output), " ")
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// quoted stops %q from escaping: the command line is meant to be copied.
type quoted string

// Format writes the text between quotes as it is.
func (q quoted) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, `"`+string(q)+`"`) }

// Magento runs `php ./bin/magento <args>` as every step does: --ansi and --no-interaction
// follow the name of the command, empty arguments are dropped.
func Magento(ctx context.Context, r Runner, command string, args ...string) (Result, error) {
	return r.Run(ctx, MagentoCommand(command, args...))
}

// MagentoCommand returns the command that Magento runs.
func MagentoCommand(command string, args ...string) Command {
	all := []string{"php", "./bin/magento", command, "--ansi", "--no-interaction"}
	for _, a := range args {
		if a != "" {
			all = append(all, a)
		}
	}
	return Command{Args: all}
}

// Line returns the command as a person would type it.
func Line(c Command) string {
	words := make([]string, 0, len(c.Args)+1)
	if c.Script != "" {
		words = append(words, strings.TrimRight(c.Script, "\n"))
	}
	for i, a := range c.Args {
		if i == 0 && c.Script == "" {
			words = append(words, a)
			continue
		}
		words = append(words, quote(a))
	}
	return strings.Join(words, " ")
}

// quote writes an argument as the shell needs it: --name='value' keeps its name readable.
func quote(arg string) string {
	if arg != "" && !strings.ContainsFunc(arg, needsQuote) {
		return arg
	}
	name, value, ok := strings.Cut(arg, "=")
	if ok && strings.HasPrefix(name, "-") && !strings.ContainsFunc(name, needsQuote) {
		return name + "=" + single(value)
	}
	return single(arg)
}

func single(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func needsQuote(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune("-_./:,@%+", r)
}
