package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// document makes the tree of a YAML text; nil when it cannot be parsed, which is reported.
func (c *converter) document(data []byte) *node {
	text, ok := c.clean(data)
	if !ok {
		return nil
	}
	root, err := parseYAML(text)
	if err != nil {
		c.add(c.syntaxError(text, err))
		return nil
	}
	if root == nil || len(root.Content) == 0 {
		return &node{pos: Position{File: c.file, Line: 1, Column: 1}, kind: kindNull}
	}
	return c.convert(root.Content[0], 0)
}

// documentsError says that a file holds a second YAML document on this line.
type documentsError struct{ line int }

func (e documentsError) Error() string { return "the file has several documents" }

func parseYAML(text []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var root yaml.Node
	if err := dec.Decode(&root); errors.Is(err, io.EOF) {
		return nil, nil //nolint:nilnil // an empty file has no tree and no mistake
	} else if err != nil {
		return nil, err
	}
	var second yaml.Node
	switch err := dec.Decode(&second); {
	case errors.Is(err, io.EOF):
		return &root, nil
	case err != nil:
		return nil, err
	case len(second.Content) == 1 && second.Content[0].ShortTag() == "!!null":
		return &root, nil // a trailing "---" or "..."
	default:
		return nil, documentsError{line: second.Line}
	}
}

// clean checks a text byte by byte and line by line, and removes what YAML libraries
// cannot read. It reports false when the file cannot be used.
func (c *converter) clean(data []byte) (text []byte, ok bool) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		c.textError(1, 1, "invalid-encoding", "the file is in UTF-16", "", "save it as UTF-8")
		return nil, false
	}
	if rest, found := bytes.CutPrefix(data, []byte("\xef\xbb\xbf")); found {
		c.add(Diagnostic{
			Pos: c.place(1, 1), Severity: SeverityNotice, Rule: "byte-order-mark",
			Message: "the file begins with a byte order mark", Fix: "save it as UTF-8 without BOM",
		})
		data = rest
	}
	if i := invalidByte(data); i >= 0 {
		line := 1 + bytes.Count(data[:i], []byte("\n"))
		column := i - bytes.LastIndexByte(data[:i], '\n')
		c.textError(line, column, "invalid-encoding", fmt.Sprintf("byte 0x%02x is not valid here", data[i]), "the file must be UTF-8 text", "save it as UTF-8")
		return nil, false
	}
	if i := bytes.Index(data, []byte("\r\n")); i >= 0 {
		c.add(Diagnostic{
			Pos: c.place(1+bytes.Count(data[:i], []byte("\n")), 0), Severity: SeverityNotice, Rule: "carriage-return",
			Message: "lines end in CR LF", Why: "it is read as if they ended in LF", Fix: "save the file with Unix line ends",
		})
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	}
	if c.conflictMarkers(data) {
		return nil, false
	}
	if c.constants {
		data = phpConstant.ReplaceAll(data, []byte("${1}"+constantMark+"${2}"))
	}
	return data, true
}

// phpConstant finds the tag that ece-tools has for constants of PHP. The tag's argument
// has characters that no YAML tag may have, so the tag is made a word of the same length
// before the text is parsed.
var phpConstant = regexp.MustCompile(`(?m)((?:^|[\s,{\[]))!php/const[: ](\\?[A-Za-z_])`)

const (
	constantMark = "php-const::"
	constantTag  = "!php/const:"
)

// invalidByte returns where a text stops being text, or -1.
func invalidByte(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			return i
		}
		i += size
	}
	return -1
}

// conflictMarkers reports every merge conflict that was committed, the end of one too when
// its beginning is gone.
func (c *converter) conflictMarkers(data []byte) bool {
	found, open, line := false, false, 0
	for text := range bytes.Lines(data) {
		line++
		begins, ends := bytes.HasPrefix(text, []byte("<<<<<<< ")), bytes.HasPrefix(text, []byte(">>>>>>> "))
		if begins || ends && !open {
			c.textError(line, 1, "merge-conflict", "a merge conflict is committed here", "the file is not valid YAML until it is resolved",
				"keep one side and remove the lines with <<<<<<<, ======= and >>>>>>>")
			found = true
		}
		open = begins || open && !ends
	}
	return found
}

