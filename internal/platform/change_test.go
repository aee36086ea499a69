package platform

import (
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
