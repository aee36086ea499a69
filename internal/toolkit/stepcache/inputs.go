package stepcache

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Inputs are everything that a step reads: names for people, each with a digest or a short
// value. Files of one package in vendor are one input.
type Inputs map[string]string

// Digest returns 64 hexadecimal characters; equal inputs have equal ones.
func (in Inputs) Digest() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(in)) {
		_, _ = fmt.Fprintf(h, "%q %q\n", name, in[name]) // a hash does not fail
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Changed returns the names of the inputs in which in differs from old, sorted: those that
// changed, and with a word those that came and went.
func (in Inputs) Changed(old Inputs) []string {
	var names []string
	for name, value := range in {
		if was, ok := old[name]; !ok {
			names = append(names, name+" (new)")
		} else if was != value {
			names = append(names, name)
		}
	}
	for name := range old {
		if _, ok := in[name]; !ok {
			names = append(names, name+" (removed)")
		}
	}
	slices.Sort(names)
	return names
}

// group is the input that a file belongs to: itself, or its package in vendor.
func group(name string) string {
	if parts := strings.SplitN(name, "/", 4); len(parts) == 4 && parts[0] == "vendor" {
		return strings.Join(parts[:3], "/")
	}
	return name
}
