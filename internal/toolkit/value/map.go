package value

import (
	"iter"
	"slices"
	"strconv"
)

// Map is a PHP array. Keys are strings; a key that is a decimal integer in its shortest
// form is an integer for PHP, which never holds both 0 and "0". The zero value is empty and
// ready. A Map is not safe for concurrent writes.
type Map struct {
	keys   []string
	values map[string]any
}

// Of returns a map of alternating keys and values: Of("host", "db", "port", 3306). It
// panics when a key is no string or has no value: that is a mistake in the program.
func Of(pairs ...any) *Map {
	if len(pairs)%2 != 0 {
		panic("value.Of: a key without a value")
	}
	m := &Map{}
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			panic("value.Of: a key must be a string")
		}
		m.Set(key, pairs[i+1])
	}
	return m
}

// List returns a map with the keys 0, 1, ...
func List(items ...any) *Map {
	m := &Map{}
	for _, item := range items {
		m.Append(item)
	}
	return m
}

// Len returns the number of entries; a nil map has none.
func (m *Map) Len() int {
	if m == nil {
		return 0
	}
	return len(m.keys)
}

// Get returns the value at a key; a nil map has none.
func (m *Map) Get(key string) (any, bool) {
	if m == nil {
		return nil, false
	}
	v, ok := m.values[key]
	return v, ok
}

// Has reports whether the key exists, even with the value null.
func (m *Map) Has(key string) bool {
	_, ok := m.Get(key)
	return ok
}

// Set puts a value at a key: in its old place, else at the end.
func (m *Map) Set(key string, v any) {
	if m.values == nil {
		m.values = map[string]any{}
	}
	if _, ok := m.values[key]; !ok {
		m.keys = append(m.keys, key)
	}
	m.values[key] = v
}

// Append puts a value at the next free integer key, as PHP's $a[] does.
func (m *Map) Append(v any) {
	next := 0
	for _, key := range m.keys {
		if n, ok := IntKey(key); ok && n >= next {
			next = n + 1
		}
	}
	m.Set(strconv.Itoa(next), v)
}

// Delete removes a key; an absent one is fine.
func (m *Map) Delete(key string) {
	if !m.Has(key) {
		return
	}
	delete(m.values, key)
	m.keys = slices.DeleteFunc(m.keys, func(k string) bool { return k == key })
}

// Keys returns the keys in order.
func (m *Map) Keys() []string {
	if m == nil {
		return nil
	}
	return slices.Clone(m.keys)
}

// All yields the entries in order. The map must not be changed meanwhile.
func (m *Map) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		if m == nil {
			return
		}
		for _, key := range m.keys {
			if !yield(key, m.values[key]) {
				return
			}
		}
	}
}

// IsList reports whether the keys are 0, 1, ..., in order. An empty map is a list.
func (m *Map) IsList() bool {
	if m == nil {
		return true
	}
	for i, key := range m.keys {
		if key != strconv.Itoa(i) {
			return false
		}
	}
	return true
}

// Map returns the map at a path of keys; nil when there is none.
func (m *Map) Map(path ...string) *Map {
	v, ok := m.At(path...)
	if !ok {
		return nil
	}
	below, ok := v.(*Map)
	if !ok {
		return nil
	}
	return below
}

// At returns the value at a path of keys: At("db", "connection", "default", "host").
func (m *Map) At(path ...string) (any, bool) {
	var v any = m
	for _, key := range path {
		below, ok := v.(*Map)
		if !ok {
			return nil, false
		}
		if v, ok = below.Get(key); !ok {
			return nil, false
		}
	}
	return v, m != nil
}

// Text returns the value at a path as PHP prints it; "" when there is none or it is a map.
func (m *Map) Text(path ...string) string {
	v, _ := m.At(path...)
	return Text(v)
}

// Put sets the value at a path of keys and makes the maps above it; a scalar in the way is
// replaced by a map.
func (m *Map) Put(v any, path ...string) {
	at := m
	for i, key := range path {
		if i == len(path)-1 {
			at.Set(key, v)
			return
		}
		below, ok := at.values[key].(*Map)
		if !ok || below == nil {
			below = &Map{}
			at.Set(key, below)
		}
		at = below
	}
}

// Clone returns a copy that shares no map with the original; nil stays nil.
func (m *Map) Clone() *Map {
	if m == nil {
		return nil
	}
	c := &Map{}
	for key, v := range m.All() {
		if below, ok := v.(*Map); ok {
			v = below.Clone()
		}
		c.Set(key, v)
	}
	return c
}

// IntKey returns the integer that PHP makes of a key; ok is false for a string key.
func IntKey(key string) (n int, ok bool) {
	n, err := strconv.Atoi(key)
	return n, err == nil && strconv.Itoa(n) == key
}
