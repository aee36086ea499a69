package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// maxDepth bounds the nesting that is read, as PHP's json_decode does.
const maxDepth = 512

// FromJSON decodes JSON into a value; objects keep the order of their keys, arrays become
// lists, integers that fit are int. Text after the value is an error.
func FromJSON(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	v, err := decode(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("text after the JSON value at byte %d", dec.InputOffset())
	}
	return v, nil
}

func decode(dec *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("JSON is nested more than %d deep", maxDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok := tok.(type) {
	case json.Delim:
		return decodeMap(dec, tok, depth)
	case json.Number:
		return number(tok.String())
	default: // string, bool, nil
		return tok, nil
	}
}

func decodeMap(dec *json.Decoder, open json.Delim, depth int) (*Map, error) {
	m := &Map{}
	for i := 0; dec.More(); i++ {
		key := strconv.Itoa(i)
		if open == '{' {
			tok, err := dec.Token()
			if err != nil {
				return nil, err
			}
			name, ok := tok.(string)
			if !ok {
				return nil, fmt.Errorf("JSON key %v is no string", tok)
			}
			key = name
		}
		v, err := decode(dec, depth+1)
		if err != nil {
			return nil, err
		}
		m.Set(key, v)
	}
	_, err := dec.Token()
	return m, err
}

func number(text string) (any, error) {
	if !strings.ContainsAny(text, ".eE") {
		if n, err := strconv.Atoi(text); err == nil {
			return n, nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return nil, fmt.Errorf("JSON number %q is out of range", text)
	}
	return f, nil
}

// MarshalJSON writes a list as an array and any other map as an object in order; an empty
// map is [].
func (m *Map) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	list := m.IsList()
	b.WriteByte(map[bool]byte{true: '[', false: '{'}[list])
	first := true
	for key, v := range m.All() {
		if !first {
			b.WriteByte(',')
		}
		first = false
		if !list {
			if err := write(&b, key); err != nil {
				return nil, err
			}
			b.WriteByte(':')
		}
		if err := write(&b, v); err != nil {
			return nil, err
		}
	}
	b.WriteByte(map[bool]byte{true: ']', false: '}'}[list])
	return b.Bytes(), nil
}

// write appends one JSON value without escaping <, > and &: users read these files.
func write(b *bytes.Buffer, v any) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the newline of Encode
	return nil
}
