package snapshot

import (
	"net/url"
	"slices"
	"strings"

	"sluice/internal/platform"
)

// What follows is the same in all implementations.

// Choose returns the parts of a snapshot that are planted; CodeInvalid when it lacks one
// that is asked for.
func (r PlantRequest) Choose(s Snapshot) ([]Part, error) {
	if r.Parts == nil {
		return s.Parts, nil
	}
	var out []Part
	for _, name := range r.Parts {
		p, ok := s.Part(name)
		if !ok {
			var have []string
			for _, p := range s.Parts {
				have = append(have, p.Name)
			}
			return nil, platform.Errorf(platform.CodeInvalid, "the snapshot %s has no part %q; nothing was changed", s.ID, name).
				WithHint("its parts are: %s", strings.Join(have, ", "))
		}
		out = append(out, p)
	}
	return out, nil
}

// Replaced returns those of an environment's parts that make room: all of them when the
// whole snapshot is planted, for data that it does not hold was not there in its moment.
func (r PlantRequest) Replaced(have []string) []string {
	if r.Parts == nil {
		return have
	}
	return slices.DeleteFunc(slices.Clone(have), func(name string) bool { return !slices.Contains(r.Parts, name) })
}

// Newest orders snapshots, the newest first.
func Newest(a, b Snapshot) int {
	if c := b.Taken.Compare(a.Taken); c != 0 {
		return c
	}
	return strings.Compare(b.ID, a.ID)
}

// SourceName returns the name of the directory that holds a source of an application's
// mounts: the source, escaped, and no name that begins with a dot.
func SourceName(source string) string {
	name := url.PathEscape(source)
	if name == "" || name[0] == '.' {
		name = "%2E" + strings.TrimPrefix(name, ".")
	}
	return name
}

// SourceOf is the reverse of SourceName; ok is false for names that it does not return.
func SourceOf(name string) (source string, ok bool) {
	if name == "%2E" {
		return "", true
	}
	source, err := url.PathUnescape(name)
	return source, err == nil && SourceName(source) == name
}

// NotFound is the error for a snapshot that does not exist.
func NotFound(id string) error {
	return platform.Errorf(platform.CodeNotFound, "snapshot %q not found", id)
}

// Busy is the error for a snapshot that is open or is being planted.
func Busy(id string) error {
	return platform.Errorf(platform.CodeConflict, "the snapshot %s is being read; nothing was changed", id).
		WithHint("try again when the activity that reads it has ended")
}
