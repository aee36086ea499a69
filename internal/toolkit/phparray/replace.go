package phparray

// Replace returns base with later values put over it, the "deep replace" of the
// original: where both have an array it goes on inside, otherwise the later value
// wins. Lists are replaced index by index and never shrink; an empty array in later
// changes nothing. Neither argument is changed.
func Replace(base, later *Array) *Array {
	out := base.Clone()
	for k, v := range later.All() {
		sub, isArray := v.(*Array)
		old, _ := out.Lookup(k)
		if oldSub, ok := old.(*Array); ok && isArray {
			out.Put(k, Replace(oldSub, sub))
			continue
		}
		if isArray {
			v = sub.Clone()
		}
		out.Put(k, v)
	}
	return out
}

// Only returns the keys of a that keep wants, in a's order. Values are shared.
func (a *Array) Only(keep func(key string) bool) *Array {
	out := New()
	for k, v := range a.All() {
		if keep(k.String()) {
			out.Put(k, v)
		}
	}
	return out
}

// mergeFlag marks a configuration that changes the generated one instead of replacing it.
const mergeFlag = "_merge"

// MergeRequired reports whether a configuration variable asks to be merged: a true
// "_merge" and at least one other key.
func MergeRequired(custom *Array) bool {
	return Truthy(custom.Get(mergeFlag)) && !IsBlank(custom)
}

// IsBlank reports whether a configuration variable says nothing: no key but "_merge".
func IsBlank(custom *Array) bool {
	return custom.Len() == 0 || custom.Len() == 1 && custom.Has(mergeFlag)
}

// WithoutMerge returns a configuration variable without its "_merge".
func WithoutMerge(custom *Array) *Array {
	return custom.Only(func(key string) bool { return key != mergeFlag })
}

// Merge combines what was generated with a configuration variable: nothing said leaves it,
// "_merge: true" changes it, anything else takes its place.
func Merge(generated, custom *Array) *Array {
	switch {
	case IsBlank(custom):
		return generated.Clone()
	case MergeRequired(custom):
		return Replace(generated, WithoutMerge(custom))
	default:
		return WithoutMerge(custom).Clone()
	}
}
