package stage

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"sluice/internal/manifest"
	"sluice/internal/toolkit/phparray"
)

// constantMark begins a constant of PHP in a file.
const constantMark = "!php/const:"

// fromPairs makes a map of a stage's variables and resolves the constants in it.
func fromPairs(pairs manifest.Pairs) (*phparray.Array, error) {
	m := phparray.New()
	for _, p := range pairs {
		key, err := constant(p.Key)
		if err != nil {
			return nil, err
		}
		v, err := fromYAML(p.Value)
		if err != nil {
			return nil, err
		}
		m.Set(phparray.String(key), v)
	}
	return m, nil
}

func fromYAML(v any) (any, error) {
	switch v := v.(type) {
	case manifest.Pairs:
		return fromPairs(v)
	case []any:
		list := phparray.New()
		for i, item := range v {
			item, err := fromYAML(item)
			if err != nil {
				return nil, err
			}
			list.Set(strconv.Itoa(i), item)
		}
		return list, nil
	case string:
		return constant(v)
	default:
		return v, nil
	}
}

// constant resolves a text that is a constant of PHP and returns any other as it is.
func constant(text string) (any, error) {
	name, ok := strings.CutPrefix(text, constantMark)
	if !ok {
		return text, nil
	}
	if v, ok := phparray.Constant(name); ok {
		return v, nil
	}
	return nil, fmt.Errorf("the constant %q is not known here; write its value", name)
}

// fromGo makes a value of a default of the table.
func fromGo(v any) any {
	switch v := v.(type) {
	case []any:
		return phparray.List(v...)
	case map[string]any:
		return phparray.New() // the table's maps are empty
	default:
		return v
	}
}

// decoded reads a text that is JSON, as the deploy stage does with every text: "true", "3"
// and '{"a": 1}' are what they look like; anything else stays.
func decoded(v any) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	if found, err := phparray.DecodeJSON([]byte(text)); err == nil && found != nil {
		return found
	}
	return v
}

// Problem is a value that cannot be used, so that the default stands.
type Problem struct {
	Name string
	Err  error // why it is not JSON
}

// Undecodable returns the array variables whose text is not JSON, which the deploy stage
// ignores.
func (v *Variables) Undecodable() []Problem {
	var out []Problem
	r := v.In(manifest.StageDeploy)
	for _, known := range manifest.StageVariables() {
		s, ok := r.given(known.Name)
		text, isText := s.Value.(string)
		if !ok || !isText || text == "" || known.Type != manifest.TypeArray {
			continue
		}
		found, err := phparray.DecodeJSON([]byte(text))
		if err == nil && found == nil {
			err = errors.New("it is null")
		}
		if err != nil {
			out = append(out, Problem{known.Name, err})
		}
	}
	return out
}
