package poststep

import (
	"errors"
	"net/url"
	"strings"

	"sluice/internal/toolkit/phparray"
)

// PHP may print notices before what a command of bin/magento prints, and behind it. They are no
// part of the output.

// lastURL returns the last line that is a URL; "" when none is.
func lastURL(text string) string {
	found := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if u, err := url.Parse(line); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
			found = line
		}
	}
	return found
}

// decodeList returns the array of the JSON that begins at the start of some line: all that
// follows, else that line alone.
func decodeList(text string) (*phparray.Array, error) {
	for rest := text; rest != ""; {
		line, after, _ := strings.Cut(rest, "\n")
		for _, candidate := range []string{rest, line} {
			v, err := phparray.DecodeJSON([]byte(strings.TrimSpace(candidate)))
			if a, ok := v.(*phparray.Array); ok && err == nil {
				return a, nil
			}
		}
		rest = after
	}
	return nil, errors.New("the answer has no JSON list in it")
}
