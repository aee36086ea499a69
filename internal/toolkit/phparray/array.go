package phparray

import (
	"iter"
	"maps"
	"math"
	"slices"
)

// Array is an array of PHP: a map with integer and text keys that keeps the order of
// insertion. Values are nil, bool, int, float64, string or *Array. Methods that read
// accept a nil Array, which is empty.
type Array struct {
	keys   []Key
	values map[Key]any
	next   int  // key of the next appended value
	index  bool // there has been an integer key; before it, next is 0
	full   bool // the largest integer has been a key
}

// New returns an empty array.
func New() *Array { return &Array{values: map[Key]any{}} }

// List returns an array with the keys 0 to n-1.
func List(values ...any) *Array {
	a := New()
	for _, v := range values {
		a.Append(v)
	}
	return a
}

// Map returns an array of keys and values in turn: Map("host", "db", "port", 3306). It
// panics when there is a key without a value; use it with literals only.
func Map(pairs ...any) *Array {
	a := New()
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok || i+1 == len(pairs) {
			panic("phparray.Map: want keys and values in turn")
		}
		a.Set(key, pairs[i+1])
	}
	return a
}

// Len returns the number of keys.
func (a *Array) Len() int {
	if a == nil {
		return 0
	}
	return len(a.keys)
}

// All yields keys and values in order.
func (a *Array) All() iter.Seq2[Key, any] {
	return func(yield func(Key, any) bool) {
		if a == nil {
			return
		}
		for _, k := range a.keys {
			if !yield(k, a.values[k]) {
				return
			}
		}
	}
}

// Keys returns the keys as texts, in order.
func (a *Array) Keys() []string {
	out := make([]string, 0, a.Len())
	for k := range a.All() {
		out = append(out, k.String())
	}
	return out
}

// IsList reports whether the keys are 0 to n-1 in this order, n > 0.
func (a *Array) IsList() bool {
	i := 0
	for k := range a.All() {
		if k != Int(i) {
			return false
		}
		i++
	}
	return i > 0
}

// Lookup returns the value of a key.
func (a *Array) Lookup(k Key) (any, bool) {
	if a == nil {
		return nil, false
	}
	v, ok := a.values[k]
	return v, ok
}

// Put sets the value of a key; a new key goes to the end.
func (a *Array) Put(k Key, v any) {
	if _, ok := a.values[k]; !ok {
		a.keys = append(a.keys, k)
	}
	a.values[k] = v
	if n, ok := k.Number(); ok && (n >= a.next || !a.index) {
		a.index, a.full = true, n == math.MaxInt
		a.next = n + 1
	}
}

// Remove deletes a key.
func (a *Array) Remove(k Key) {
	if _, ok := a.Lookup(k); !ok {
		return
	}
	delete(a.values, k)
	a.keys = slices.DeleteFunc(a.keys, func(other Key) bool { return other == k })
}

// Append adds a value under the next integer key. It reports false, as PHP refuses, when
// there is none left.
func (a *Array) Append(v any) bool {
	if a.full {
		return false
	}
	a.Put(Int(a.next), v)
	return true
}

// Has reports whether there is a value, also null, at the end of a path of keys.
func (a *Array) Has(path ...string) bool {
	_, ok := a.find(path)
	return ok
}

// Get returns the value at the end of a path of keys, or nil.
func (a *Array) Get(path ...string) any {
	v, _ := a.find(path)
	return v
}

// Sub returns the array at the end of a path of keys, or nil.
func (a *Array) Sub(path ...string) *Array {
	sub, _ := a.Get(path...).(*Array)
	return sub
}

// Text returns the scalar at the end of a path of keys as PHP prints it.
func (a *Array) Text(path ...string) string { return String(a.Get(path...)) }

func (a *Array) find(path []string) (any, bool) {
	var v any = a
	for _, key := range path {
		sub, _ := v.(*Array)
		var ok bool
		if v, ok = sub.Lookup(Text(key)); !ok {
			return nil, false
		}
	}
	return v, true
}

// Set sets the value of a key; a new key goes to the end.
func (a *Array) Set(key string, v any) { a.Put(Text(key), v) }

// SetAt sets the value at the end of a path of keys and makes the arrays on the way; what
// is there and no array is replaced.
func (a *Array) SetAt(v any, path ...string) {
	for _, key := range path[:len(path)-1] {
		sub, ok := a.Get(key).(*Array)
		if !ok {
			sub = New()
			a.Set(key, sub)
		}
		a = sub
	}
	a.Set(path[len(path)-1], v)
}

// Unset deletes the value at the end of a path of keys; arrays that become empty stay.
func (a *Array) Unset(path ...string) {
	last := len(path) - 1
	if sub := a.Sub(path[:last]...); sub != nil {
		sub.Remove(Text(path[last]))
	}
}

// Clone returns a copy that shares nothing with a; of nil it is an empty array.
func (a *Array) Clone() *Array {
	if a == nil {
		return New()
	}
	out := &Array{keys: slices.Clone(a.keys), values: maps.Clone(a.values), next: a.next, index: a.index, full: a.full}
	for k, v := range out.values {
		if sub, ok := v.(*Array); ok {
			out.values[k] = sub.Clone()
		}
	}
	return out
}

// Equal reports whether two arrays have the same keys and values of the same types in the
// same order.
func (a *Array) Equal(b *Array) bool {
	if a.Len() != b.Len() {
		return false
	}
	if a.Len() == 0 {
		return true
	}
	return slices.Equal(a.keys, b.keys) && !slices.ContainsFunc(a.keys, func(k Key) bool { return !Same(a.values[k], b.values[k]) })
}

// Same reports whether two values have the same type and content, as === does.
func Same(a, b any) bool {
	left, isLeft := a.(*Array)
	right, isRight := b.(*Array)
	if isLeft && isRight {
		return left.Equal(right)
	}
	return !isLeft && !isRight && a == b
}
