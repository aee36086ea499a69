package patch

import (
	"bytes"
	"regexp"
)

// failedAt finds the file in what git says of a hunk that does not fit.
var failedAt = regexp.MustCompile(`patch failed: (.+?):\d+(?:;|$)`)

// lineEnds returns a hint when a patch does not fit for an invisible reason: Windows line ends in it or in
// the file, or a newline at the file's end that only one of them has. "" when there is another reason.
func (t Tool) lineEnds(text []byte, reason string) string {
	if windows(text) {
		return `the patch has Windows line ends (CR LF); convert it with sed -i 's/\r$//'`
	}
	found := failedAt.FindStringSubmatch(reason)
	if found == nil {
		return ""
	}
	content, err := read(t.Root, found[1])
	if err != nil {
		return "" // git has said what it is
	}
	switch {
	case windows(content) && !bytes.Contains(text, []byte("\r\n")):
		return found[1] + " has Windows line ends (CR LF), the patch does not"
	case !bytes.HasSuffix(content, []byte("\n")) && endsWithin(text, content):
		return found[1] + " has no newline at its end, the patch expects one"
	case bytes.HasSuffix(content, []byte("\n")) && unended.Match(text):
		return found[1] + " has a newline at its end, the patch expects none"
	}
	return ""
}

// windows reports whether the first line ends with CR LF.
func windows(text []byte) bool {
	line, _, ok := bytes.Cut(text, []byte("\n"))
	return ok && bytes.HasSuffix(line, []byte("\r"))
}

// unended is a line that a patch expects at a file's end without a newline behind it.
var unended = regexp.MustCompile(`(?m)^[ -].*\n\\ No newline at end of file`)

// endsWithin reports whether a patch expects a newline behind the last line of a file.
func endsWithin(text, content []byte) bool {
	last := regexp.QuoteMeta(string(content[bytes.LastIndexByte(content, '\n')+1:]))
	line := regexp.MustCompile(`(?m)^[ -]` + last + `\n(\\ No newline)?`).FindSubmatch(text)
	return line != nil && line[1] == nil
}
