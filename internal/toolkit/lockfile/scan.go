package lockfile

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// scanner reads the few fields of composer.lock that count and skips the rest. A real lock is
// a megabyte, of which encoding/json looks at every value twice; every command of the
// toolkit would start 10 ms later. What the scanner does not expect is left to
// encoding/json: every method reports false then.
type scanner struct {
	src []byte
	at  int
}

// scanLock reads the packages and the packages-dev of a lock file.
func scanLock(src []byte) (packages, dev []Package, ok bool) {
	s := &scanner{src: src}
	ok = s.object(func(key string) bool {
		switch key {
		case "packages":
			return packages == nil && s.packages(&packages)
		case "packages-dev":
			return dev == nil && s.packages(&dev)
		}
		return s.skip()
	}, "packages", "packages-dev")
	s.blank()
	return packages, dev, ok && s.at == len(s.src)
}

// packages reads a list of packages; null is none.
func (s *scanner) packages(out *[]Package) bool {
	*out = []Package{}
	if s.blank(); bytes.HasPrefix(s.src[s.at:], []byte("null")) {
		s.at += len("null")
		return true
	}
	return s.list(func() bool {
		var p Package
		if !s.object(func(key string) bool { return s.field(&p, key) }, "name", "version", "type", "require", "replace") {
			return false
		}
		*out = append(*out, p)
		return true
	})
}

func (s *scanner) field(p *Package, key string) bool {
	switch key {
	case "name":
		return s.text(&p.Name)
	case "version":
		return s.text(&p.Version)
	case "type":
		return s.text(&p.Type)
	case "require":
		return s.links(&p.Require)
	case "replace":
		return s.links(&p.Replace)
	}
	return s.skip()
}

// links reads an object of texts; PHP writes an empty one as [].
func (s *scanner) links(out *Links) bool {
	if s.blank(); bytes.HasPrefix(s.src[s.at:], []byte("[")) {
		return s.list(func() bool { return false })
	}
	*out = Links{}
	return s.object(func(name string) bool {
		var constraint string
		ok := s.text(&constraint)
		(*out)[name] = constraint
		return ok
	})
}

// object reads an object; value reads the value of a key. A wanted key that comes twice or
// in other letters is not expected: encoding/json has its own rules for these.
func (s *scanner) object(value func(key string) bool, wanted ...string) bool {
	var seen []string
	return s.items('{', '}', func() bool {
		var key string
		if !s.text(&key) || !s.take(':') {
			return false
		}
		for _, name := range wanted {
			if strings.EqualFold(key, name) {
				if key != name || slices.Contains(seen, name) {
					return false
				}
				seen = append(seen, name)
			}
		}
		return value(key)
	})
}

func (s *scanner) list(item func() bool) bool { return s.items('[', ']', item) }

// items reads what is between two brackets, separated by commas.
func (s *scanner) items(opening, closing byte, item func() bool) bool {
	if !s.take(opening) {
		return false
	}
	if s.take(closing) {
		return true
	}
	for {
		if !item() {
			return false
		}
		if s.take(closing) {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

func (s *scanner) blank() {
	for s.at < len(s.src) && (s.src[s.at] == ' ' || s.src[s.at] == '\n' || s.src[s.at] == '\t' || s.src[s.at] == '\r') {
		s.at++
	}
}

// take reads one character, if it is the next.
func (s *scanner) take(c byte) bool {
	s.blank()
	if s.at >= len(s.src) || s.src[s.at] != c {
		return false
	}
	s.at++
	return true
}

// text reads a string.
func (s *scanner) text(out *string) bool {
	s.blank()
	start := s.at
	plain, ok := s.quoted()
	switch {
	case !ok:
		return false
	case plain:
		*out = string(s.src[start+1 : s.at-1])
		return true
	}
	return json.Unmarshal(s.src[start:s.at], out) == nil
}

// quoted passes a string; plain says that what is between the quotes is its content.
func (s *scanner) quoted() (plain, ok bool) {
	if s.at >= len(s.src) || s.src[s.at] != '"' {
		return false, false
	}
	plain = true
	for i := s.at + 1; i < len(s.src); i++ {
		switch c := s.src[i]; {
		case c == '"':
			s.at = i + 1
			return plain, true
		case c == '\\':
			plain = false
			i++
		case c < ' ' || c >= 0x80:
			plain = false
		}
	}
	return false, false
}

// skip passes a value.
func (s *scanner) skip() bool {
	s.blank()
	depth := 0
	for s.at < len(s.src) {
		switch c := s.src[s.at]; c {
		case '"':
			if _, ok := s.quoted(); !ok {
				return false
			}
			if depth == 0 {
				return true
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return true
			}
			if depth--; depth == 0 {
				s.at++
				return true
			}
		case ',':
			if depth == 0 {
				return true
			}
		}
		s.at++
	}
	return false
}
