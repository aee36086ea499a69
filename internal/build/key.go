package build

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Key is the identity of a slug: named parts, each a digest or a short text. Two builds
// with equal keys give equal slugs.
type Key struct {
	Parts []KeyPart
}

// KeyPart is one thing that a slug depends on.
type KeyPart struct {
	Name  string // for people: "source tree", "variable COMPOSER_AUTH"
	Value string // a digest; never a secret in the clear
}

// With returns k with one more part.
func (k Key) With(name, value string) Key {
	return Key{Parts: append(slices.Clone(k.Parts), KeyPart{Name: name, Value: value})}
}

// Without returns k without the part of this name.
func (k Key) Without(name string) Key {
	return Key{Parts: slices.DeleteFunc(slices.Clone(k.Parts), func(p KeyPart) bool { return p.Name == name })}
}

// Sum returns the key's digest: 64 hexadecimal characters. Parts count in name order,
// so the order in which they were added does not matter.
func (k Key) Sum() string {
	parts := slices.Clone(k.Parts)
	slices.SortFunc(parts, func(a, b KeyPart) int { return strings.Compare(a.Name, b.Name) })
	h := sha256.New()
	for _, p := range parts {
		for _, s := range []string{p.Name, p.Value} {
			h.Write([]byte(s))
			h.Write([]byte{0})
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Changed returns the names of the parts in which k differs from old: changed, added
// and removed ones, sorted.
func (k Key) Changed(old Key) []string {
	before := map[string]string{}
	for _, p := range old.Parts {
		before[p.Name] = p.Value
	}
	var names []string
	for _, p := range k.Parts {
		if v, ok := before[p.Name]; !ok || v != p.Value {
			names = append(names, p.Name)
		}
		delete(before, p.Name)
	}
	for name := range before {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
