package platform

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DataState says what an environment's data looks like to code, by application: equal states
// mean that code which ran on one runs on the other. It is about schemas, not about content.
// nil is a state that is not known, an empty one data that no deployment ever wrote to. The key
// AllData stands for all data, when it was replaced as a whole.
type DataState map[string]string

// AllData is the key of what counts for all data of an environment.
const AllData = ""

// DataMarker is a file in the directory of a service that says which version used it last.
const DataMarker = ".sluice-service"

// SchemaState is the state of data whose schema and patches an application reported.
func SchemaState(digest string) string { return "schema " + digest }

// WrittenBy is the state of data that a release may have written to last, in whatever way.
func WrittenBy(release string) string { return "release " + release }

// Fits reports whether code that served with one state can serve with the other.
func (s DataState) Fits(other DataState) bool {
	return s != nil && other != nil && maps.Equal(s, other)
}

// String says it for people.
func (s DataState) String() string {
	switch {
	case s == nil:
		return "not recorded"
	case len(s) == 0:
		return "never written to by a deployment"
	}
	var parts []string
	for _, app := range slices.Sorted(maps.Keys(s)) {
		kind, value, _ := strings.Cut(s[app], " ")
		text := fmt.Sprintf("schema and patches %.12s", value)
		if kind == "release" {
			text = "last written by the deployment of release " + value
		}
		if app != AllData {
			text = app + ": " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}
