package value

// Replace returns base with the entries of over in place of its own, not looking into maps
// (spec: ece-tools A.5, shallow). Neither argument is changed.
func Replace(base, over *Map) *Map {
	out := base.Clone()
	if out == nil {
		out = &Map{}
	}
	for key, v := range over.Clone().All() {
		out.Set(key, v)
	}
	return out
}

// DeepReplace returns base with the values of over: where both have a map the two are
// merged, else over wins. Lists are merged by their index and never shrink, as PHP's
// array_replace_recursive does (spec: ece-tools A.5). Neither argument is changed.
func DeepReplace(base, over *Map) *Map {
	out := base.Clone()
	if out == nil {
		out = &Map{}
	}
	for key, v := range over.All() {
		above, isMap := v.(*Map)
		if !isMap {
			out.Set(key, v)
			continue
		}
		below, both := out.values[key].(*Map)
		if !both {
			out.Set(key, above.Clone())
			continue
		}
		out.Set(key, DeepReplace(below, above))
	}
	return out
}

// Flatten returns the leaves of nested maps, the keys joined by a separator; an empty map
// is a leaf (spec: ece-tools A.5).
func Flatten(m *Map, separator string) *Map {
	out := &Map{}
	flatten(out, m, "", separator)
	return out
}

func flatten(out, m *Map, prefix, separator string) {
	for key, v := range m.All() {
		if below, ok := v.(*Map); ok && below.Len() > 0 {
			flatten(out, below, prefix+key+separator, separator)
			continue
		}
		out.Set(prefix+key, v)
	}
}
