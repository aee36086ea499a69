package platform

import (
	"errors"
	"strings"
	"testing"
)

func TestTitlesCanBePrinted(t *testing.T) {
	for title, valid := range map[string]bool{
		"": true, "Ünser Shop, 日本": true, strings.Repeat("é", 200): true,
		strings.Repeat("x", 201): false, "\x1b]0;evil\a": false, "two\nlines": false, "a\u202eb": false, "\u009b31m": false, "\xff": false,
	} {
		_, err := EnvironmentChange{Title: &title}.Apply(Environment{})
		if (err == nil) != valid || (err != nil && ErrorCode(err) != CodeInvalid) {
			t.Errorf("%q: got %v", title, err)
		}
	}
}

func TestPlacesOfEnvironments(t *testing.T) {
	env := func(name, parent string, kind EnvironmentType) Environment {
		return Environment{Project: "shop", Name: name, Parent: parent, Type: kind}
	}
	all := []Environment{
		env("main", "", Production), env("stage", "main", Staging), env("x", "stage", Development), env("y", "x", Development),
	}
	for _, tt := range []struct {
		env    int
		change EnvironmentChange
		field  string // of the error
	}{
		{2, EnvironmentChange{Parent: new("main")}, ""},
		{2, EnvironmentChange{Parent: new("")}, ""},
		{2, EnvironmentChange{Parent: new("nothere")}, "parent"},
		{2, EnvironmentChange{Parent: new("x")}, "parent"},
		{1, EnvironmentChange{Parent: new("y")}, "parent"},
		{0, EnvironmentChange{Parent: new("stage")}, "parent"},
		{2, EnvironmentChange{Type: new(Staging)}, ""},
		{2, EnvironmentChange{Type: new(Production)}, "type"},
		{2, EnvironmentChange{Type: new(EnvironmentType("toy"))}, "type"},
		{0, EnvironmentChange{Type: new(Staging)}, "type"},
		{0, EnvironmentChange{Type: new(Production)}, ""},
	} {
		err := tt.change.CheckPlace(all[tt.env], "main", all)
		got := ""
		if e, ok := errors.AsType[*Error](err); ok {
			got = e.Field
		}
		if got != tt.field {
			t.Errorf("%s, %+v: %v", all[tt.env].Name, tt.change, err)
		}
	}
}
