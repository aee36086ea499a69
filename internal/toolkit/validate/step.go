package validate

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/scenario"
)

// configuration is the step ValidateConfiguration: it runs all validators, reports what
// they found from the lightest to the heaviest, and fails with the first finding of the
// first level that is critical or above.
type configuration struct {
	kit    *kit.Kit
	groups []group
}

// group are the validators of one level.
type group struct {
	level      fault.Level
	validators []named
}

type named struct {
	name      string
	validator kit.Validator // nil: skipped
}

// newConfiguration reads the argument "validators": level -> name -> validator. An entry
// that is not a validator, such as a skipped item, is left out when the step runs.
func newConfiguration(k *kit.Kit, args scenario.Arguments) (any, error) {
	c := &configuration{kit: k}
	for _, level := range args.Items("validators") {
		weight, err := fault.ParseLevel(level.Name)
		if err != nil {
			return nil, err
		}
		items, _ := level.Value.([]scenario.Item)
		g := group{level: weight}
		for _, item := range items {
			v, _ := item.Value.(kit.Validator)
			if item.Skipped {
				v = nil
			}
			g.validators = append(g.validators, named{item.Name, v})
		}
		c.groups = append(c.groups, g)
	}
	return c, nil
}

// Run implements kit.Step.
func (c *configuration) Run(ctx context.Context) error {
	log := c.kit.Log
	log.Notice("Validating configuration")
	found, err := c.validate(ctx)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		log.Notice("Fix configuration with given suggestions:")
	}
	slices.SortStableFunc(found, func(a, b *fault.Fault) int { return cmp.Compare(a.Level, b.Level) })
	for i, f := range found {
		log.Fault(f)
		last := i == len(found)-1 || found[i+1].Level != f.Level
		if last && f.Level >= fault.Critical {
			return first(found, f.Level)
		}
	}
	log.Notice("End of validation")
	return nil
}

// validate runs everything before anything is reported. A validator that could not do its
// work ends the step.
func (c *configuration) validate(ctx context.Context) ([]*fault.Fault, error) {
	var found []*fault.Fault
	for _, g := range c.groups {
		for _, n := range g.validators {
			if n.validator == nil {
				c.kit.Log.Infof("Validator %q was skipped", n.name)
				continue
			}
			f, err := n.validator.Validate(ctx)
			if err != nil {
				return nil, fmt.Errorf("validator %s: %w", n.name, err)
			}
			if f != nil {
				f.Level = g.level
				found = append(found, f)
			}
		}
	}
	return found, nil
}

func first(found []*fault.Fault, level fault.Level) error {
	i := slices.IndexFunc(found, func(f *fault.Fault) bool { return f.Level == level })
	f := *found[i]
	f.Code = cmp.Or(f.Code, 1)
	return &f
}
