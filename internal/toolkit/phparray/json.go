package phparray

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// DecodeJSON reads one JSON value; objects and lists become arrays that keep the order of
// the text, whole numbers stay integers.
func DecodeJSON(src []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(src))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one value")
	}
	return v, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return From(t), nil
	}
	if depth >= maxDepth {
		return nil, fmt.Errorf("values nest deeper than %d", maxDepth)
	}
	a := New()
	for d.More() {
		var key any
		if delim == '{' {
			if key, err = d.Token(); err != nil {
				return nil, err
			}
		}
		v, err := decodeValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		if name, ok := key.(string); ok {
			a.Set(name, v)
		} else {
			a.Append(v)
		}
	}
	if _, err := d.Token(); err != nil { // the closing bracket
		return nil, err
	}
	return a, nil
}

// From makes a value of this package from what encoding/json and YAML decoders produce.
// The keys of a Go map are sorted, since it has no order. Anything that PHP has no scalar
// for becomes its text.
func From(v any) any {
	switch v := v.(type) {
	case nil, bool, int, string, *Array:
		return v
	case int64:
		return int(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v) // encoding/json knows no integers
		}
		return v
	case json.Number:
		return number(v.String())
	case map[string]any:
		a := New()
		for _, key := range slices.Sorted(maps.Keys(v)) {
			a.Set(key, From(v[key]))
		}
		return a
	case map[string]string:
		a := New()
		for _, key := range slices.Sorted(maps.Keys(v)) {
			a.Set(key, v[key])
		}
		return a
	case []any:
		a := New()
		for _, item := range v {
			a.Append(From(item))
		}
		return a
	case []string:
		a := New()
		for _, item := range v {
			a.Append(item)
		}
		return a
	default:
		return fmt.Sprint(v)
	}
}

func number(text string) any {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(f, 0) {
		return strings.Clone(text)
	}
	return f
}

// Plain returns a value in the types that encoding/json and YAML encoders know: lists are
// []any, all other arrays map[string]any.
func Plain(v any) any {
	a, ok := v.(*Array)
	if !ok {
		return v
	}
	if a.Len() == 0 || a.IsList() {
		out := make([]any, 0, a.Len())
		for _, item := range a.All() {
			out = append(out, Plain(item))
		}
		return out
	}
	out := make(map[string]any, a.Len())
	for k, item := range a.All() {
		out[k.String()] = Plain(item)
	}
	return out
}
