package wire

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strings"
)

// Errors of messages that are not understood. Nothing of such a message may be used.
var (
	ErrMalformed = errors.New("malformed message")
	ErrTooLarge  = errors.New("message header too large")
)

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }

// Field is one line of a header or trailer. Name is in canonical form.
type Field struct{ Name, Value string }

// isToken says which bytes a method or a field's name may have (RFC 9110 5.6.2).
var isToken = func() (t [256]bool) { //nolint:gochecknoglobals // a constant table
	for c := range 256 {
		t[c] = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' ||
			strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0 && c != 0
	}
	return t
}()

// ValidName reports whether a field may have the name: whether it is a token.
func ValidName(s string) bool { return validToken(s) }

func validToken(s string) bool {
	for i := range len(s) {
		if !isToken[s[i]] {
			return false
		}
	}
	return s != ""
}

// parseFields appends the lines of text, each of which ends with a line feed, to fields.
// The values share text's memory. Folded lines, which only old servers send, are joined.
func parseFields(text string, fields []Field) ([]Field, error) {
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			return nil, malformed("an empty line within the header")
		}
		if line[0] == ' ' || line[0] == '\t' {
			if len(fields) == 0 {
				return nil, malformed("the header begins with a folded line")
			}
			last := &fields[len(fields)-1]
			last.Value = strings.TrimSpace(last.Value + " " + strings.Trim(line, " \t"))
			if !validValue(line) {
				return nil, malformed("a control character in a value")
			}
			continue
		}
		name, value, found := strings.Cut(line, ":")
		if !found || !validToken(name) {
			return nil, malformed("a field without a proper name")
		}
		if !validValue(value) {
			return nil, malformed("a control character in a value")
		}
		fields = append(fields, Field{Name: canonical(name), Value: strings.Trim(value, " \t")})
	}
	return fields, nil
}

// canonical is http.CanonicalHeaderKey, quicker for names that are in that form.
func canonical(name string) string {
	upper := true
	for i := range len(name) {
		c := name[i]
		if upper && c >= 'a' && c <= 'z' || !upper && c >= 'A' && c <= 'Z' {
			return textproto.CanonicalMIMEHeaderKey(name)
		}
		upper = c == '-'
	}
	return name
}

// validValue refuses what would end a line or a string elsewhere.
func validValue(v string) bool {
	return strings.IndexByte(v, '\r') < 0 && strings.IndexByte(v, 0) < 0 && strings.IndexByte(v, '\n') < 0
}

// HeadEnd returns where the empty line that ends a header ends, or -1. It looks from on.
func HeadEnd(b []byte, from int) int {
	for {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			return -1
		}
		from += i + 1
		switch {
		case from < len(b) && b[from] == '\n':
			return from + 1
		case from+1 < len(b) && b[from] == '\r' && b[from+1] == '\n':
			return from + 2
		}
	}
}

// HasToken reports whether a comma-separated list names the token, whatever its case.
func HasToken(list, token string) bool {
	for list != "" {
		item, rest, _ := strings.Cut(list, ",")
		list = rest
		if strings.EqualFold(strings.Trim(item, " \t"), token) {
			return true
		}
	}
	return false
}

// Trailers returns the names of those fields that lists of Trailer announce (RFC 9110 6.6.2)
// and that may follow the body.
func Trailers(lists []string) []string {
	var names []string
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ",") {
			if name = http.CanonicalHeaderKey(strings.TrimSpace(name)); mayTrail(name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// mayTrail reports whether a field may follow the body: none that would change what was
// read before it (RFC 9110 6.5.1).
func mayTrail(name string) bool {
	switch name {
	case "", "Authorization", "Cache-Control", "Connection", "Content-Encoding", "Content-Length", "Content-Range",
		"Content-Type", "Expect", "Host", "Keep-Alive", "Max-Forwards", "Pragma", "Proxy-Authenticate",
		"Proxy-Authorization", "Proxy-Connection", "Range", "Realm", "Te", "Trailer", "Transfer-Encoding", "Www-Authenticate":
		return false
	}
	return !strings.HasPrefix(name, "If-")
}
