package phpfile

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/shell"
)

// Evaluator has PHP read the file of a name, relative to the application's directory.
type Evaluator func(name string) (*phparray.Array, error)

// program includes a file and prints what it returns.
//
//go:embed evaluate.php
var program string

// evaluationTime bounds the reading of one file: configuration has nothing to wait for.
const evaluationTime = 30 * time.Second

// mark is before and behind what the program prints.
const mark = "\x1e"

var errNoPHP = errors.New("php was not found")

// ByPHP returns an Evaluator that starts php in the application's directory, with the
// environment of this program. What php prints is never logged: it holds passwords.
func ByPHP(ctx context.Context, runner shell.Runner) Evaluator {
	return func(name string) (*phparray.Array, error) {
		result, err := runner.Run(ctx, shell.Command{
			Args:    []string{"php", "-d", "display_errors=stderr", "-d", "log_errors=0", "-d", "memory_limit=256M", "--", name},
			Stdin:   strings.NewReader(program),
			Timeout: evaluationTime,
			Quiet:   true,
		})
		switch {
		case shell.IsNotFound(err):
			return nil, errNoPHP
		case err != nil:
			return nil, fmt.Errorf("php cannot read it either: %s", said(err))
		}
		text, whole := strings.CutSuffix(result.Stdout, mark)
		_, text, begun := strings.Cut(text, mark)
		if !whole || !begun {
			return nil, errors.New("php cannot read it either: the file ends the program or prints too much")
		}
		a, err := phparray.Parse("the values of "+name, []byte(text))
		if err != nil {
			return nil, fmt.Errorf("it returns more than plain values: %w", err)
		}
		return a, nil
	}
}

// said is the first line that php printed, without the command line.
func said(err error) string {
	if failed, ok := errors.AsType[*shell.Failure](err); ok && failed.Output != "" {
		line, _, _ := strings.Cut(strings.TrimLeft(failed.Output, "\r\n"), "\n")
		return line
	}
	return err.Error()
}
