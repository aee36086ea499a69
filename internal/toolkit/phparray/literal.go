package phparray

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// singleQuoted reads a text in single quotes: only \' and \\ are escapes.
func (l *lexer) singleQuoted() (token, *mistake) {
	start := l.at
	var out []byte
	for i := start + 1; i < len(l.src); i++ {
		switch c := l.src[i]; {
		case c == '\'':
			l.at = i + 1
			return token{kind: tokenString, text: string(out), start: start}, nil
		case c == '\\' && i+1 < len(l.src) && (l.src[i+1] == '\'' || l.src[i+1] == '\\'):
			i++
			out = append(out, l.src[i])
		default:
			out = append(out, c)
		}
	}
	return token{}, &mistake{start, "the text has no end", "close it with '"}
}

// doubleQuoted reads a text in double quotes that holds no variables.
func (l *lexer) doubleQuoted() (token, *mistake) {
	start := l.at
	var out []byte
	for i := start + 1; i < len(l.src); {
		c := l.src[i]
		switch {
		case c == '"':
			l.at = i + 1
			return token{kind: tokenString, text: string(out), start: start}, nil
		case c == '\\':
			text, length, m := escape(l.src[i:], i)
			if m != nil {
				return token{}, m
			}
			out = append(out, text...)
			i += length
		case l.interpolates(i):
			return token{}, &mistake{i, "a variable in a text cannot be read", "write the value itself, in single quotes"}
		default:
			out = append(out, c)
			i++
		}
	}
	return token{}, &mistake{start, "the text has no end", "close it with \""}
}

func (l *lexer) interpolates(i int) bool {
	if i+1 >= len(l.src) {
		return false
	}
	next := l.src[i+1]
	return l.src[i] == '$' && (isWordStart(next) || next == '{') || l.src[i] == '{' && next == '$'
}

// escape reads an escape of a text in double quotes; at is its place for a mistake.
func escape(src []byte, at int) (text []byte, length int, m *mistake) {
	if len(src) < 2 {
		return src, 1, nil
	}
	if i := strings.IndexByte(`nrtvef\$"`, src[1]); i >= 0 {
		return []byte{"\n\r\t\v\x1b\f\\$\""[i]}, 2, nil
	}
	switch {
	case src[1] >= '0' && src[1] <= '7':
		n, length := digits(src[1:], 3, 8)
		return []byte{byte(n)}, 1 + length, nil //nolint:gosec // G115: PHP wraps octal escapes above \377
	case src[1] == 'x':
		if n, length := digits(src[2:], 2, 16); length > 0 {
			return []byte{byte(n)}, 2 + length, nil //nolint:gosec // G115: two digits fit
		}
	case src[1] == 'u' && len(src) > 2 && src[2] == '{':
		n, length := digits(src[3:], 8, 16)
		if length == 0 || 3+length >= len(src) || src[3+length] != '}' || n > utf8.MaxRune {
			return nil, 0, &mistake{at, "the escape \\u{} is wrong", "write \\u{20AC} for example"}
		}
		return utf8.AppendRune(nil, rune(n)), 4 + length, nil //nolint:gosec // G115: bounded by MaxRune
	}
	return src[:2], 2, nil
}

// digits reads at most limit digits of a base.
func digits(src []byte, limit, base int) (n, length int) {
	for length < min(limit, len(src)) {
		d := strings.IndexByte("0123456789abcdef", src[length]|0x20)
		if isDigit(src[length]) {
			d = int(src[length] - '0')
		}
		if d < 0 || d >= base {
			break
		}
		n = n*base + d
		length++
	}
	return n, length
}

// number reads an integer or a float. Integers that are too large are floats, as in PHP.
func (l *lexer) number() (token, *mistake) {
	start := l.at
	for l.at < len(l.src) {
		c := l.src[l.at]
		sign := (c == '+' || c == '-') && l.at > start && l.src[l.at-1]|0x20 == 'e' && !isHex(l.src[start:l.at])
		if !isDigit(c) && c != '.' && !isWordStart(c) && !sign {
			break
		}
		l.at++
	}
	text := string(l.src[start:l.at])
	clean, ok := withoutUnderscores(text)
	if !ok {
		return token{}, &mistake{start, "the number " + strconv.Quote(clip(text)) + " is wrong", ""}
	}
	lower := strings.ToLower(clean)
	if len(lower) > 1 && lower[0] == '0' && isDigit(lower[1]) && !strings.ContainsAny(lower, ".e") {
		lower = "0o" + lower[1:]
	}
	if n, err := strconv.ParseInt(lower, 0, 64); err == nil {
		return token{kind: tokenInt, text: strconv.FormatInt(n, 10), start: start}, nil
	}
	if f, ok := largeNumber(lower); ok {
		return token{kind: tokenFloat, text: strconv.FormatFloat(f, 'g', -1, 64), start: start}, nil
	}
	return token{}, &mistake{start, "the number " + strconv.Quote(clip(text)) + " is wrong", ""}
}

func isHex(src []byte) bool { return len(src) > 1 && src[0] == '0' && src[1]|0x20 == 'x' }

// withoutUnderscores removes the underscores between digits; anywhere else they are wrong.
func withoutUnderscores(text string) (string, bool) {
	for i := range text {
		if text[i] == '_' && (i == 0 || i+1 == len(text) || !hexDigit(text[i-1]) || !hexDigit(text[i+1])) {
			return "", false
		}
	}
	return strings.ReplaceAll(text, "_", ""), true
}

func hexDigit(c byte) bool {
	return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// largeNumber reads a float, or an integer that is too large for one.
func largeNumber(lower string) (float64, bool) {
	for prefix, base := range map[string]float64{"0x": 16, "0o": 8, "0b": 2} {
		rest, ok := strings.CutPrefix(lower, prefix)
		if !ok {
			continue
		}
		f := 0.0
		for i := range len(rest) {
			d := strings.IndexByte("0123456789abcdef", rest[i])
			if d < 0 || float64(d) >= base {
				return 0, false
			}
			f = f*base + float64(d)
		}
		return f, rest != ""
	}
	if strings.ContainsAny(lower, "xpin") {
		return 0, false
	}
	f, err := strconv.ParseFloat(lower, 64)
	return f, err == nil || f != 0
}

// clip shortens a text for a message.
func clip(s string) string {
	if len(s) > 60 {
		return s[:57] + "..."
	}
	return s
}
