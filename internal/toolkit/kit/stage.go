package kit

import (
	"fmt"

	"sluice/internal/toolkit/phparray"
)

// Source gives the value of a stage variable: decoded, with its default, precedence and
// conversions applied. An unknown name is an error with the code of the stage.
type Source interface {
	Value(name string) (any, error)
}

// Stage reads the variables of one stage with their types.
type Stage struct{ Source Source }

// Stages are the readers of all stages.
type Stages struct{ Global, Build, Deploy, PostDeploy Stage }

// Value returns a variable as it is.
func (s Stage) Value(name string) (any, error) { return s.Source.Value(name) }

// Bool returns whether the variable is truthy, as PHP sees it.
func (s Stage) Bool(name string) (bool, error) {
	v, err := s.Source.Value(name)
	return phparray.Truthy(v), err
}

// Int returns an integer; null is 0. Use Value where null has its own meaning.
func (s Stage) Int(name string) (int, error) {
	v, err := s.Source.Value(name)
	if err != nil {
		return 0, err
	}
	switch v := v.(type) {
	case nil:
		return 0, nil
	case int:
		return v, nil
	case float64:
		return int(v), nil
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	}
	return 0, fmt.Errorf("the variable %s must be an integer, not %s", name, kindOf(v))
}

// Text returns a scalar as PHP prints it; null is "".
func (s Stage) Text(name string) (string, error) {
	v, err := s.Source.Value(name)
	if err != nil {
		return "", err
	}
	if _, isMap := v.(*phparray.Array); isMap {
		return "", fmt.Errorf("the variable %s must be a string, not an array", name)
	}
	return phparray.String(v), nil
}

// Map returns a map or list; null, false and "" are an empty one. The caller must not
// change it.
func (s Stage) Map(name string) (*phparray.Array, error) {
	v, err := s.Source.Value(name)
	if err != nil {
		return nil, err
	}
	if m, ok := v.(*phparray.Array); ok && m != nil {
		return m, nil
	}
	if !phparray.Truthy(v) {
		return phparray.New(), nil
	}
	return nil, fmt.Errorf("the variable %s must be an array, not %s", name, kindOf(v))
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case int:
		return "an integer"
	case float64:
		return "a number"
	case string:
		return "a string"
	}
	return "an array"
}
