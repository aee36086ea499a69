// Package termtext makes text from elsewhere (hooks, applications, visitors, pushers) safe
// to show on a terminal: colours pass, and everything else that could move the cursor,
// change the title or write to the clipboard becomes visible instead.
//
// It is pure and knows no other package of this module.
package termtext

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	escape = '\x1b'
	reset  = "\x1b[0m"
	// maxSGR is the longest colour sequence that passes, in bytes.
	maxSGR = 32
)

// Line returns a line that is safe to show. Tabs and SGR sequences (colours, bold) pass,
// but for concealed text; what a line switches on ends with it. Control characters and
// bidirectional overrides become visible, invalid UTF-8 becomes U+FFFD.
func Line(s string) string { return clean(s, true) }

// Plain is Line without colours, for texts that are part of another one.
func Plain(s string) string { return clean(s, false) }

func clean(s string, colours bool) string {
	if !strings.ContainsFunc(s, suspicious) {
		return s
	}
	var b strings.Builder
	open := false // a colour is switched on
	for i := 0; i < len(s); {
		if n := sgrLength(s[i:]); colours && n > 0 {
			seq := s[i : i+n]
			b.WriteString(seq)
			open = seq != reset && seq != "\x1b[m"
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		if r == '\n' && open {
			b.WriteString(reset)
			open = false
		}
		b.WriteString(visible(r))
	}
	if open {
		b.WriteString(reset)
	}
	return b.String()
}

// suspicious reports whether a character may not be shown as it is.
func suspicious(r rune) bool {
	switch {
	case r == '\t' || r == '\n':
		return false
	case r < ' ', r >= 0x7f && r < 0xa0, r == utf8.RuneError:
		return true
	default: // embeddings, overrides and isolates show text in another order than it has
		return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
	}
}

// visible returns what is shown for a character.
func visible(r rune) string {
	switch {
	case !suspicious(r) || r == utf8.RuneError:
		return string(r)
	case r < ' ':
		return string(0x2400 + r) // the control pictures, such as ␛ and ␍
	case r == 0x7f:
		return "\u2421"
	default:
		return fmt.Sprintf("<U+%04X>", r)
	}
}

// sgrLength returns the length of the SGR sequence that s begins with, or 0.
func sgrLength(s string) int {
	if len(s) < 3 || s[0] != escape || s[1] != '[' {
		return 0
	}
	end := strings.IndexFunc(s[2:], func(r rune) bool { return (r < '0' || r > '9') && r != ';' && r != ':' })
	if end < 0 || end > maxSGR || s[2+end] != 'm' {
		return 0
	}
	params := strings.FieldsFunc(s[2:2+end], func(r rune) bool { return r == ';' || r == ':' })
	// Concealed text; the 8 in 38;5;8 is a colour.
	conceals := slices.ContainsFunc(params, func(p string) bool { return strings.TrimLeft(p, "0") == "8" })
	if conceals && !slices.Contains(params, "38") && !slices.Contains(params, "48") {
		return 0
	}
	return 2 + end + 1
}

// maxLine is how much of an unfinished line a Writer keeps, in bytes.
const maxLine = 64 << 10

// Writer passes lines on as Line makes them. Close writes the unfinished last line.
type Writer struct {
	w    io.Writer
	rest []byte
}

// NewWriter returns a Writer to w. It is not safe for concurrent use.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write implements io.Writer. Whole lines are passed on at once.
func (w *Writer) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	end := bytes.LastIndexByte(w.rest, '\n') + 1
	if end == 0 && len(w.rest) > maxLine {
		end = len(w.rest)
	}
	if end == 0 {
		return len(p), nil
	}
	_, err := io.WriteString(w.w, Line(string(w.rest[:end])))
	w.rest = append(w.rest[:0], w.rest[end:]...)
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close writes the unfinished line, if there is one. It does not close the writer below.
func (w *Writer) Close() error {
	if len(w.rest) == 0 {
		return nil
	}
	_, err := io.WriteString(w.w, Line(string(w.rest)))
	w.rest = nil
	return err
}