// libraryLine takes the line out of the library's messages.
var libraryLine = regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors:\s*)?(?:line (\d+): )?(.*)$`)

// syntaxHints say what usually causes a message of the YAML library.
func syntaxHints() [][2]string {
	return [][2]string{
		{"mapping values are not allowed", "quote a value that contains \": \", or fix the indentation"},
		{"did not find expected key", "indent the keys of a map equally, and close quotes before the next key"},
		{"could not find expected ':'", "write \"key: value\" with a colon and a space, and close quotes"},
		{"did not find expected '-' indicator", "begin every item of a list with \"- \" in the same column"},
		{"did not find expected alphabetic or numeric character", "quote a value that begins with * or &, such as \"* * * * *\""},
		{"cannot start any token", "quote a value that begins with @, ` or %"},
		{"unknown escape character", "write text with backslashes in single quotes"},
		{"unexpected end of stream", "close the quote or bracket"},
		{"did not find expected ',' or", "close the bracket, and put a comma between items"},
		{"unknown anchor", "define the anchor with & above its use, or quote a value that begins with *"},
		{"block sequence entries are not allowed", "begin the list on its own line"},
		{"document start", "remove the second document, or fix the indentation"},
		{"did not find expected <document start>", "fix the indentation of the first lines"},
	}
}

// syntaxError turns an error of the library into a diagnostic with its place.
func (c *converter) syntaxError(text []byte, err error) Diagnostic {
	if several, ok := errors.AsType[documentsError](err); ok {
		return Diagnostic{
			Pos: c.place(several.line, 1), Severity: SeverityError, Rule: "several-documents",
			Message: "a second YAML document begins here", Why: "only one is read", Fix: "remove the line \"---\" before it",
		}
	}
	match := libraryLine.FindStringSubmatch(err.Error())
	line, message := 1, err.Error()
	if match != nil {
		message = match[2]
		line = c.syntaxLine(text, match[1], message)
	}
	if tab, column := indentedWithTab(text, line+1); tab > 0 {
		return Diagnostic{
			Pos: c.place(tab, column), Severity: SeverityError, Rule: "tab-indentation",
			Message: "the line is indented with a tab", Why: "YAML allows only spaces", Fix: "replace the tab by spaces",
		}
	}
	d := Diagnostic{Pos: c.place(line, firstColumn(text, line)), Severity: SeverityError, Rule: "yaml-syntax", Message: "not valid YAML: " + message}
	for _, hint := range syntaxHints() {
		if strings.Contains(message, hint[0]) {
			d.Fix = hint[1]
			break
		}
	}
	return d
}

// parserMessage recognises the messages whose lines the library counts from 0.
var parserMessage = regexp.MustCompile(`^did not find expected (?:<|key|node|'-'|',')|^found (?:undefined tag|duplicate %|incompatible)`)

// syntaxLine corrects the line of a message of the library. It counts some lines from 0,
// has none for the first line, and gives the end of the file for a quote that opens on
// the first line.
func (c *converter) syntaxLine(text []byte, number, message string) int {
	line, err := strconv.Atoi(number)
	switch {
	case err != nil:
		return anchorLine(text, message)
	case parserMessage.MatchString(message):
		return line + 1
	case line > bytes.Count(text, []byte("\n")) && strings.Contains(message, "end of stream"):
		return 1
	default:
		return line
	}
}

// anchorLine finds the use of an unknown anchor, which the library reports without a line.
func anchorLine(text []byte, message string) int {
	_, rest, ok := strings.Cut(message, "unknown anchor '")
	name, _, _ := strings.Cut(rest, "'")
	if !ok {
		return 1
	}
	before, _, found := bytes.Cut(text, []byte("*"+name))
	if !found {
		return 1
	}
	return 1 + bytes.Count(before, []byte("\n"))
}

// indentedWithTab returns the first line up to last whose indentation has a tab.
func indentedWithTab(text []byte, last int) (line, column int) {
	n := 0
	for l := range bytes.Lines(text) {
		n++
		if n > last {
			return 0, 0
		}
		indent := l[:len(l)-len(bytes.TrimLeft(l, " \t"))]
		if i := bytes.IndexByte(indent, '\t'); i >= 0 && len(bytes.TrimSpace(l)) > 0 {
			return n, i + 1
		}
	}
	return 0, 0
}

// firstColumn is the column of the first character of a line that is not a space.
func firstColumn(text []byte, line int) int {
	n := 0
	for l := range bytes.Lines(text) {
		n++
		if n == line {
			return 1 + len(l) - len(bytes.TrimLeft(l, " "))
		}
	}
	return 1
}

func (c *converter) place(line, column int) Position {
	return Position{File: c.file, Line: line, Column: column}
}

func (c *converter) textError(line, column int, rule, message, why, fix string) {
	c.add(Diagnostic{Pos: c.place(line, column), Severity: SeverityError, Rule: rule, Message: message, Why: why, Fix: fix})
}
