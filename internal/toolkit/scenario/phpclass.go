package scenario

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"strings"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/journal"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/shell"
)

// shim is the PHP program that makes a class of the project and calls it.
//
//go:embed shim.php
var shim string

// The roles that a class can have; "any" is an item, whose role its step decides.
const (
	roleStep      = "step"
	roleAction    = "action"
	roleValidator = "validator"
	roleAny       = "any"
)

// phpClass is a class of the project's own: a step, an action or a validator with the
// interfaces of the original, run by a php of its own.
type phpClass struct {
	kit   *kit.Kit
	name  string // of the step, "" for an item
	class string
	role  string
	at    string
	args  []described
	// program is the path of this program, by which the class runs native steps that it is
	// given.
	program string
}

// described is an argument as the shim reads it.
type described struct {
	Name   string      `json:"name"`
	Kind   string      `json:"kind"`
	Text   string      `json:"text"`
	Skip   bool        `json:"skip,omitempty"`
	Native bool        `json:"native,omitempty"` // a step of this program
	Items  []described `json:"items,omitempty"`
}

// describe returns the arguments of an entry for the shim. When a later file gave the step
// another class, arguments that name services of the original are left to the constructor's
// own types: they were meant for the class that is gone.
func (r *resolver) describe(e *Entry) []described {
	all := r.describeAll(e.Arguments)
	if !e.changed {
		return all
	}
	var kept []described
	for _, d := range all {
		if d.Kind != kindObject || !isService(d.Text) {
			kept = append(kept, d)
		}
	}
	return kept
}

func (r *resolver) describeAll(params []*Param) []described {
	var out []described
	for _, p := range params {
		d := described{Name: p.Name, Kind: p.Kind, Text: p.Text, Skip: p.Skip, Items: r.describeAll(p.Items)}
		if _, native := r.registry.Lookup(p.Text); native && p.Kind == kindObject && !isLogger(p.Text) {
			d.Native = true
		}
		out = append(out, d)
	}
	return out
}

func isLogger(class string) bool { return strings.TrimPrefix(class, `\`) == `Psr\Log\LoggerInterface` }

// Run executes the class as a step (kit.Step).
func (c *phpClass) Run(ctx context.Context) error {
	c.kit.Progress.Touch(c.class)
	return c.execute(ctx, roleStep)
}

// RunOnFail executes the class as an action (kit.Action).
func (c *phpClass) RunOnFail(ctx context.Context) error { return c.execute(ctx, roleAction) }

func (c *phpClass) execute(ctx context.Context, role string) error {
	result, err := c.call(ctx, role)
	if err != nil {
		return err
	}
	return result.failure(c.name)
}

// Validate asks the class as a validator (kit.Validator).
func (c *phpClass) Validate(ctx context.Context) (*fault.Fault, error) {
	result, err := c.call(ctx, roleValidator)
	if err == nil {
		err = result.failure(c.name)
	}
	if err != nil || result.Finding == "" {
		return nil, err
	}
	return &fault.Fault{Code: result.Code, Message: result.Finding, Suggestion: result.Suggestion}, nil
}

type request struct {
	Root    string  `json:"root"`
	Program string  `json:"program"`
	Check   []calls `json:"check,omitempty"`
	Run     *calls  `json:"run,omitempty"`
}

type calls struct {
	Class string      `json:"class"`
	Role  string      `json:"role"`
	Args  []described `json:"args"`
}

type result struct {
	Done       bool      `json:"done"`
	Error      string    `json:"error"`
	Finding    string    `json:"finding"`
	Code       int       `json:"code"`
	Suggestion string    `json:"suggestion"`
	Problems   []*string `json:"problems"`
}

func (r *result) failure(step string) error {
	if r.Error == "" {
		return nil
	}
	return &fault.Fault{Code: r.Code, Message: r.Error, Suggestion: r.Suggestion, Step: step}
}

func (c *phpClass) call(ctx context.Context, role string) (*result, error) {
	return php(ctx, c.kit, request{Program: c.program, Run: &calls{Class: c.class, Role: role, Args: c.args}})
}

// checkClasses makes every class once before anything runs.
func checkClasses(ctx context.Context, k *kit.Kit, classes []*phpClass) error {
	if len(classes) == 0 {
		return nil
	}
	var req request
	for _, c := range classes {
		req.Check = append(req.Check, calls{Class: c.class, Role: c.role, Args: c.args})
	}
	result, err := php(ctx, k, req)
	if shell.IsNotFound(err) {
		return &FileError{At: classes[0].at, Message: `Class "` + classes[0].class + `" not found: ` + errNoPHP.Error()}
	}
	if err != nil {
		return err
	}
	var errs []error
	for i, problem := range result.Problems {
		if problem != nil && i < len(classes) {
			errs = append(errs, &FileError{At: classes[i].at, Message: *problem})
		}
	}
	return errors.Join(errs...)
}

// php runs the shim and reads its messages.
func php(ctx context.Context, k *kit.Kit, req request) (*result, error) {
	req.Root = k.Tree.Dir()
	text, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	var last *result
	var bad error
	out := &lineWriter{line: func(line string) {
		r, err := readMessage(k.Log, line)
		if err != nil {
			bad = err
		}
		if r != nil {
			last = r
		}
	}}
	_, err = k.Shell.Run(ctx, shell.Command{
		Args:   []string{"php", "-d", "display_errors=stderr", "--"},
		Env:    []string{"SLUICE_REQUEST=" + string(text)},
		Stdin:  strings.NewReader(shim),
		Output: out,
		Quiet:  true,
	})
	out.flush()
	switch {
	case err != nil:
		return nil, err
	case bad != nil:
		return nil, bad
	case last == nil:
		return nil, errors.New("php ended without a result; a class of the project may have called exit")
	}
	return last, nil
}

// messageMark begins a line that is a message of the shim.
const messageMark = "\x1e"

// readMessage takes one line: a log record, the result, or text that the class printed.
func readMessage(log *journal.Logger, line string) (*result, error) {
	text, ok := strings.CutPrefix(line, messageMark)
	if !ok {
		if line != "" {
			log.Info(line)
		}
		return nil, nil
	}
	var a message
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return nil, fault.New(0, "cannot parse what php printed: %s", err)
	}
	if r, ok := a.record(); ok {
		log.Log(r)
	}
	return a.Result, nil
}
