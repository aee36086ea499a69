package scenario

import (
	"fmt"

	"sluice/internal/toolkit/kit"
)

// Arguments are the resolved arguments of a step, in order. They are found by name.
type Arguments []Argument

// Argument is one argument: text, an object, or items.
type Argument struct {
	Name  string
	Value any // string, []Item, or what a Factory made
}

// Item is one entry of an array argument.
type Item struct {
	Name    string
	Skipped bool // then Value is a step that says so
	Value   any  // string, []Item, or what a Factory made
}

// Items returns the entries of an array argument; nil when there is none.
func (a Arguments) Items(name string) []Item {
	for _, arg := range a {
		if items, ok := arg.Value.([]Item); ok && arg.Name == name {
			return items
		}
	}
	return nil
}

// Text returns a string argument; "" when there is none.
func (a Arguments) Text(name string) string {
	for _, arg := range a {
		if text, ok := arg.Value.(string); ok && arg.Name == name {
			return text
		}
	}
	return ""
}

// Steps returns the steps of an array argument; skipped ones are steps that say so.
func (a Arguments) Steps(name string) ([]kit.Step, error) {
	items := a.Items(name)
	steps := make([]kit.Step, 0, len(items))
	for _, item := range items {
		step, ok := item.Value.(kit.Step)
		if !ok {
			return nil, fmt.Errorf(`item %q of argument %q is not instance of Magento\MagentoCloud\Step\StepInterface`, item.Name, name)
		}
		steps = append(steps, step)
	}
	return steps, nil
}
