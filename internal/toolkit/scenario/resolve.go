package scenario

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sluice/internal/toolkit/kit"
)

// Plan is a scenario whose steps and actions are ready to run.
type Plan struct {
	Steps   []Planned[kit.Step]
	Actions []Planned[kit.Action]
}

// Planned is a step or an action with its name.
type Planned[T any] struct {
	Name string
	Do   T
}

// Service is an object argument that is a service of the original (the flag manager, the
// shell ...). Native steps have such services from their kit; the value only says which
// one a scenario file named.
type Service struct{ Class string }

// resolver makes the objects of a definition. All are made before the first step runs, so
// a mistake in a scenario runs nothing.
type resolver struct {
	registry *Registry
	kit      *kit.Kit
	program  string      // the path of this program
	classes  []*phpClass // of the project's own, to be checked together
}

// Resolve makes the steps and actions of a definition. program is the path of this program,
// for PHP classes that are given native steps.
func Resolve(ctx context.Context, def *Definition, registry *Registry, k *kit.Kit, program string) (*Plan, error) {
	r := &resolver{registry: registry, kit: k, program: program}
	plan := &Plan{}
	for _, e := range def.Steps {
		step, err := r.step(e)
		if err != nil {
			return nil, err
		}
		plan.Steps = append(plan.Steps, Planned[kit.Step]{e.Name, step})
	}
	for _, e := range def.Actions {
		action, err := r.action(e)
		if err != nil {
			return nil, err
		}
		plan.Actions = append(plan.Actions, Planned[kit.Action]{e.Name, action})
	}
	return plan, checkClasses(ctx, k, r.classes)
}

func (r *resolver) step(e *Entry) (kit.Step, error) {
	if e.Skip {
		return r.skipped("Step", e.Name), nil
	}
	made, err := r.entry(e, roleStep)
	if err != nil {
		return nil, err
	}
	step, ok := made.(kit.Step)
	if !ok {
		return nil, &FileError{At: e.From, Message: e.Type + ` is not instance of Magento\MagentoCloud\Step\StepInterface`}
	}
	return step, nil
}

func (r *resolver) action(e *Entry) (kit.Action, error) {
	if e.Skip {
		return actionOf(r.skipped("Action", e.Name)), nil
	}
	made, err := r.entry(e, roleAction)
	if err != nil {
		return nil, err
	}
	switch made := made.(type) {
	case kit.Action:
		return made, nil
	case *shellStep:
		return actionOf(made.Run), nil
	}
	return nil, &FileError{At: e.From, Message: e.Type + ` is not instance of Magento\MagentoCloud\OnFail\Action\ActionInterface`}
}

// skipped returns a step that says that it was skipped.
func (r *resolver) skipped(what, name string) kit.StepFunc {
	return func(context.Context) error {
		r.kit.Log.Infof("%s %q was skipped", what, name)
		return nil
	}
}

// actionOf is a function that is a kit.Action.
type actionOf func(ctx context.Context) error

// RunOnFail calls the function.
func (f actionOf) RunOnFail(ctx context.Context) error { return f(ctx) }

// entry makes what a step's or action's type names.
func (r *resolver) entry(e *Entry, role string) (any, error) {
	if e.Type == kindShell {
		return newShellStep(r.kit, e)
	}
	factory, native := r.registry.Lookup(e.Type)
	if !native {
		return r.class(e.Type, e.From, role, e)
	}
	args, err := r.arguments(e)
	if err != nil {
		return nil, err
	}
	made, err := factory(r.kit, args)
	if err != nil {
		return nil, fmt.Errorf("step %q: %w", e.Name, err)
	}
	return made, nil
}

func (r *resolver) arguments(e *Entry) (Arguments, error) {
	args := make(Arguments, 0, len(e.Arguments))
	for _, p := range e.Arguments {
		if p.Name == "" {
			return nil, p.pos.errorf("Empty parameter name in step %q", e.Name)
		}
		v, err := r.value(e, p, false)
		if err != nil {
			return nil, err
		}
		args = append(args, Argument{Name: p.Name, Value: v})
	}
	return args, nil
}

// value makes what an argument or item is. An object among the items of an array must do
// something; one that is an argument itself may be a service.
func (r *resolver) value(e *Entry, p *Param, item bool) (any, error) {
	switch p.Kind {
	case kindString:
		return p.Text, nil
	case kindShell:
		return &shellStep{kit: r.kit, name: p.Name, script: p.Text}, nil
	case kindArray:
		return r.items(e, p)
	case kindObject:
	default:
		return nil, p.pos.errorf("Unknown xsi:type %q in step %q", p.Kind, e.Name)
	}
	if factory, ok := r.registry.Lookup(p.Text); ok {
		return factory(r.kit, nil)
	}
	if !item && isService(p.Text) {
		return Service{p.Text}, nil
	}
	return r.class(p.Text, p.pos.String(), roleAny, nil)
}

// isService reports whether a class belongs to the original or its libraries.
func isService(class string) bool {
	class = strings.TrimPrefix(class, `\`)
	return strings.HasPrefix(class, prefix) || strings.HasPrefix(class, `Psr\`)
}

func (r *resolver) items(e *Entry, p *Param) ([]Item, error) {
	items := make([]Item, 0, len(p.Items))
	for _, child := range p.Items {
		if child.Name == "" {
			return nil, child.pos.errorf("Empty parameter name in step %q", e.Name)
		}
		if child.Skip && (child.Kind == kindObject || child.Kind == kindShell) {
			items = append(items, Item{Name: child.Name, Skipped: true, Value: r.skipped("Step", child.Name)})
			continue
		}
		v, err := r.value(e, child, true)
		if err != nil {
			return nil, err
		}
		items = append(items, Item{Name: child.Name, Value: v})
	}
	return items, nil
}

// class makes the object of a PHP class of the project's own.
func (r *resolver) class(class, at, role string, e *Entry) (any, error) {
	if class == "" {
		return nil, &FileError{At: at, Message: `Class "" not found`}
	}
	made := &phpClass{kit: r.kit, class: strings.TrimPrefix(class, `\`), at: at, role: role, program: r.program}
	if e != nil {
		made.name = e.Name
		made.args = r.describe(e)
	}
	r.classes = append(r.classes, made)
	return made, nil
}

// errNoPHP is reported when a scenario names a class that is not native and there is no php.
var errNoPHP = errors.New("it is not a step of this program, and php was not found, which would look for a class of that name")
