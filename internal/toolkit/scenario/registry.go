package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/internal/toolkit/kit"
)

// Factory makes a step, action, validator or other object of its arguments. It does no
// work: all objects are made before the first step runs.
type Factory func(k *kit.Kit, args Arguments) (any, error)

// Registry knows what the type attributes of scenario files mean. The zero value is empty
// and ready.
type Registry struct{ factories map[string]Factory }

// prefix is what class names of the original have in common; names are registered without.
const prefix = `Magento\MagentoCloud\`

// Add registers a type: a class name without the prefix Magento\MagentoCloud\, such as
// Step\Build\PreBuild, or a service id such as CleanCache.Deploy. Registering a name twice
// is a mistake in the program and panics.
func (r *Registry) Add(name string, f Factory) {
	if r.factories == nil {
		r.factories = map[string]Factory{}
	}
	name = canonical(name)
	if _, ok := r.factories[name]; ok {
		panic(fmt.Sprintf("scenario.Registry: %s is registered twice", name))
	}
	r.factories[name] = f
}

// AddStep registers a step that takes no arguments.
func (r *Registry) AddStep(name string, step func(k *kit.Kit) kit.Step) {
	r.Add(name, func(k *kit.Kit, _ Arguments) (any, error) { return step(k), nil })
}

// AddValidator registers a validator that takes no arguments.
func (r *Registry) AddValidator(name string, validator func(k *kit.Kit) kit.Validator) {
	r.Add(name, func(k *kit.Kit, _ Arguments) (any, error) { return validator(k), nil })
}

// Lookup returns the factory of a type as scenario files write it.
func (r *Registry) Lookup(typ string) (Factory, bool) {
	f, ok := r.factories[canonical(typ)]
	return f, ok
}

// canonical returns a type as it is registered: without the common prefix, and validators
// without Config\, which their class names have and the documentation leaves out.
func canonical(typ string) string {
	typ = strings.TrimPrefix(strings.TrimPrefix(typ, `\`), prefix)
	if strings.HasPrefix(typ, `Config\Validator\`) {
		return strings.TrimPrefix(typ, `Config\`)
	}
	return typ
}

// Names returns the registered names, sorted.
func (r *Registry) Names() []string { return slices.Sorted(maps.Keys(r.factories)) }
